//! What a session's row shows. Each cell follows the parts of the row that it shows, and no other.

use crate::{
    kit::{
        pill::{Pill, Tone},
        table::{Column, Room},
        time::{Ago, Until},
    },
    views::{names::Names, receipts::Marks},
};
use leptos::prelude::*;
use viworks_api::session::SessionRow;
use viworks_domain::{
    ids::SessionId,
    session::{Absence, EndReason, Layer},
};
use viworks_web_model::{
    ending,
    sessions::{self, Course},
    words,
};

type Row = ArcRwSignal<SessionRow>;

pub fn columns(
    names: Names,
    may_end: Memo<bool>,
    target: RwSignal<Option<SessionId>>,
) -> Vec<Column<SessionRow>> {
    vec![
        Column::new("user", "User", user),
        Column::new("state", "State", state).width("10rem"),
        Column::new("gateway", "Gateway, address", gateway).room(Room::Mid).width("minmax(0,1.25fr)"),
        Column::new("resources", "Reaches", resources).room(Room::Mid).width("minmax(0,.8fr)"),
        Column::new("policy", "Policy", move |row| policy(row, names))
            .room(Room::Mid)
            .width("minmax(0,.9fr)"),
        Column::new("since", "Since", since).room(Room::Mid).width("5.25rem"),
        Column::new("ends", "End", end).width("minmax(0,2fr)"),
        Column::new("act", "Terminate", move |row| act(row, may_end, target)).class("acts").width("5rem"),
    ]
}

fn part<T: PartialEq + Send + Sync + 'static>(row: Row, of: fn(&SessionRow) -> T) -> Memo<T> {
    Memo::new(move |_| row.with(of))
}

fn user(row: Row) -> AnyView {
    let name = part(row, |row| row.username.clone().unwrap_or_else(|| "Erased user".into()));
    view! { <span title=move || name.get()>{move || name.get()}</span> }.into_any()
}

fn state(row: Row) -> AnyView {
    let state = part(row, |row| row.state);
    let tone = Signal::derive(move || words::session_tone(state.get()));
    let text = Signal::derive(move || sessions::state(state.get()).to_owned());
    view! { <Pill tone text /> }.into_any()
}

fn gateway(row: Row) -> AnyView {
    let name = part(row.clone(), |row| row.gateway_name.clone());
    let address = part(row, |row| row.address.map(|address| address.to_string()));
    view! {
        <span title=move || name.get()>{move || name.get().unwrap_or_else(none)}</span>
        " "
        <span class="faint" data-cell="address" title="Address in the tunnel">{move || address.get()}</span>
    }
    .into_any()
}

fn resources(row: Row) -> AnyView {
    let labels = part(row, |row| row.resources.join(", "));
    view! { <span title=move || labels.get()>{move || Some(labels.get()).filter(|labels| !labels.is_empty()).unwrap_or_else(none)}</span> }
        .into_any()
}

fn policy(row: Row, names: Names) -> AnyView {
    let policy = part(row, |row| (row.policy, row.policy_version));
    let name = Memo::new(move |_| names.policy(policy.get().0));
    view! {
        <span title=move || name.get()>{move || name.get()}</span>
        " "
        <span class="faint">{move || format!("v{}", policy.get().1)}</span>
    }
    .into_any()
}

fn since(row: Row) -> AnyView {
    let at = part(row, sessions::since);
    view! { <Ago at /> }.into_any()
}

/// When and why, and from the decision on what is known to be gone.
fn end(row: Row) -> AnyView {
    let course = part(row.clone(), sessions::course);
    let known = part(row, ending::receipts);
    view! {
        <span class="end">
            <Marks known />
            {move || told(course.get(), known)}
        </span>
    }
    .into_any()
}

fn told(course: Course, known: Memo<Vec<(Layer, Option<Absence>)>>) -> AnyView {
    let ago = |at| view! { <Ago at=Signal::stored(at) /> };
    match course {
        Course::Open => view! { <span class="faint">{none()}</span> }.into_any(),
        Course::Until { at, because } => view! {
            <Until at=Signal::stored(at) />
            <span class="cut faint" title=because.map(words::ends_because)>{because.map(sessions::because)}</span>
        }
        .into_any(),
        Course::Ending { reason, overdue } => {
            let confirmed = move || {
                known.with(|known| {
                    let gone = known.iter().filter(|(_, absence)| absence.is_some()).count();
                    format!("{gone} of {} gone", known.len())
                })
            };
            let warning = overdue.then(|| {
                view! { <Pill tone=Signal::stored(Tone::Bad) text=Signal::stored("Overdue".to_owned()) /> }
            });
            view! { {warning} <span class="whole">{confirmed}</span> {why(reason.as_ref())} }.into_any()
        }
        Course::Ended { at, reason } => view! { {at.map(ago)} {why(reason.as_ref())} }.into_any(),
        Course::NeverStood { at } => view! { {at.map(ago)} }.into_any(),
    }
}

fn why(reason: Option<&EndReason>) -> AnyView {
    let Some(reason) = reason else { return ().into_any() };
    let text = sessions::why(reason);
    view! { <span class="cut" title=text.clone()>{text.clone()}</span> }.into_any()
}

fn act(row: Row, may_end: Memo<bool>, target: RwSignal<Option<SessionId>>) -> AnyView {
    let id = row.with_untracked(|row| row.id);
    let can_be = part(row.clone(), |row| ending::can_be_ended(row.state));
    // Whose it is, for whoever hears the buttons one after the other.
    let name = move || {
        format!("Terminate, {}", row.with(|row| row.username.clone()).unwrap_or_else(|| "erased user".into()))
    };
    view! {
        <Show when=move || may_end.get() && can_be.get()>
            <button
                type="button" class="button small quiet danger" aria-label=name.clone()
                on:click=move |_| target.set(Some(id))
            >
                "Terminate"
            </button>
        </Show>
    }
    .into_any()
}

fn none() -> String {
    "–".into()
}
