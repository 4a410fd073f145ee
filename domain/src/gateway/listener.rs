//! What is made of a gateway by whether it is heard, and by what it says of itself.

use super::{Gateway, Health};
use crate::{Millis, gateway_bus::Service, ids::GatewayId};
use std::{collections::HashMap, time::Duration};

/// Five missed words: the gateway, its bus or the network between is gone.
const SILENCE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Listener {
    /// Who has not been heard since has been silent since.
    since: Millis,
    /// Down by the log and not by their own word, which was heard then.
    doubted: HashMap<GatewayId, Millis>,
}

impl Listener {
    pub fn new(since: Millis) -> Self {
        Self { since, doubted: HashMap::new() }
    }

    /// What the log should say of a gateway's health instead of what it says. `word`: its last one, and when it came.
    pub fn judge(
        &mut self,
        id: GatewayId,
        gateway: &Gateway,
        word: Option<(Millis, &[Service])>,
        now: Millis,
    ) -> Option<Health> {
        let doubted = self.doubted.remove(&id);
        let known = gateway.health.filter(|_| gateway.is_enrolled())?;
        let heard_at = word.map_or(self.since, |(at, _)| at.max(self.since));
        if now.since(heard_at) > SILENCE {
            return (known != Health::Down).then_some(Health::Down);
        }
        let (at, services) = word.filter(|_| known == Health::Down)?;
        let says = Some(Health::of(services)).filter(|says| *says != Health::Down)?;
        // A word may be older than the report that it is down; the next one is not.
        if doubted.is_some_and(|first| at > first) {
            return Some(says);
        }
        self.doubted.insert(id, doubted.unwrap_or(at));
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::Phase;

    const ID: GatewayId = GatewayId([1; 16]);

    fn gateway(phase: Phase, health: Health) -> Gateway {
        let mut gateway = Gateway::default();
        (gateway.phase, gateway.health) = (phase, Some(health));
        gateway
    }

    fn services(down: &[&str]) -> Vec<Service> {
        let service = |name: &str| Service { name: name.into(), up: !down.contains(&name) };
        ["spa", "tls", "openvpn", "nginx"].map(service).to_vec()
    }

    #[test]
    fn a_gateway_that_says_nothing_for_ten_seconds_is_down() {
        let mut listener = Listener::new(Millis(0));
        for health in [Health::Up, Health::Degraded] {
            let gateway = gateway(Phase::Enrolled, health);
            let up = services(&[]);
            let word = Some((Millis(5_000), up.as_slice()));
            assert_eq!(listener.judge(ID, &gateway, word, Millis(15_000)), None);
            assert_eq!(listener.judge(ID, &gateway, word, Millis(15_001)), Some(Health::Down));
        }
        let down = gateway(Phase::Enrolled, Health::Down);
        assert_eq!(listener.judge(ID, &down, None, Millis(20_000)), None, "it is recorded once");
    }

    #[test]
    fn a_gateway_that_fell_silent_while_nobody_listened_is_down_ten_seconds_after_somebody_does() {
        let mut listener = Listener::new(Millis(60_000));
        let gateway = gateway(Phase::Enrolled, Health::Up);
        assert_eq!(listener.judge(ID, &gateway, None, Millis(70_000)), None);
        assert_eq!(listener.judge(ID, &gateway, None, Millis(70_001)), Some(Health::Down));
    }

    #[test]
    fn a_gateway_that_says_itself_that_it_is_down_stays_down_however_long_it_goes_on_speaking() {
        let mut listener = Listener::new(Millis(0));
        let gateway = gateway(Phase::Enrolled, Health::Down);
        // The last word from before its report, then those after it.
        assert_eq!(listener.judge(ID, &gateway, Some((Millis(1_000), &services(&[]))), Millis(2_000)), None);
        assert_eq!(listener.judge(ID, &gateway, Some((Millis(1_000), &services(&[]))), Millis(3_000)), None);
        for now in [4_000, 6_000, 8_000] {
            let down = services(&["openvpn"]);
            assert_eq!(listener.judge(ID, &gateway, Some((Millis(now), &down)), Millis(now)), None);
        }
    }

    #[test]
    fn a_gateway_that_speaks_again_is_what_its_services_say() {
        for (down, health) in [(vec![], Health::Up), (vec!["nginx"], Health::Degraded)] {
            let mut listener = Listener::new(Millis(0));
            let gateway = gateway(Phase::Enrolled, Health::Down);
            assert_eq!(
                listener.judge(ID, &gateway, Some((Millis(20_000), &services(&down))), Millis(20_500)),
                None
            );
            let next = services(&down);
            assert_eq!(
                listener.judge(ID, &gateway, Some((Millis(22_000), &next)), Millis(22_500)),
                Some(health)
            );
        }
    }

    #[test]
    fn nothing_is_recorded_of_a_gateway_that_is_retired_or_has_never_spoken() {
        let mut listener = Listener::new(Millis(0));
        let retired = gateway(Phase::Retired, Health::Up);
        assert_eq!(listener.judge(ID, &retired, Some((Millis(1_000), &services(&[]))), Millis(90_000)), None);
        let mut new = Gateway::default();
        new.phase = Phase::Enrolled;
        assert_eq!(listener.judge(ID, &new, None, Millis(90_000)), None);
    }
}
