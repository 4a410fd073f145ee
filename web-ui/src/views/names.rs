//! What policies and gateways are called, live: rows elsewhere know them by their ids.

use crate::{feed, live::Watched};
use leptos::prelude::*;
use std::collections::HashMap;
use viworks_api::{
    feed::{MOST_ROWS, Query},
    gateway::GatewayRow,
    policy::PolicySummary,
};
use viworks_domain::ids::{GatewayId, PolicyId};

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
        let gateways = feed.watch::<GatewayRow>(|| Query::Gateways, MOST_ROWS);
        let policy = Memo::new(move |_| {
            policies.rows().into_iter().map(|row| (row.id, row.name)).collect::<HashMap<_, _>>()
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

    /// For a choice: value and text, by name.
    pub fn policy_options(self) -> Signal<Vec<(String, String)>> {
        Signal::derive(move || self.policy.with(options))
    }

    pub fn gateway_options(self) -> Signal<Vec<(String, String)>> {
        Signal::derive(move || self.gateway.with(options))
    }
}

fn options<Id: ToString>(names: &HashMap<Id, String>) -> Vec<(String, String)> {
    let mut options = names.iter().map(|(id, name)| (id.to_string(), name.clone())).collect::<Vec<_>>();
    options.sort_by(|(one, a), (other, b)| (a, one).cmp(&(b, other)));
    options
}
