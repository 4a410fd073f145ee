//! A gateway that says nothing is down: noticed here, because it cannot say so itself. The first word after
//! that makes it up again, with the agent's own report of its health.

use crate::{clock, entropy, follower::Roster, telemetry::Telemetry};
use std::{sync::Arc, time::Duration};
use viworks_domain::{
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    command::{Command, WireCommand},
    gateway::{self, Gateway, Health},
    ids::{CommandId, CorrelationId, GatewayId},
};
use viworks_nats::{command_bus::CommandSender, folds::Folds};

const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks for ever.
pub async fn watch(
    telemetry: Telemetry,
    roster: Roster,
    commands: CommandSender,
    folds: Arc<Folds>,
    log: LogIdentity,
) -> Result<(), std::convert::Infallible> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let now = clock::now();
        for (account, silent) in telemetry.heard(now) {
            let Some(gateway) = roster.gateway(&account) else { continue };
            let Ok(root) = folds.fresh::<Gateway>(gateway).await else { continue };
            let health = match (silent, root.state.health) {
                (true, Some(Health::Up | Health::Degraded)) => Health::Down,
                (false, Some(Health::Down)) => Health::Up,
                _ => continue,
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
