//! Who is in, by which gateway, until when; who was, and how it ended.

mod columns;

use crate::{
    feed,
    kit::{
        icon::Icon,
        place::{self, Panel},
        table::LiveTable,
    },
    live::Watched,
    session, shell,
    views::{
        View,
        filters::{Choice, Position, Search, Toggle},
        names::Names,
    },
};
use leptos::prelude::*;
use viworks_api::{
    feed::{Query, UserQuery},
    operator::Permission,
    session::SessionRow,
    user::UserRow,
};
use viworks_domain::ids::{SessionId, UserId};
use viworks_web_model::{
    ending, format,
    sessions::{self, ENDED, GATEWAY, POLICY, SHOW, TEXT, USER},
    words,
};

const PAGE: u32 = 200;
const WHICH: [Position; 2] = [("", "active", "Active"), (ENDED, "ended", "Ended")];

pub const VIEW: View = View {
    path: "/sessions",
    name: "Sessions",
    others: "connected active",
    keys: ["g", "s"],
    icon: Icon::Pulse,
    draw: || Sessions().into_any(),
};

#[component]
fn Sessions() -> impl IntoView {
    let parameters = [SHOW, TEXT, USER, GATEWAY, POLICY].map(|name| (name, place::value(name)));
    let asked = Memo::new(move |_| {
        sessions::asked(|name| parameters.iter().find(|(known, _)| *known == name)?.1.get())
    });
    let rows = feed::expect().watch::<SessionRow>(move || Query::Sessions(asked.get()), PAGE);
    let (names, target) = (Names::expect(), shell::terminating());
    let who = session::expect();
    let may_end = Memo::new(move |_| who.may(Permission::EndSessions));
    let panel = place::panel();
    let selected = Signal::derive(move || match panel.get() {
        Some(Panel::Session(id)) => Some(id),
        Some(Panel::User(_)) | None => None,
    });
    let user = Memo::new(move |_| asked.with(|asked| asked.user));
    let on_key = Callback::new(move |(letter, id)| {
        let can_be = |row: ArcRwSignal<SessionRow>| row.with_untracked(|row| ending::can_be_ended(row.state));
        if letter == 'x' && may_end.get_untracked() && rows.row(id).is_some_and(can_be) {
            target.set(Some(id));
        }
    });
    view! {
        <main data-view="sessions">
            <header class="view-head">
                <h1>"Sessions"</h1>
                <Toggle name=SHOW label="Which sessions" positions=&WHICH />
                <Search label="Search by user" />
                <Choice name=GATEWAY label="Gateway" any="Any gateway" options=names.gateway_options() />
                <Choice name=POLICY label="Policy" any="Any policy" options=names.policy_options() />
                {move || user.get().map(|user| view! { <OfUser user /> })}
                <Count rows />
            </header>
            <LiveTable
                name="sessions"
                label="Sessions"
                rows
                columns=columns::columns(names, may_end, target)
                state=|row: &SessionRow| words::of(&row.state)
                id=|id: SessionId| id.to_string()
                selected
                on_open=Callback::new(|id| place::open(Panel::Session(id)))
                on_key
                empty=move || view! { <Empty asked /> }
            />
        </main>
    }
}

/// How many rows are here; there may be more behind them.
#[component]
fn Count(rows: Watched<SessionRow>) -> impl IntoView {
    let text = move || {
        let here = rows.ids().len();
        if rows.has_more() {
            format!("{} and more", format::number(here as u64))
        } else {
            format::count(here, "session", "sessions")
        }
    };
    view! { <span class="count">{text}</span> }
}

/// One user's sessions alone, and the way out of that.
#[component]
fn OfUser(user: UserId) -> impl IntoView {
    let query = move || Query::Users(UserQuery { id: Some(user), ..UserQuery::default() });
    let rows = feed::expect().watch::<UserRow>(query, 1);
    let name = move || rows.rows().into_iter().next().and_then(|row| row.username);
    view! {
        <span class="chip">
            "Of " <strong>{move || name().unwrap_or_else(|| "one user".into())}</strong>
            <button
                type="button"
                class="icon-button"
                aria-label="Show the sessions of every user"
                on:click=move |_| place::set(USER, None)
            >
                <crate::kit::icon::Close />
            </button>
        </span>
    }
}

#[component]
fn Empty(asked: Memo<viworks_api::feed::SessionQuery>) -> impl IntoView {
    let text = move || {
        let (is_narrowed, active) = asked.with(|asked| (sessions::is_narrowed(asked), asked.active));
        match (is_narrowed, active) {
            (true, _) => "No session is like this.",
            (false, Some(false)) => "No session has ended yet.",
            (false, _) => "Nobody is connected at the moment. Sessions appear here as people sign in.",
        }
    };
    let clear = |_| {
        for name in [TEXT, USER, GATEWAY, POLICY] {
            place::set(name, None);
        }
    };
    view! {
        <p>{text}</p>
        <Show when=move || asked.with(sessions::is_narrowed)>
            <button type="button" class="button" on:click=clear>"Clear the filters"</button>
        </Show>
    }
}
