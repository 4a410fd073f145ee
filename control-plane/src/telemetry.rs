//! What gateways say of themselves every two seconds: kept in this node's memory, merged into what the API
//! shows, never in the log.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use viworks_api::gateway::GatewayTelemetry;
use viworks_domain::{Millis, gateway_bus, ids::BusAccount};

/// Five missed words: the gateway, its bus or the network between is gone.
pub const SILENCE: Duration = Duration::from_secs(10);

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Telemetry {
    latest: Arc<Mutex<HashMap<BusAccount, GatewayTelemetry>>>,
}

impl Telemetry {
    /// Takes in one word; what it does not mention has not changed. `heard_at` is this node's clock: a
    /// gateway's own may be wrong.
    pub fn hear(&self, account: BusAccount, word: gateway_bus::Telemetry, heard_at: Millis) {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = latest.entry(account).or_insert_with(|| GatewayTelemetry {
            at: heard_at,
            machine: None,
            services: vec![],
            containers: vec![],
        });
        known.at = heard_at;
        known.machine = word.machine.or(known.machine);
        for service in word.services {
            match known.services.iter_mut().find(|s| s.name == service.name) {
                Some(known) => *known = service,
                None => known.services.push(service),
            }
        }
        for container in word.containers {
            known.containers.retain(|c| c.name != container.name);
            if container.running {
                known.containers.push(container);
            }
        }
    }

    pub fn of(&self, account: &BusAccount) -> Option<GatewayTelemetry> {
        self.latest.lock().unwrap_or_else(PoisonError::into_inner).get(account).cloned()
    }

    /// Every gateway that has spoken on this node, and whether it has been silent too long at `now`.
    pub fn heard(&self, now: Millis) -> Vec<(BusAccount, bool)> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.iter().map(|(account, known)| (account.clone(), now.since(known.at) > SILENCE)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::{
        gateway_bus::{Container, Machine, Service},
        ids::SessionId,
    };

    fn account() -> BusAccount {
        format!("A{}", "B".repeat(55)).parse().expect("an account")
    }

    fn container(running: bool) -> Container {
        Container { name: "vw-1".into(), image: "page".into(), running, session: SessionId([1; 16]) }
    }

    #[test]
    fn what_a_word_does_not_mention_stays_and_what_stopped_goes() {
        let telemetry = Telemetry::default();
        let machine = Machine {
            cpu: 0.5,
            memory_used: 1,
            memory_total: 2,
            disk_used: 3,
            disk_total: 4,
            network_in: 5,
            network_out: 6,
        };
        let first = gateway_bus::Telemetry {
            machine: Some(machine),
            services: vec![Service { name: "nginx".into(), up: true }],
            containers: vec![container(true)],
            ..Default::default()
        };
        telemetry.hear(account(), first, Millis(1_000));
        let second = gateway_bus::Telemetry {
            services: vec![Service { name: "nginx".into(), up: false }],
            containers: vec![container(false)],
            ..Default::default()
        };
        telemetry.hear(account(), second, Millis(3_000));
        let known = telemetry.of(&account()).expect("heard");
        assert_eq!(known.machine, Some(machine));
        assert_eq!(known.services, [Service { name: "nginx".into(), up: false }]);
        assert!(known.containers.is_empty());
        assert_eq!(known.at, Millis(3_000));
    }

    #[test]
    fn silence_is_counted_on_this_nodes_clock() {
        let telemetry = Telemetry::default();
        let word = gateway_bus::Telemetry { at: Millis(9_999_999), ..Default::default() };
        telemetry.hear(account(), word, Millis(1_000));
        assert_eq!(telemetry.heard(Millis(11_000)), [(account(), false)]);
        assert_eq!(telemetry.heard(Millis(11_001)), [(account(), true)]);
    }
}
