//! What policies and gateways are called, live: rows elsewhere know them by their ids.

use crate::{
    feed::{self, Feed},
    live::{State, Watched},
};
use leptos::{prelude::*, task::spawn_local};
use std::collections::HashMap;
use viworks_api::{
    feed::{MOST_ROWS, Query},
    gateway::GatewayRow,
    policy::PolicySummary,
};
use viworks_domain::ids::{GatewayId, PolicyId};
use viworks_web_model::feed::Mark;

/// Policies that are read at the most. Whoever gets countries or hours of their own gets a policy of their own, so
/// there may be as many as users.
const MOST_POLICIES: usize = 10_000;

/// Copied freely; there is one for everything around and in the views.
#[derive(Clone, Copy)]
pub struct Names {
    pub policies: Watched<PolicySummary>,
    pub gateways: Watched<GatewayRow>,
    policy: Memo<HashMap<PolicyId, String>>,
    gateway: Memo<HashMap<GatewayId, String>>,
}

impl Names {
    /// To be called once, in the shell, which provides it.
    pub fn watch() -> Self {
        let feed = feed::expect();
        let policies = feed.watch::<PolicySummary>(|| Query::Policies, MOST_ROWS);
        read_on(feed, policies);
        // All of them: a deployment has few.
        let gateways = feed.watch::<GatewayRow>(|| Query::Gateways, MOST_ROWS);
        let policy = Memo::new(move |_| {
            let named = |id: &PolicyId| Some((*id, policies.row(*id)?.with(|row| row.name.clone())));
            policies.ids().iter().filter_map(named).collect::<HashMap<_, _>>()
        });
        let gateway = Memo::new(move |_| {
            gateways.rows().into_iter().map(|row| (row.id, row.name)).collect::<HashMap<_, _>>()
        });
        Self { policies, gateways, policy, gateway }
    }

    pub fn expect() -> Self {
        expect_context()
    }

    /// Tracked. A policy whose name has not come yet is not called anything else for that long.
    pub fn policy(self, id: PolicyId) -> String {
        self.policy.with(|names| names.get(&id).cloned().unwrap_or_else(|| "a policy".into()))
    }

    /// As [`Names::policy`].
    pub fn gateway(self, id: GatewayId) -> String {
        self.gateway.with(|names| names.get(&id).cloned().unwrap_or_else(|| "a gateway".into()))
    }

    /// Whenever the feed begins anew instead of going on: so the server makes pages forget whoever was erased, and
    /// what a page has asked over HTTP it must forget by itself. The policies' window is always open, and an answer
    /// to all of it comes only then.
    pub fn when_anew(self, forget: impl Fn() + 'static) {
        Effect::new(move |before: Option<()>| {
            let state = self.policies.state();
            if before.is_some() && state == State::Here {
                forget();
            }
        });
    }

    /// For a choice: value and text, by name.
    pub fn policy_options(self) -> Signal<Vec<(String, String)>> {
        Signal::derive(move || self.policy.with(options))
    }

    pub fn gateway_options(self) -> Signal<Vec<(String, String)>> {
        Signal::derive(move || self.gateway.with(options))
    }
}

/// The feed's answer has the newest policies; the others are read behind it, page by page. What was not answered is
/// asked for again when the feed is live again, or a policy has come or gone.
fn read_on(feed: Feed, policies: Watched<PolicySummary>) {
    let mark = feed.mark();
    let is_live = Memo::new(move |_| matches!(mark.get(), Mark::Live { .. }));
    let is_reading = StoredValue::new(false);
    Effect::new(move |_| {
        // A snapshot has the newest alone again.
        let (_, has_more, is_live) = (policies.ids(), policies.has_more(), is_live.get());
        if !has_more || !is_live || is_reading.get_value() {
            return;
        }
        is_reading.set_value(true);
        spawn_local(async move {
            while policies.is_short_of(MOST_POLICIES) && policies.load_more().await.is_ok() {}
            // The shell may be gone by now.
            let _ = is_reading.try_set_value(false);
        });
    });
}

fn options<Id: ToString>(names: &HashMap<Id, String>) -> Vec<(String, String)> {
    let mut options = names.iter().map(|(id, name)| (id.to_string(), name.clone())).collect::<Vec<_>>();
    options.sort_by(|(one, a), (other, b)| (a, one).cmp(&(b, other)));
    options
}
