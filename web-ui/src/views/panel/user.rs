//! Everything about a user: who it is, how far their making is, what stands, what they may reach, what has happened.

use super::{Absent, Part, access::Access, devices::Devices, session::Brief, stories::Stories};
use crate::{
    feed,
    kit::{busy::ActButton, pill::Pill, time::Ago},
    session,
    views::{
        names::Names,
        phone::PhoneDialog,
        steps::{FailedSteps, StepPills},
        users::actions::{self, Actions, SuspendDialog},
    },
};
use leptos::prelude::*;
use viworks_api::{
    feed::{AuditQuery, Query, SessionQuery, UserQuery},
    operator::Permission,
    session::SessionRow,
    user::{UserRow, UserState},
};
use viworks_domain::ids::UserId;
use viworks_web_model::{place, timeline, words};

/// Sessions of the first answer, and shown of those that are over.
const SESSIONS: u32 = 100;
const OVER: usize = 5;

#[component]
pub fn OfUser(id: UserId) -> impl IntoView {
    let query = move || Query::Users(UserQuery { id: Some(id), ..UserQuery::default() });
    let rows = feed::expect().watch::<UserRow>(query, 1);
    let is_here = Memo::new(move |_| rows.ids().contains(&id));
    move || match is_here.get().then(|| rows.row(id)).flatten() {
        Some(row) => view! { <Known id row /> }.into_any(),
        None => view! { <Absent state=rows.state() nobody="There is no such user." /> }.into_any(),
    }
}

#[component]
fn Known(id: UserId, row: ArcRwSignal<UserRow>) -> impl IntoView {
    let session = session::expect();
    let names = Names::expect();
    let may_manage = Signal::derive(move || session.may(Permission::ManageUsers));
    let actions = Actions { phone: RwSignal::new(None), suspend: RwSignal::new(None) };
    let user = RwSignal::from(row);
    let name = Memo::new(move |_| user.with(|user| user.username.clone()));
    let state = Memo::new(move |_| user.with(|user| user.state));
    let steps = Memo::new(move |_| user.with(|user| user.steps.clone()));
    let created = user.with_untracked(|user| user.created_at);
    let last_login = Memo::new(move |_| user.with(|user| user.last_login_at));
    let has_steps = Memo::new(move |_| !steps.with(Vec::is_empty));
    view! {
        <header class="panel-head">
            <p class="panel-kind">"User"</p>
            <h2>{move || name.get().unwrap_or_else(|| "Erased user".into())}</h2>
            <Pill
                tone=Signal::derive(move || words::user_tone(state.get()))
                text=Signal::derive(move || words::user_state(state.get()).to_owned())
            />
            <p class="panel-sub">
                <span>"created " <Ago at=created /></span>
                <span>
                    {move || match last_login.get() {
                        Some(at) => view! { "last signed in " <Ago at=at /> }.into_any(),
                        None => "never signed in".into_any(),
                    }}
                </span>
            </p>
            <Show when=move || may_manage.get()>
                <Acts user actions />
            </Show>
        </header>
        <Show when=move || has_steps.get()>
            <Part name="steps" title="Steps">
                <StepPills steps names />
                <FailedSteps user=id steps names may_retry=may_manage />
            </Part>
        </Show>
        <Sessions user=id />
        <Devices devices=Signal::derive(move || user.with(|user| user.devices.clone())) />
        <Access
            policies=Signal::derive(move || user.with(|user| user.policies.clone()))
            gateways=Signal::derive(move || user.with(|user| user.gateways.clone()))
            names
        />
        <Stories
            query=AuditQuery { user: Some(id), ..AuditQuery::default() }
            whole=place::address("/audit", &[(timeline::USER, &id.to_string())])
            names
        />
        <Show when=move || may_manage.get()>
            <PhoneDialog user=actions.phone />
            <SuspendDialog user=actions.suspend />
        </Show>
    }
}

/// What can be done about the user; failed steps have their own buttons.
#[component]
fn Acts(user: RwSignal<UserRow>, actions: Actions) -> impl IntoView {
    let (feed, busy) = (feed::expect(), RwSignal::new(false));
    let id = user.with_untracked(|user| user.id);
    let state = Memo::new(move |_| user.with(|user| user.state));
    let resume = Callback::new(move |()| user.with_untracked(|user| actions::resume(user, feed, busy)));
    let suspend = Callback::new(move |()| user.with_untracked(|user| actions.ask_to_suspend(user)));
    view! {
        <p class="panel-acts">
            <Show when=move || actions::is_here(state.get())>
                <ActButton label="Enrol phone" on_click=Callback::new(move |()| actions.phone.set(Some(id))) />
            </Show>
            <Show when=move || state.get() == UserState::Active>
                <ActButton label="Suspend" on_click=suspend />
            </Show>
            <Show when=move || state.get() == UserState::Suspended>
                <ActButton label="Resume" busy_label="Resuming…" busy on_click=resume />
            </Show>
        </p>
    }
}

/// What stands first, then the last of what is over.
#[component]
fn Sessions(user: UserId) -> impl IntoView {
    let query = move || Query::Sessions(SessionQuery { user: Some(user), ..SessionQuery::default() });
    let rows = feed::expect().watch::<SessionRow>(query, SESSIONS);
    // Which are listed changes when one ends; each draws itself.
    let listed = Memo::new(move |_| {
        let all = rows.rows();
        let (standing, over) = all.into_iter().partition::<Vec<_>, _>(|row| row.state.is_active());
        let standing = standing.into_iter().map(|row| row.id).collect::<Vec<_>>();
        let count = standing.len();
        let over = over.into_iter().take(OVER).map(|row| row.id);
        (standing.into_iter().chain(over).collect::<Vec<_>>(), count)
    });
    let count = Signal::derive(move || Some(listed.with(|(_, count)| *count)).filter(|count| *count > 0));
    let all = place::address("/sessions", &[("user", &user.to_string()), ("show", "ended")]);
    view! {
        <Part name="sessions" title="Sessions" count>
            <ul class="briefs">
                <For each=move || listed.with(|(ids, _)| ids.clone()) key=|id| *id let:id>
                    {rows.row(id).map(|row| view! { <Brief row /> })}
                </For>
            </ul>
            <Show
                when=move || !listed.with(|(ids, _)| ids.is_empty())
                fallback=|| view! { <p class="note">"No session so far."</p> }
            >
                <a class="panel-more" href=all.clone()>"All ended sessions"</a>
            </Show>
        </Part>
    }
}
