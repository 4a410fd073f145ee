//! A gateway that says nothing is down: noticed here, because it cannot say so itself. When it speaks again, its
//! services say how it is: its agent reports changes alone, and may have seen none.

use crate::{clock, entropy, follower::Roster, telemetry::Telemetry};
use std::{sync::Arc, time::Duration};
use viworks_domain::{
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    command::{Command, WireCommand},
    gateway::{self, Gateway, Health, Listener},
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
    let mut listener = Listener::new(clock::now());
    loop {
        looks.tick().await;
        for (account, gateway) in roster.all() {
            let Ok(root) = folds.fresh::<Gateway>(gateway).await else { continue };
            let word = telemetry.of(&account);
            let word = word.as_ref().map(|word| (word.at, word.services.as_slice()));
            let Some(health) = listener.judge(gateway, &root.state, word, clock::now()) else {
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
