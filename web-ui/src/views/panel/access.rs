//! What a user may reach, when and from where, policy by policy; and by which gateways.

use super::Part;
use crate::{
    kit::{pill::Pill, place, time},
    views::names::Names,
};
use leptos::prelude::*;
use viworks_api::policy::PolicySummary;
use viworks_domain::ids::{GatewayId, PolicyId};
use viworks_web_model::{
    countries, format,
    words::{self, Tone},
};

#[component]
pub fn Access(
    policies: Signal<Vec<PolicyId>>,
    gateways: Signal<Vec<GatewayId>>,
    names: Names,
) -> impl IntoView {
    let policies = Memo::new(move |_| policies.get());
    let gateways = Memo::new(move |_| gateways.get());
    let known = Memo::new(move |_| {
        let all = names.policies.rows();
        policies.with(|ids| {
            ids.iter().map(|id| (*id, all.iter().find(|row| row.id == *id).cloned())).collect::<Vec<_>>()
        })
    });
    view! {
        <Part name="access" title="May reach">
            <ul class="policies">
                {move || {
                    known
                        .get()
                        .into_iter()
                        .map(|(id, row)| match row {
                            Some(row) => view! { <Policy row /> }.into_any(),
                            None => view! { <li data-policy=id.to_string() class="note">"A policy that is not listed."</li> }.into_any(),
                        })
                        .collect_view()
                }}
            </ul>
            <Show when=move || policies.with(Vec::is_empty)>
                <p class="note">"No policy: nothing is allowed."</p>
            </Show>
        </Part>
        <Part name="gateways" title="Through">
            <ul class="panel-gateways">
                <For each=move || gateways.get() key=|id| *id let:id>
                    <Gateway id names />
                </For>
            </ul>
            <Show when=move || gateways.with(Vec::is_empty)>
                <p class="note">"No gateway: there is no way in."</p>
            </Show>
        </Part>
    }
}

#[component]
fn Policy(row: PolicySummary) -> impl IntoView {
    let when = if row.windows.is_empty() {
        "At any time".to_owned()
    } else {
        let windows = row.windows.iter().map(format::window).collect::<Vec<_>>().join("; ");
        format!("{windows} ({})", row.time_zone)
    };
    let list = |codes: &[viworks_domain::policy::Country]| {
        codes.iter().map(|code| countries::name(*code)).collect::<Vec<_>>().join(", ")
    };
    let allow =
        if row.countries.allow.is_empty() { "every country".to_owned() } else { list(&row.countries.allow) };
    let from = if row.countries.deny.is_empty() {
        sentence(&allow)
    } else {
        format!("{}, but not {}", sentence(&allow), list(&row.countries.deny))
    };
    let tone = words::policy_tone(row.state);
    let not_after = row.not_after.map(|at| time::local(at).full());
    view! {
        <li class="policy" data-policy=row.id.to_string()>
            <p class="policy-head">
                <strong>{row.name}</strong>
                <span class="note">{format!("version {}", row.version)}</span>
                {(tone != Tone::Good).then(|| view! { <Pill tone text=words::policy_state(row.state).to_owned() /> })}
            </p>
            <dl class="facts">
                <div>
                    <dt>"Reaches"</dt>
                    <dd>{if row.resources.is_empty() { "Nothing".into() } else { row.resources.join(", ") }}</dd>
                </div>
                <div>
                    <dt>"When"</dt>
                    <dd>{when}</dd>
                </div>
                {not_after.map(|at| view! { <div><dt>"Until"</dt><dd>{at}</dd></div> })}
                <div>
                    <dt>"From"</dt>
                    <dd>{from}</dd>
                </div>
                <div>
                    <dt>"Longest session"</dt>
                    <dd>{format::minutes(row.max_minutes)}</dd>
                </div>
            </dl>
        </li>
    }
}

fn sentence(text: &str) -> String {
    words::sentence(text)
}

#[component]
fn Gateway(id: GatewayId, names: Names) -> impl IntoView {
    let health = Memo::new(move |_| {
        let gateway = names.gateways.rows().into_iter().find(|row| row.id == id)?;
        gateway.health
    });
    view! {
        <li data-on-gateway=id.to_string()>
            <button type="button" class="link" on:click=|_| place::go("/gateways")>{move || names.gateway(id)}</button>
            {move || health.get().map(|health| view! {
                <Pill tone=words::health_tone(health) text=words::health(health).to_owned() />
            })}
        </li>
    }
}
