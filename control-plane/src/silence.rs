//! A gateway that says nothing is down: noticed here, because it cannot say so itself. When it speaks again, its
//! services say how it is: its agent reports changes alone, and may have seen none.

use crate::{clock, entropy, follower::Roster, telemetry::Telemetry};
use std::{collections::HashMap, sync::Arc, time::Duration};
use viworks_api::gateway::GatewayTelemetry;
use viworks_domain::{
    Millis,
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    command::{Command, WireCommand},
    gateway::{self, Gateway, Health},
    ids::{CommandId, CorrelationId, GatewayId},
};
use viworks_nats::{command_bus::CommandSender, folds::Folds};

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Five missed words: the gateway, its bus or the network between is gone.
const SILENCE: Duration = Duration::from_secs(10);

/// Looks for ever.
pub async fn watch(
    telemetry: Telemetry,
    roster: Roster,
    commands: CommandSender,
    folds: Arc<Folds>,
    log: LogIdentity,
) -> Result<(), std::convert::Infallible> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    let mut listener = Listener::new(clock::now());
    loop {
        looks.tick().await;
        for (account, gateway) in roster.all() {
            let Ok(root) = folds.fresh::<Gateway>(gateway).await else { continue };
            let word = telemetry.of(&account);
            let Some(health) = listener.judge(gateway, &root.state, word.as_ref(), clock::now()) else {
                continue;
            };
            let correlation = root.correlation.unwrap_or(CorrelationId(gateway.0));
            if let Err(error) = commands.send(&command(gateway, health, correlation, log)).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a gateway's health was not recorded"
                );
            }
        }
    }
}

struct Listener {
    /// Who has not been heard since has been silent since.
    since: Millis,
    /// Down by the log and not by their own word, which was heard then.
    doubted: HashMap<GatewayId, Millis>,
}

impl Listener {
    fn new(since: Millis) -> Self {
        Self { since, doubted: HashMap::new() }
    }

    /// What the log should say of a gateway's health instead of what it says.
    fn judge(
        &mut self,
        id: GatewayId,
        gateway: &Gateway,
        word: Option<&GatewayTelemetry>,
        now: Millis,
    ) -> Option<Health> {
        let doubted = self.doubted.remove(&id);
        let known = gateway.health.filter(|_| gateway.is_enrolled())?;
        let heard_at = word.map_or(self.since, |word| word.at.max(self.since));
        if now.since(heard_at) > SILENCE {
            return (known != Health::Down).then_some(Health::Down);
        }
        let word = word.filter(|_| known == Health::Down)?;
        let says = Some(Health::of(&word.services)).filter(|says| *says != Health::Down)?;
        // A word may be older than the report that it is down; the next one is not.
        if doubted.is_some_and(|at| word.at > at) {
            return Some(says);
        }
        self.doubted.insert(id, doubted.unwrap_or(word.at));
        None
    }
}

fn command(gateway: GatewayId, health: Health, correlation: CorrelationId, log: LogIdentity) -> Command {
    let body = WireCommand::Gateway(gateway::Command::RecordHealth { health });
    let now = clock::now();
    Command {
        id: CommandId(entropy::bytes()),
        digest: body.digest(&gateway.into()),
        log_id: log.log_id,
        epoch: log.epoch,
        origin: Origin::Intake,
        actor: Actor::Gateway { id: gateway },
        correlation,
        causation: None,
        issued_at: now,
        expires_at: now.plus(LOOK_EVERY * 5),
        aggregate: gateway.into(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::{gateway::Phase, gateway_bus::Service};

    const ID: GatewayId = GatewayId([1; 16]);

    fn gateway(phase: Phase, health: Health) -> Gateway {
        let mut gateway = Gateway::default();
        (gateway.phase, gateway.health) = (phase, Some(health));
        gateway
    }

    fn word(at: u64, down: &[&str]) -> GatewayTelemetry {
        let services = ["spa", "tls", "openvpn", "nginx"]
            .map(|name| Service { name: name.into(), up: !down.contains(&name) });
        GatewayTelemetry { at: Millis(at), machine: None, services: services.to_vec(), containers: vec![] }
    }

    #[test]
    fn a_gateway_that_says_nothing_for_ten_seconds_is_down() {
        let mut listener = Listener::new(Millis(0));
        for health in [Health::Up, Health::Degraded] {
            let gateway = gateway(Phase::Enrolled, health);
            let word = word(5_000, &[]);
            assert_eq!(listener.judge(ID, &gateway, Some(&word), Millis(15_000)), None);
            assert_eq!(listener.judge(ID, &gateway, Some(&word), Millis(15_001)), Some(Health::Down));
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
        assert_eq!(listener.judge(ID, &gateway, Some(&word(1_000, &[])), Millis(2_000)), None);
        assert_eq!(listener.judge(ID, &gateway, Some(&word(1_000, &[])), Millis(3_000)), None);
        for now in [4_000, 6_000, 8_000] {
            let word = word(now, &["openvpn"]);
            assert_eq!(listener.judge(ID, &gateway, Some(&word), Millis(now)), None);
        }
    }

    #[test]
    fn a_gateway_that_speaks_again_is_what_its_services_say() {
        for (down, health) in [(vec![], Health::Up), (vec!["nginx"], Health::Degraded)] {
            let mut listener = Listener::new(Millis(0));
            let gateway = gateway(Phase::Enrolled, Health::Down);
            assert_eq!(listener.judge(ID, &gateway, Some(&word(20_000, &down)), Millis(20_500)), None);
            let next = word(22_000, &down);
            assert_eq!(listener.judge(ID, &gateway, Some(&next), Millis(22_500)), Some(health));
        }
    }

    #[test]
    fn nothing_is_recorded_of_a_gateway_that_is_retired_or_has_never_spoken() {
        let mut listener = Listener::new(Millis(0));
        let retired = gateway(Phase::Retired, Health::Up);
        assert_eq!(listener.judge(ID, &retired, Some(&word(1_000, &[])), Millis(90_000)), None);
        let mut new = Gateway::default();
        new.phase = Phase::Enrolled;
        assert_eq!(listener.judge(ID, &new, None, Millis(90_000)), None);
    }
}
