//! What stands in each column. A cell reads only what it shows, so that it alone is drawn again.

use super::actions::{Actions, RowActions};
use crate::{
    kit::{
        pill::Pill,
        table::{Column, Room},
        time::Ago,
    },
    views::{names::Names, steps::StepPills},
};
use leptos::prelude::*;
use viworks_api::user::{DeviceRow, UserRow};
use viworks_web_model::words::{self, Tone};

type Row = ArcRwSignal<UserRow>;

pub fn columns(names: Names, actions: Actions, may_manage: Signal<bool>) -> Vec<Column<UserRow>> {
    let mut columns = vec![
        Column::new("name", "Name", |row: Row| {
            let name = part(&row, username);
            view! { <span title=move || name.get()>{move || name.get()}</span> }
        })
        .width("minmax(6rem,1.2fr)"),
        Column::new("state", "State", |row: Row| {
            let tone = part(&row, |row| words::user_tone(row.state));
            let text = part(&row, |row| words::user_state(row.state).to_owned());
            view! { <Pill tone text /> }
        })
        .width("7rem")
        .room(Room::Mid),
        Column::new("steps", "Steps", move |row: Row| {
            let steps = part(&row, |row| row.steps.clone());
            view! { <StepPills steps names /> }
        })
        .width("15.5rem"),
        Column::new("phone", "Phone", |row: Row| {
            let phone = part(&row, |row| Phone::of(&row.devices));
            let tone = Signal::derive(move || phone.get().tone());
            let text = Signal::derive(move || phone.get().text().to_owned());
            view! { <Pill tone text /> }
        })
        .width("6rem")
        .room(Room::Mid),
        Column::new("policies", "Policies", move |row: Row| {
            let ids = part(&row, |row| row.policies.clone());
            let text =
                move || ids.get().into_iter().map(|id| names.policy(id)).collect::<Vec<_>>().join(", ");
            view! { <span title=text>{text}</span> }
        })
        .room(Room::Mid),
        Column::new("gateways", "Gateways", move |row: Row| {
            let ids = part(&row, |row| row.gateways.clone());
            let text =
                move || ids.get().into_iter().map(|id| names.gateway(id)).collect::<Vec<_>>().join(", ");
            view! { <span title=text>{text}</span> }
        })
        .room(Room::Wide),
        Column::new("created", "Created", |row: Row| {
            let at = part(&row, |row| row.created_at);
            view! { <Ago at /> }
        })
        .width("5.5rem")
        .room(Room::Wide),
        Column::new("last-login", "Last sign-in", |row: Row| {
            let at = part(&row, |row| row.last_login_at);
            let view = move || match at.get() {
                Some(at) => view! { <Ago at /> }.into_any(),
                None => view! { <span class="faint">"never"</span> }.into_any(),
            };
            view! { {view} }
        })
        .width("6rem")
        .room(Room::Wide),
    ];
    if may_manage.get_untracked() {
        let actions = Column::new("actions", "Actions", move |row: Row| {
            view! { <RowActions row names actions may_manage /> }
        });
        columns.push(actions.class("acts").width("minmax(11.5rem,2.4fr)"));
    }
    columns
}

/// A part of the row that is told of only when it has become another one.
fn part<T: Clone + PartialEq + Send + Sync + 'static>(
    row: &Row,
    read: impl Fn(&UserRow) -> T + Send + Sync + 'static,
) -> Signal<T> {
    let row = row.clone();
    Memo::new(move |_| row.with(&read)).into()
}

pub fn username(row: &UserRow) -> String {
    row.username.clone().unwrap_or_else(|| "(erased)".into())
}

/// How far the user's phone is; the furthest of several.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phone {
    None,
    Offered,
    Enrolled,
    Revoked,
}

impl Phone {
    fn of(devices: &[DeviceRow]) -> Self {
        let is = |found: fn(&DeviceRow) -> bool| devices.iter().any(found);
        if is(|device| device.enrolled && !device.revoked) {
            Self::Enrolled
        } else if is(|device| !device.enrolled && !device.revoked) {
            Self::Offered
        } else if is(|device| device.revoked) {
            Self::Revoked
        } else {
            Self::None
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Offered => "Offered",
            Self::Enrolled => "Enrolled",
            Self::Revoked => "Revoked",
        }
    }

    const fn tone(self) -> Tone {
        match self {
            Self::None | Self::Revoked => Tone::Quiet,
            Self::Offered => Tone::Busy,
            Self::Enrolled => Tone::Good,
        }
    }
}
