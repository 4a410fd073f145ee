//! What a gateway's report means to the log: each piece of news becomes commands, named by the report's number
//! so that a repetition is the same command.

use crate::{clock, follower::KnownGateways};
use std::{sync::Arc, time::Duration};
use viworks_domain::{
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    command::{Command, WireCommand},
    event::{AggregateKind, AggregateRef},
    gateway,
    gateway_bus::{Action, News, Place, Report},
    ids::{CommandId, CorrelationId, GatewayId, SessionId, UserId},
    process::COMMAND_LIFETIME,
    session::{Admission, Session as SessionState, WireCommand as Session},
    user::{self, Step, User},
};
use viworks_nats::{
    command_bus::{CommandSender, SendError},
    event_store::ReadError,
    folds::Folds,
    gateway_bus::intake::ReportIntake,
    pull::Closed,
};

/// A report whose commands could not be made durable comes again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// Takes reports in for ever, in the order in which the bus stored them.
pub struct Intake {
    pub reports: ReportIntake<KnownGateways>,
    pub commands: CommandSender,
    pub folds: Arc<Folds>,
    pub log: LogIdentity,
}

#[derive(Debug, thiserror::Error)]
enum NotTakenIn {
    #[error(transparent)]
    Send(#[from] SendError),
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Intake {
    /// # Errors
    /// The connection was closed for good.
    pub async fn run(mut self) -> Result<(), Closed> {
        loop {
            let incoming = self.reports.next().await?;
            // In place: what a gateway says later rests on what it said before.
            while let Err(error) = self.take_in(&incoming.report).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a report is taken in later");
                tokio::time::sleep(AGAIN).await;
            }
            if let Err(error) = incoming.done().await {
                // It comes again, and everything it says is known already.
                tracing::warn!(error = &error as &dyn std::error::Error, "a report was not acknowledged");
            }
        }
    }

    async fn take_in(&self, report: &Report) -> Result<(), NotTakenIn> {
        let now = clock::now();
        for (m, (aggregate, body)) in (0u32..).zip(commands(report)) {
            let command = Command {
                id: CommandId::of_report(report.gateway, report.incarnation, report.report_n, m),
                digest: body.digest(&aggregate),
                log_id: self.log.log_id,
                epoch: self.log.epoch,
                origin: Origin::Intake,
                actor: Actor::Gateway { id: report.gateway },
                correlation: self.correlation(aggregate, report.gateway).await?,
                causation: None,
                issued_at: now,
                expires_at: now.plus(COMMAND_LIFETIME),
                aggregate,
                body,
            };
            // One aggregate's commands are decided in the order in which they are sent.
            self.commands.send(&command).await?;
        }
        Ok(())
    }

    /// Under which story the news stands: the session's, the user's, or the gateway's own.
    async fn correlation(
        &self,
        aggregate: AggregateRef,
        gateway: GatewayId,
    ) -> Result<CorrelationId, ReadError> {
        let of = match aggregate.kind {
            AggregateKind::Session => {
                self.folds.fresh::<SessionState>(SessionId(aggregate.id)).await?.correlation
            }
            AggregateKind::User => self.folds.fresh::<User>(UserId(aggregate.id)).await?.correlation,
            _ => self.folds.fresh::<gateway::Gateway>(gateway).await?.correlation,
        };
        Ok(of.unwrap_or(CorrelationId(aggregate.id)))
    }
}

/// In order; the last one is always the gateway's own bookkeeping, so that a report counts as taken in only
/// once everything it says has been decided.
pub fn commands(report: &Report) -> Vec<(AggregateRef, WireCommand)> {
    let gateway = report.gateway;
    let mut commands = news(gateway, report);
    commands.push((
        gateway.into(),
        WireCommand::Gateway(gateway::Command::AcceptReport { report_n: report.report_n }),
    ));
    commands
}

fn news(gateway: GatewayId, report: &Report) -> Vec<(AggregateRef, WireCommand)> {
    let (aggregate, command): (AggregateRef, WireCommand) = match &report.news {
        News::Started { .. } => {
            let incarnation = report.incarnation;
            (gateway.into(), WireCommand::Gateway(gateway::Command::SeeIncarnation { incarnation }))
        }
        News::Health { health } => {
            (gateway.into(), WireCommand::Gateway(gateway::Command::RecordHealth { health: *health }))
        }
        News::Step { user, place, action, attempt, result } => {
            let step = match place {
                Place::Vpn => Step::Vpn { gateway },
                Place::Panel => Step::Panel { gateway },
            };
            // Attempts number creation and deletion alike, so the action needs no field of its own.
            let (Action::Create | Action::Delete) = action;
            let command = user::Command::RecordStep { step, attempt: *attempt, result: *result };
            ((*user).into(), WireCommand::User(command))
        }
        News::Admitted { session, bootstrap, address } => (
            (*session).into(),
            WireCommand::Session(Session::RecordAdmitted(Admission {
                bootstrap: *bootstrap,
                gateway,
                address: *address,
                incarnation: report.incarnation,
            })),
        ),
        News::AdmitRefused { session, bootstrap, reason } => (
            (*session).into(),
            WireCommand::Session(Session::RecordAdmissionRefused {
                bootstrap: *bootstrap,
                gateway,
                reason: *reason,
            }),
        ),
        News::Consumed { session, bootstrap } => (
            (*session).into(),
            WireCommand::Session(Session::RecordConsumed { bootstrap: *bootstrap, gateway }),
        ),
        News::Layer { session, layer, up } => (
            (*session).into(),
            WireCommand::Session(Session::RecordLayer { layer: *layer, up: *up, gateway }),
        ),
        News::EndedLocally { session, reason } => (
            (*session).into(),
            WireCommand::Session(Session::RecordLocalEnd { reason: reason.clone(), gateway }),
        ),
        News::Receipt { session, end, layer, absence } => (
            (*session).into(),
            WireCommand::Session(Session::RecordReceipt {
                end: *end,
                layer: *layer,
                absence: *absence,
                gateway,
                incarnation: report.incarnation,
            }),
        ),
        News::Traffic { session, bytes_in, bytes_out } => (
            (*session).into(),
            WireCommand::Session(Session::RecordTraffic {
                bytes_in: *bytes_in,
                bytes_out: *bytes_out,
                gateway,
            }),
        ),
    };
    vec![(aggregate, command)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::{
        Millis,
        actor::Origin,
        ids::{BootstrapId, EndId, Incarnation, LogId, SessionId, UserId},
        permission::origin_may_send,
        session::{Absence, EndReason, Layer},
        user::StepFailure,
    };

    fn report(news: News) -> Report {
        Report {
            log_id: LogId([1; 16]),
            epoch: 1,
            gateway: GatewayId([2; 16]),
            incarnation: Incarnation([3; 16]),
            report_n: 7,
            at: Millis(1),
            news,
        }
    }

    #[test]
    fn intake_may_send_all_that_any_news_becomes_and_the_number_comes_last() {
        let session = SessionId([4; 16]);
        let bootstrap = BootstrapId([5; 16]);
        let every = [
            News::Started { sessions: vec![] },
            News::Health { health: gateway::Health::Up },
            News::Admitted { session, bootstrap, address: [10, 8, 0, 10].into() },
            News::AdmitRefused {
                session,
                bootstrap,
                reason: viworks_domain::gateway_bus::AdmitRefusal::Expired,
            },
            News::Consumed { session, bootstrap },
            News::Layer { session, layer: Layer::Vpn, up: true },
            News::EndedLocally { session, reason: EndReason::WindowClosed },
            News::Receipt { session, end: EndId([6; 16]), layer: Layer::Vpn, absence: Absence::Gone },
            News::Traffic { session, bytes_in: 1, bytes_out: 2 },
            News::Step {
                user: UserId([7; 16]),
                place: Place::Vpn,
                action: Action::Create,
                attempt: 1,
                result: Err(StepFailure::ScriptFailed),
            },
        ];
        for news in every {
            let commands = commands(&report(news));
            assert!(commands.iter().all(|(_, body)| origin_may_send(Origin::Intake, body)));
            assert!(matches!(
                commands.last(),
                Some((_, WireCommand::Gateway(gateway::Command::AcceptReport { report_n: 7 })))
            ));
        }
    }
}
