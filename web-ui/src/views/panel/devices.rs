//! A user's phones, each with what a policy found of it last, rule by rule.

use super::Part;
use crate::{
    kit::{pill::Pill, time::Ago},
    views::audit::Findings,
};
use leptos::prelude::*;
use viworks_api::user::DeviceRow;
use viworks_domain::policy::Verdict;
use viworks_web_model::words::{self, Tone};

#[component]
pub fn Devices(devices: Signal<Vec<DeviceRow>>) -> impl IntoView {
    let devices = Memo::new(move |_| devices.get());
    view! {
        <Part name="devices" title="Phones">
            <Show
                when=move || !devices.with(Vec::is_empty)
                fallback=|| view! { <p class="note">"No phone yet. Without one nobody gets past the password."</p> }
            >
                <ul class="devices">
                    {move || devices.get().into_iter().map(|device| view! { <Device device /> }).collect_view()}
                </ul>
            </Show>
        </Part>
    }
}

#[component]
fn Device(device: DeviceRow) -> impl IntoView {
    let (tone, text) = match (device.revoked, device.enrolled) {
        (true, _) => (Tone::Quiet, "Revoked"),
        (false, true) => (Tone::Good, "Enrolled"),
        (false, false) => (Tone::Busy, "Waiting to be enrolled"),
    };
    let protection = device.protection.map(words::key_protection);
    view! {
        <li class="device" data-device=device.id.to_string()>
            <p class="device-head">
                <Pill tone text=text.to_owned() />
                {protection.map(|text| view! { <span>{text}</span> })}
                {device.enrolled_at.map(|at| view! { <span>"enrolled " <Ago at /></span> })}
                {device.reported_at.map(|at| view! { <span>"last report " <Ago at /></span> })}
            </p>
            {match device.verdict {
                Some(verdict) => view! { <LastVerdict verdict /> }.into_any(),
                None if device.enrolled => {
                    view! { <p class="note">"It has not reported yet: nothing was judged."</p> }.into_any()
                }
                None => ().into_any(),
            }}
        </li>
    }
}

/// The last verdict with every rule: what denies first, what was not asked last.
#[component]
pub fn LastVerdict(verdict: Verdict) -> impl IntoView {
    let Verdict { gate, allow, mut findings, facts } = verdict;
    findings.sort_by_key(|finding| words::standing_rank(finding.standing));
    let (tone, text) = if allow { (Tone::Good, "Allowed") } else { (Tone::Bad, "Denied") };
    let phone = facts.posture.map(|posture| {
        let country = posture.network_country.map(|country| format!(" in {country}")).unwrap_or_default();
        format!("{} {}{country}", posture.os, posture.os_version)
    });
    view! {
        <div class="verdict" data-allow=allow.to_string()>
            <p class="verdict-head">
                <Pill tone text=text.to_owned() />
                <span>{words::gate(gate)} ", " <Ago at=facts.at /></span>
                {phone.map(|phone| view! { <span>{phone}</span> })}
            </p>
            <Findings findings />
        </div>
    }
}
