//! Users: who there is, how far their making is, what they may use; and what can be done about each.

pub mod actions;
mod cells;

use super::{
    View,
    create_user::CreateUser,
    filters::{Choice, Search},
    names::Names,
    phone::PhoneDialog,
};
use crate::{
    feed,
    kit::{
        icon::Icon,
        place::{self, Panel},
        table::LiveTable,
    },
    session,
};
use actions::{Actions, SuspendDialog};
use leptos::{children::ViewFn, prelude::*};
use viworks_api::{
    feed::{Query, UserQuery},
    operator::Permission,
    user::UserRow,
};
use viworks_domain::ids::UserId;
use viworks_web_model::{
    place::{NEW, NEW_USER, address},
    users::{self, FILTERS, GATEWAY, POLICY, STATE, STATES},
    words,
};

/// Rows of the first answer; more are paged as one scrolls.
const FIRST: u32 = 200;

pub const VIEW: View = View {
    path: "/users",
    name: "Users",
    others: "people accounts",
    keys: ["g", "u"],
    icon: Icon::People,
    draw: || Users().into_any(),
};

/// Begins to make a user: over the list as it stands, for whoever is there.
pub fn create() {
    if untrack(place::path) == VIEW.path {
        place::set(NEW, Some(NEW_USER.into()));
    } else {
        place::go(&address(VIEW.path, &[(NEW, NEW_USER)]));
    }
}

#[component]
fn Users() -> impl IntoView {
    let session = session::expect();
    let names = Names::expect();
    let may_manage = Memo::new(move |_| session.may(Permission::ManageUsers));
    let query = query();
    let rows = feed::expect().watch::<UserRow>(move || Query::Users(query.get()), FIRST);
    let actions = Actions { phone: RwSignal::new(None), suspend: RwSignal::new(None) };
    let columns = cells::columns(names, actions, may_manage.into());

    let panel = place::panel();
    let selected = Signal::derive(move || match panel.get() {
        Some(Panel::User(id)) => Some(id),
        Some(Panel::Session(_)) | None => None,
    });
    let (feed, busy) = (feed::expect(), RwSignal::new(false));
    let on_key = Callback::new(move |(letter, id)| {
        let Some(row) = rows.row(id).filter(|_| letter == 'x' && may_manage.get_untracked()) else { return };
        row.with_untracked(|row| actions.act(row, feed, busy));
    });
    let on_create = |_| create();
    let is_filtered = move || query.get() != UserQuery::default();
    let empty = ViewFn::from(move || {
        view! {
            {move || match (is_filtered(), may_manage.get()) {
                (true, _) => view! {
                    <p>"Nobody matches."</p>
                    <button type="button" class="button" on:click=|_| FILTERS.into_iter().for_each(|name| place::set(name, None))>
                        "Clear the filters"
                    </button>
                }
                .into_any(),
                (false, true) => view! {
                    <p>"No users yet."</p>
                    <button type="button" class="button primary" on:click=on_create>"Create the first one"</button>
                }
                .into_any(),
                (false, false) => view! { <p>"No users yet. Whoever manages users creates them here."</p> }.into_any(),
            }}
        }
    });
    view! {
        <main data-view="users">
            <header class="view-head">
                <h1>"Users"</h1>
                <Search label="Search users" placeholder="Part of a name" />
                <Choice name=STATE label="State" any="Any state" options=state_options() />
                <Choice name=POLICY label="Policy" any="Any policy" options=names.policy_options() />
                <Choice name=GATEWAY label="Gateway" any="Any gateway" options=names.gateway_options() />
                <span class="spacer"></span>
                <Show when=move || may_manage.get()>
                    <button type="button" class="button primary" on:click=on_create>"Create user"</button>
                </Show>
            </header>
            <LiveTable
                name="users" label="Users" rows columns state=|row: &UserRow| words::of(&row.state)
                id=|id: UserId| id.to_string() selected
                on_open=Callback::new(|id| place::open(Panel::User(id))) on_key empty
            />
            <Show when=move || may_manage.get()>
                <CreateUser names rows phone=actions.phone />
                <PhoneDialog user=actions.phone />
                <SuspendDialog user=actions.suspend />
            </Show>
        </main>
    }
}

/// What the address asks for.
fn query() -> Memo<UserQuery> {
    let parameters = FILTERS.map(|name| (name, place::value(name)));
    Memo::new(move |_| users::asked(|name| parameters.iter().find(|(known, _)| *known == name)?.1.get()))
}

fn state_options() -> Signal<Vec<(String, String)>> {
    Signal::stored(STATES.map(|state| (words::of(&state), words::user_state(state).to_owned())).to_vec())
}
