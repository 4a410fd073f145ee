//! The gateways: how each is, as it says so itself every two seconds.

mod act;
mod card;

use crate::{
    feed,
    kit::{icon::Icon, place as address},
    live::State,
    session,
    views::{View, names::Names},
};
use act::{ActDialog, Asked};
use card::Card;
use leptos::prelude::*;
use std::collections::HashMap;
use viworks_api::{
    feed::{MOST_ROWS, Query, SessionQuery},
    operator::Permission,
    session::SessionRow,
};
use viworks_domain::ids::{GatewayId, SessionId};
use viworks_web_model::gateways::{self as model, Through, place};

/// Whose session it is and where it goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Standing {
    username: Option<String>,
    gateway: Option<GatewayId>,
}

/// The sessions that stand, as far as a window reaches.
#[derive(Clone, Copy)]
struct Sessions {
    known: Memo<HashMap<SessionId, Standing>>,
    is_all: Memo<bool>,
}

impl Sessions {
    /// Tracked.
    fn through(self, gateway: GatewayId) -> Through {
        let is_here = |session: &&Standing| session.gateway == Some(gateway);
        let known = self.known.with(|known| known.values().filter(is_here).count());
        Through { known, is_all: self.is_all.get() }
    }
}

pub const VIEW: View = View {
    path: "/gateways",
    name: "Gateways",
    others: "edges machines health",
    keys: ["g", "g"],
    icon: Icon::Gateway,
    draw: || Gateways().into_any(),
};

#[component]
fn Gateways() -> impl IntoView {
    let gateways = Names::expect().gateways;
    let active = || Query::Sessions(SessionQuery { active: Some(true), ..SessionQuery::default() });
    let active = feed::expect().watch::<SessionRow>(active, MOST_ROWS);
    // Sessions count their bytes all the time; this changes when one comes or goes.
    let known = Memo::new(move |_| {
        let standing = |row: &SessionRow| Standing { username: row.username.clone(), gateway: row.gateway };
        let known = |id: &SessionId| Some((*id, active.row(*id)?.with(standing)));
        active.ids().iter().filter_map(known).collect::<HashMap<_, _>>()
    });
    let is_all = Memo::new(move |_| active.state() == State::Here && !active.has_more());
    let sessions = Sessions { known, is_all };
    let who = session::expect();
    let may = Memo::new(move |_| who.may(Permission::ManageGateways));
    let asked = RwSignal::new(None::<Asked>);
    let summary = move || model::summary(&gateways.rows());
    let in_order = Memo::new(move |_| {
        let placed = |id: &GatewayId| Some((gateways.row(*id)?.with(place), *id));
        let mut all = gateways.ids().iter().filter_map(placed).collect::<Vec<_>>();
        all.sort_unstable();
        all.into_iter().map(|(_, id)| id).collect::<Vec<_>>()
    });
    // Shown once: whoever goes there again is led there again.
    let (at, marked) = (address::value(model::AT), RwSignal::new(None::<GatewayId>));
    Effect::new(move |_| {
        if let Some(id) = at.with(|at| in_order.with(|shown| model::wanted(at.as_deref(), shown))) {
            marked.set(Some(id));
            address::set(model::AT, None);
        }
    });
    let is_empty = Memo::new(move |_| gateways.ids().is_empty());
    view! {
            <main data-view="gateways">
                <header class="view-head">
                    <h1>"Gateways"</h1>
                    <span class="count" role="status">{summary}</span>
                </header>
    <div class="gateway-scroll">
                <ul class="gateway-cards">
                    <For each=move || in_order.get() key=|id| *id let(id)>
                        {gateways.row(id).map(|row| view! { <Card row sessions may asked marked /> })}
                    </For>
                </ul>
                {move || (is_empty.get()).then(|| match gateways.state() {
                    State::Asking => view! { <p class="empty" role="status">"Loading…"</p> }.into_any(),
                    State::Refused(code) => {
                        view! { <p class="empty refused" role="alert">{viworks_web_model::words::refused(&code)}</p> }.into_any()
                    }
                    State::Here => view! { <Empty may /> }.into_any(),
                })}
    </div>
                <ActDialog asked gateways sessions />
            </main>
        }
}

/// How to get the first one.
#[component]
fn Empty(may: Memo<bool>) -> impl IntoView {
    view! {
        <div class="empty">
            <p>"There is no gateway yet. A gateway is where sessions go through; without one nobody can connect."</p>
            <Show when=move || may.get() fallback=|| view! { <p>"Your role may not add one: ask an owner."</p> }>
                <ol class="steps-to-take">
                    <li>
                        "With the command line, invite it: "
                        <code>"viworks gateway invite --name NAME --address ADDRESS"</code>
                    </li>
                    <li>
                        "On the machine, within ten minutes: "
                        <code>"viworks-agent enrol --token TOKEN --state DIRECTORY"</code>
                    </li>
                    <li>
                        "Then start it there: " <code>"viworks-agent run --state DIRECTORY"</code>
                        ". It appears here by itself."
                    </li>
                </ol>
            </Show>
        </div>
    }
}
