//! What a gateway's report means to the log: each piece of news becomes commands, named by the report's number
//! so that a repetition is the same command.

use viworks_domain::{
    command::WireCommand,
    event::AggregateRef,
    gateway,
    gateway_bus::{Action, News, Place, Report},
    ids::GatewayId,
    session::{Admission, WireCommand as Session},
    user::{self, Step},
};

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
