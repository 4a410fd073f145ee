//! One entry: when, what, who, and what a policy found.

use crate::{
    kit::{
        pill::Pill,
        time::{self, Ago},
    },
    session,
    views::names::Names,
};
use leptos::prelude::*;
use viworks_api::audit::AuditRow;
use viworks_domain::{
    Millis,
    actor::Actor,
    policy::{Finding, Gate},
};
use viworks_web_model::{
    format, steps,
    timeline::{self, Details},
    words,
};

/// The row draws itself from its own signal: a user's steps change after the entry was made.
#[component]
pub fn Entry(row: ArcRwSignal<AuditRow>, names: Names) -> impl IntoView {
    let first = row.get_untracked();
    let details = Memo::new({
        let row = row.clone();
        move |_| row.with(timeline::details)
    });
    let summary = words::sentence(&timeline::summary(&first, time::local));
    let kind = words::kind(&first.kind).map_or_else(|| first.kind.clone(), |kind| kind.words.to_owned());
    // Not twice the same.
    let kind = (!summary.to_lowercase().starts_with(&kind.to_lowercase())).then_some(kind);
    let tone = tone(&first);
    let is_denial = first.kind == "session.denied";
    view! {
        <li
            class="entry" data-entry=format!("{}.{}", first.seq, first.n) data-kind=first.kind.clone()
            data-tone=tone.map(words::Tone::word)
        >
            <Moment at=first.at />
            <div class="entry-body">
                <p class="entry-head">
                    <span class="entry-summary">{summary}</span>
                    // Where a story's head says what its one entry says.
                    <span class="entry-ago"><Ago at=first.at /></span>
                    <span class="entry-meta">
                        {kind.map(|kind| view! { <span class="entry-kind">{kind}</span> })}
                        {is_told(&first).then(|| view! { <Actor actor=first.actor.clone() operator=first.operator.clone() names /> })}
                    </span>
                </p>
                {move || details.get().map(|details| view! { <Shown details names open=is_denial /> })}
            </div>
        </li>
    }
}

/// That whoever signs in was not signed in before goes without saying; who tried in vain does not.
fn is_told(row: &AuditRow) -> bool {
    row.actor != Actor::Stranger || row.kind.ends_with("_failed")
}

/// Red and amber for what an auditor looks for; everything else is simply text.
fn tone(row: &AuditRow) -> Option<words::Tone> {
    match row.kind.as_str() {
        "session.denied" | "user.step_failed" | "session.admission_refused" | "session.receipts_overdue" => {
            Some(words::Tone::Bad)
        }
        "command.refused"
        | "command.expired"
        | "user.login_failed"
        | "session.answer_refused"
        | "operator.sign_in_failed"
        | "session.expired"
        | "session.code_expired"
        | "directory.claim_refused" => Some(words::Tone::Warn),
        "session.connected" | "session.ended" => Some(words::Tone::Good),
        _ => None,
    }
}

/// The time of day, with the date when it was another day than today.
#[component]
fn Moment(at: Millis) -> impl IntoView {
    let local = time::local(at);
    let today = time::today();
    let is_today = move || today.with(|today| *today == local.date());
    view! {
        <time class="entry-at" datetime=at.to_string() title=local.full()>
            {move || (!is_today()).then(|| view! { <span class="entry-date">{local.day_month()}</span> })}
            {local.clock()}
        </time>
    }
}

#[component]
pub fn Actor(actor: Actor, operator: Option<String>, names: Names) -> impl IntoView {
    let word = words::actor_word(&actor);
    let text = move || format!("by {}", who(&actor, operator.as_deref(), names));
    view! { <span class="entry-actor" data-actor=word>{text}</span> }
}

/// Tracked: gateways have names, and the operator at the screen is "you".
pub fn who(actor: &Actor, operator: Option<&str>, names: Names) -> String {
    match actor {
        Actor::Operator { id, .. } if session::expect().me().is_some_and(|me| me.operator == *id) => {
            "you".into()
        }
        Actor::Gateway { id } => names.gateway(*id),
        other => words::actor(other, operator).into(),
    }
}

#[component]
fn Shown(details: Details, names: Names, open: bool) -> impl IntoView {
    match details {
        Details::Verdict { gate, allow, findings, phone_country } => {
            view! { <Verdict gate allow findings phone_country open /> }.into_any()
        }
        Details::Resources { labels, verdict } => view! {
            <dl class="facts">
                <div><dt>"Reaches"</dt> <dd>{if labels.is_empty() { "nothing".into() } else { labels.join(", ") }}</dd></div>
            </dl>
            {verdict.map(|verdict| view! { <Shown details=*verdict names open /> })}
        }
        .into_any(),
        Details::Missing(layers) => {
            let layers = layers.into_iter().map(words::layer).collect::<Vec<_>>().join(", ");
            view! { <p class="note">"No receipt from: " {layers}</p> }.into_any()
        }
        Details::StepFailed { step, reason } => {
            let place = move || steps::title(&step, &|id| names.gateway(id));
            view! { <p class="note">{place} ": " {words::step_failure(reason)} ". " {move || steps::remedy(&step, reason, &|id| names.gateway(id))}</p> }
                .into_any()
        }
        Details::Steps(steps) => view! {
            <ul class="entry-steps">
                {steps
                    .into_iter()
                    .map(|row| {
                        let text = move || {
                            let title = steps::title(&row.step, &|id| names.gateway(id));
                            format!("{title}: {}", words::step_state(row.state).to_lowercase())
                        };
                        view! {
                            <li data-step=words::step_word(row.step) data-state=words::step_state_word(row.state)>
                                <Pill tone=words::step_tone(row.state) text=Signal::derive(text) />
                            </li>
                        }
                    })
                    .collect_view()}
            </ul>
        }
        .into_any(),
        Details::Policy(rules) => view! {
            <details class="more-details">
                <summary>"The policy as it was set"</summary>
                <dl class="facts">
                    {rules.into_iter().map(|(name, text)| view! { <div><dt>{name}</dt> <dd>{text}</dd></div> }).collect_view()}
                </dl>
            </details>
        }
        .into_any(),
    }
}

/// What a policy found; open where it is the matter itself.
#[component]
fn Verdict(
    gate: Gate,
    allow: bool,
    findings: Vec<Finding>,
    phone_country: Option<String>,
    open: bool,
) -> impl IntoView {
    let verdict = if allow { "Allowed" } else { "Denied" };
    let count = match findings.len() {
        0 => String::new(),
        n => format!(", {}", format::count(n, "finding", "findings")),
    };
    view! {
        <details class="more-details" open=open>
            <summary>{format!("{verdict} {}{count}", words::gate(gate))}</summary>
            {phone_country.map(|country| view! { <p class="note">"The phone’s network: " {country}</p> })}
            {(!findings.is_empty()).then(|| view! { <Findings findings /> })}
        </details>
    }
}

/// Rule by rule, in words; the colour repeats them.
#[component]
pub fn Findings(findings: Vec<Finding>) -> impl IntoView {
    view! {
        <table class="findings">
            <thead class="sr-only">
                <tr>
                    <th scope="col">"Rule"</th>
                    <th scope="col">"Standing"</th>
                </tr>
            </thead>
            <tbody>
                {findings
                    .into_iter()
                    .map(|finding| {
                        let (rule, standing) = (words::of(&finding.rule), words::of(&finding.standing));
                        view! {
                            <tr data-rule=rule data-standing=standing>
                                <th scope="row">{words::rule(finding.rule)}</th>
                                <td>
                                    <Pill
                                        tone=words::standing_tone(finding.standing)
                                        text=words::standing(finding.standing).to_owned()
                                    />
                                </td>
                            </tr>
                        }
                    })
                    .collect_view()}
            </tbody>
        </table>
    }
}
