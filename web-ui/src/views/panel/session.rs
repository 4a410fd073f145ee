//! Everything about a session: whose it is, what it reaches, until when and why, what was found, what is left of it.

use super::{Absent, Part, devices::LastVerdict, stories::Stories};
use crate::{
    feed,
    kit::{
        busy::ActButton,
        pill::Pill,
        place::{self as here, Panel},
        time::{self, Ago, Until},
    },
    session, shell,
    views::{names::Names, receipts::Lines},
};
use leptos::prelude::*;
use viworks_api::{
    feed::{AuditQuery, Query, SessionQuery},
    operator::Permission,
    session::SessionRow,
};
use viworks_domain::{Millis, ids::SessionId};
use viworks_web_model::{
    ending, format, place,
    sessions::{self, Course},
    timeline, words,
};

#[component]
pub fn OfSession(id: SessionId) -> impl IntoView {
    let query = move || Query::Sessions(SessionQuery { id: Some(id), ..SessionQuery::default() });
    let rows = feed::expect().watch::<SessionRow>(query, 1);
    let is_here = Memo::new(move |_| rows.ids().contains(&id));
    move || match is_here.get().then(|| rows.row(id)).flatten() {
        Some(row) => view! { <Known id row /> }.into_any(),
        None => view! { <Absent state=rows.state() nobody="There is no such session." /> }.into_any(),
    }
}

#[component]
fn Known(id: SessionId, row: ArcRwSignal<SessionRow>) -> impl IntoView {
    let names = Names::expect();
    let row = RwSignal::from(row);
    let user = row.with_untracked(|row| row.user);
    let verdict = Memo::new(move |_| row.with(|row| row.verdict.clone()));
    view! {
        <header class="panel-head">
            <p class="panel-kind">"Session"</p>
            <h2>
                "of "
                <button type="button" class="link" on:click=move |_| here::open(Panel::User(user))>
                    {move || row.with(person)}
                </button>
            </h2>
            <StatePill row />
            <p class="panel-sub"><Lasting row /></p>
            <End row />
        </header>
        <Receipts row />
        <Part name="facts" title="What it is">
            <Facts row names />
        </Part>
        <Part name="verdict" title="What the policy found">
            {move || match verdict.get() {
                Some(verdict) => view! { <LastVerdict verdict /> }.into_any(),
                None => view! { <p class="note">"Nothing was judged yet."</p> }.into_any(),
            }}
        </Part>
        <Stories
            query=AuditQuery { session: Some(id), ..AuditQuery::default() }
            whole=place::address("/audit", &[(timeline::SESSION, &id.to_string())])
            names
        />
    }
}

fn person(row: &SessionRow) -> String {
    row.username.clone().unwrap_or_else(|| "an erased user".into())
}

#[component]
fn StatePill(row: RwSignal<SessionRow>) -> impl IntoView {
    let state = Memo::new(move |_| row.with(|row| row.state));
    view! {
        <span data-state=move || words::of(&state.get())>
            <Pill
                tone=Signal::derive(move || words::session_tone(state.get()))
                text=Signal::derive(move || words::session_state(state.get()).to_owned())
            />
        </span>
    }
}

/// Since when, until when, and why.
#[component]
fn Lasting(row: RwSignal<SessionRow>) -> impl IntoView {
    let since = Memo::new(move |_| row.with(sessions::since));
    let course = Memo::new(move |_| row.with(sessions::course));
    view! {
        <span>"began " <Ago at=since /></span>
        {move || match course.get() {
            Course::Open => ().into_any(),
            Course::Until { at, because } => view! {
                <span>"ends " <Until at /> {because.map(|because| format!(", when {}", words::ends_because(because)))}</span>
            }
            .into_any(),
            Course::Ending { reason, overdue } => view! {
                <span>{reason.map(|reason| because(&reason))}</span>
                {overdue.then(|| view! { <span>"receipts are overdue"</span> })}
            }
            .into_any(),
            Course::Ended { at, reason } => view! {
                <span>{reason.map(|reason| because(&reason))}</span>
                {at.map(|at| view! { <span>"ended " <Ago at /></span> })}
            }
            .into_any(),
            Course::NeverStood { at } => {
                at.map(|at| view! { <span>"over " <Ago at /></span> }).into_any()
            }
        }}
    }
}

/// With the words of whoever ended it.
fn because(reason: &viworks_domain::session::EndReason) -> String {
    match words::end_note(reason) {
        Some(note) => format!("{}: “{note}”", words::end_reason(reason)),
        None => words::end_reason(reason).to_owned(),
    }
}

/// Ending it, for whom that is allowed and while there is something to end.
#[component]
fn End(row: RwSignal<SessionRow>, #[prop(optional)] whose: String) -> impl IntoView {
    let (session, target) = (session::expect(), shell::terminating());
    let is_offered = Memo::new(move |_| {
        session.may(Permission::EndSessions) && row.with(|row| ending::can_be_ended(row.state))
    });
    let id = row.with_untracked(|row| row.id);
    view! {
        <Show when=move || is_offered.get()>
            <ActButton
                label="Terminate" whose=whose.clone() class="danger"
                on_click=Callback::new(move |()| target.set(Some(id)))
            />
        </Show>
    }
}

/// What is known to be gone, once the end is decided.
#[component]
fn Receipts(row: RwSignal<SessionRow>) -> impl IntoView {
    let known = Memo::new(move |_| row.with(ending::receipts));
    let certainty = Memo::new(move |_| row.with(|row| ending::certainty(row).text()));
    view! {
        <Show when=move || !known.with(Vec::is_empty)>
            <Part name="receipts" title="What is left of it">
                <p class="certainty" role="status">{move || certainty.get()}</p>
                <Lines known=known />
            </Part>
        </Show>
    }
}

#[component]
fn Facts(row: RwSignal<SessionRow>, names: Names) -> impl IntoView {
    let fact = move |name: &'static str, of: Signal<Option<String>>| {
        let of = Memo::new(move |_| of.get());
        move || of.get().map(|text| view! { <div><dt>{name}</dt> <dd>{text}</dd></div> })
    };
    let of = move |read: fn(&SessionRow) -> Option<String>| Signal::derive(move || row.with(read));
    let policy = Signal::derive(move || {
        let (id, version) = row.with(|row| (row.policy, row.policy_version));
        Some(format!("{}, version {version}", names.policy(id)))
    });
    view! {
        <dl class="facts">
            {fact("Through", of(|row| row.gateway_name.clone()))}
            {fact("Address in the tunnel", of(|row| row.address.map(|address| address.to_string())))}
            {fact("Reaches", of(|row| (!row.resources.is_empty()).then(|| row.resources.join(", "))))}
            {fact("Policy", policy)}
            {fact("Opened", of(|row| Some(moment(row.opened_at))))}
            {fact("Connected", of(|row| row.connected_at.map(moment)))}
            {fact("Ends", of(|row| row.ends_at.filter(|_| row.state.is_active()).map(moment)))}
            {fact("Ended", of(|row| row.ended_at.map(moment)))}
            {fact("Received", of(|row| Some(format::bytes(row.bytes_in))))}
            {fact("Sent", of(|row| Some(format::bytes(row.bytes_out))))}
        </dl>
    }
}

fn moment(at: Millis) -> String {
    let local = time::local(at);
    format!("{}, {}", local.date(), local.clock())
}

/// A session among others of the same user.
#[component]
pub fn Brief(row: ArcRwSignal<SessionRow>) -> impl IntoView {
    let row = RwSignal::from(row);
    let id = row.with_untracked(|row| row.id);
    let state = Memo::new(move |_| row.with(|row| row.state));
    let title = format!("Session of {}", time::local(row.with_untracked(|row| row.opened_at)).short());
    let whose = title.clone();
    let known = Memo::new(move |_| row.with(ending::receipts));
    let place = Memo::new(move |_| {
        row.with(|row| {
            let parts =
                [row.gateway_name.clone(), (!row.resources.is_empty()).then(|| row.resources.join(", "))];
            parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
        })
    });
    view! {
        <li class="brief" data-brief=id.to_string() data-session=id.to_string() data-state=move || words::of(&state.get())>
            <p class="brief-head">
                <StatePill row />
                <button type="button" class="link" on:click=move |_| here::open(Panel::Session(id))>{title}</button>
                <span class="note">{move || place.get()}</span>
            </p>
            <p class="panel-sub"><Lasting row /></p>
            <Show when=move || !known.with(Vec::is_empty) && row.with(|row| row.state.is_active())>
                <Lines known=known />
            </Show>
            <End row whose />
        </li>
    }
}
