//! What gateways say of themselves every two seconds: kept in this node's memory, merged into what the API
//! shows, never in the log.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::broadcast;
use viworks_api::{feed::Sample, gateway::GatewayTelemetry};
use viworks_domain::{Millis, gateway_bus, ids::BusAccount};

/// Five minutes of a word every two seconds: what a sparkline begins with.
const SAMPLES: usize = 150;
/// Closer together they are no news, whatever a gateway sends.
const BETWEEN_SAMPLES: Duration = Duration::from_secs(1);
/// More of them, or longer names, than any gateway has: whoever says so is none that behaves, and is not heard.
const SERVICES: usize = 32;
const CONTAINERS: usize = 1024;
const NAME: usize = 256;
/// Listeners that fall behind hear what is the latest then.
const UNHEARD: usize = 256;

/// Cheap to clone.
#[derive(Clone)]
pub struct Telemetry {
    known: Arc<Mutex<HashMap<BusAccount, Known>>>,
    heard: broadcast::Sender<BusAccount>,
}

struct Known {
    latest: GatewayTelemetry,
    samples: VecDeque<Sample>,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self { known: Arc::default(), heard: broadcast::Sender::new(UNHEARD) }
    }
}

impl Known {
    fn sample(&mut self) {
        let Some(machine) = self.latest.machine else { return };
        let at = self.latest.at;
        if self.samples.back().is_some_and(|last| at.since(last.at) < BETWEEN_SAMPLES) {
            return;
        }
        if self.samples.len() == SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back(Sample { at, machine });
    }
}

impl Telemetry {
    /// Takes in one word: machine and services that it does not mention have not changed, containers that it does
    /// not mention are gone. `heard_at` is this node's clock: a
    /// gateway's own may be wrong.
    pub fn hear(&self, account: BusAccount, word: gateway_bus::Telemetry, heard_at: Millis) {
        if !is_bounded(&word) {
            return;
        }
        let mut all = self.lock();
        let entry = all.entry(account.clone()).or_insert_with(|| Known {
            latest: GatewayTelemetry { at: heard_at, machine: None, services: vec![], containers: vec![] },
            samples: VecDeque::new(),
        });
        let known = &mut entry.latest;
        known.at = heard_at;
        known.machine = word.machine.or(known.machine);
        for service in word.services {
            let is_full = known.services.len() >= SERVICES;
            match known.services.iter_mut().find(|s| s.name == service.name) {
                Some(known) => *known = service,
                None if is_full => {}
                None => known.services.push(service),
            }
        }
        // A word that said "gone" may be lost; each names all that are there.
        known.containers = word.containers.into_iter().filter(|container| container.running).collect();
        entry.sample();
        drop(all);
        // Nobody may be listening.
        let _ = self.heard.send(account);
    }

    /// Whose word has come, from now on.
    pub fn listen(&self) -> broadcast::Receiver<BusAccount> {
        self.heard.subscribe()
    }

    /// The last minutes, oldest first.
    pub fn history(&self, account: &BusAccount) -> Vec<Sample> {
        self.lock().get(account).map(|known| known.samples.iter().copied().collect()).unwrap_or_default()
    }

    pub fn of(&self, account: &BusAccount) -> Option<GatewayTelemetry> {
        self.lock().get(account).map(|known| known.latest.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BusAccount, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_bounded(word: &gateway_bus::Telemetry) -> bool {
    word.services.len() <= SERVICES
        && word.containers.len() <= CONTAINERS
        && word.services.iter().all(|service| service.name.len() <= NAME)
        && word.containers.iter().all(|one| one.name.len() <= NAME && one.image.len() <= NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::{
        gateway_bus::{Container, Machine, Service},
        ids::SessionId,
    };

    const MACHINE: Machine = Machine {
        cpu: 0.5,
        memory_used: 1,
        memory_total: 2,
        disk_used: 3,
        disk_total: 4,
        network_in: 5,
        network_out: 6,
    };

    fn account() -> BusAccount {
        format!("A{}", "B".repeat(55)).parse().expect("an account")
    }

    fn container(running: bool) -> Container {
        Container { name: "vw-1".into(), image: "page".into(), running, session: SessionId([1; 16]) }
    }

    #[test]
    fn machine_and_services_stay_until_another_word_and_containers_go_when_they_are_not_mentioned() {
        let telemetry = Telemetry::default();
        let first = gateway_bus::Telemetry {
            machine: Some(MACHINE),
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
        telemetry.hear(account(), second, Millis(2_000));
        assert!(telemetry.of(&account()).expect("heard").containers.is_empty());
        let again = gateway_bus::Telemetry { containers: vec![container(true)], ..Default::default() };
        telemetry.hear(account(), again, Millis(2_500));
        assert_eq!(telemetry.of(&account()).expect("heard").containers.len(), 1);
        telemetry.hear(account(), gateway_bus::Telemetry::default(), Millis(3_000));
        let known = telemetry.of(&account()).expect("heard");
        assert_eq!(known.machine, Some(MACHINE));
        assert_eq!(known.services, [Service { name: "nginx".into(), up: false }]);
        assert!(known.containers.is_empty());
        assert_eq!(known.at, Millis(3_000));
    }

    #[test]
    fn the_last_minutes_are_kept_and_no_more() {
        let telemetry = Telemetry::default();
        for n in 0..4 * SAMPLES as u64 {
            let word = gateway_bus::Telemetry { machine: Some(MACHINE), ..Default::default() };
            // Twice as often as there is a sample.
            telemetry.hear(account(), word, Millis(n * 500));
        }
        let samples = telemetry.history(&account());
        assert_eq!(samples.len(), SAMPLES);
        assert!(samples.is_sorted_by(|a, b| b.at.since(a.at) == BETWEEN_SAMPLES), "{samples:?}");
    }

    #[test]
    fn a_gateway_that_names_ever_more_services_fills_no_memory() {
        let telemetry = Telemetry::default();
        let word = |names: std::ops::Range<usize>| gateway_bus::Telemetry {
            services: names.map(|n| Service { name: format!("{n}"), up: true }).collect(),
            ..Default::default()
        };
        for n in 0..1_000 {
            telemetry.hear(account(), word(n..n + 10), Millis(n as u64));
        }
        assert_eq!(telemetry.of(&account()).expect("heard").services.len(), SERVICES);
        // A word out of all bounds is none.
        telemetry.hear(account(), word(0..SERVICES + 1), Millis(9_000));
        let long = Service { name: "x".repeat(NAME + 1), up: true };
        let word = gateway_bus::Telemetry { services: vec![long], ..Default::default() };
        telemetry.hear(account(), word, Millis(9_000));
        assert_eq!(telemetry.of(&account()).expect("heard").at, Millis(999));
    }
}
