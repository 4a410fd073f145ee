//! Reports and their intake: an outbox on the gateway, one report after the other in the control plane.

use super::{
    fixtures::LOG,
    world::{Event, World},
};
use std::time::Duration;
use viworks_domain::{
    Millis,
    actor::{Actor, Origin},
    command::{Command, WireCommand},
    enforcer::Enforcer,
    event::AggregateRef,
    gateway,
    gateway_bus::{News, Place, Report},
    ids::{CommandId, CorrelationId, SessionId},
    session::{Admission, WireCommand as S},
    user::{self, Step},
};

impl World {
    pub(super) fn report(&mut self, agent: usize, news: News) {
        let at = self.agents[agent].clocks(self.now).wall;
        let party = &mut self.agents[agent];
        let Some(incarnation) = party.enforcer.as_ref().map(Enforcer::incarnation) else { return };
        let base = Report {
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            gateway: party.id,
            incarnation,
            report_n: 0,
            at,
            news: News::Health { health: gateway::Health::Up },
        };
        party.disk.report(news, base);
        self.look(agent, 10);
    }

    fn look(&mut self, agent: usize, within: u64) {
        if !self.agents[agent].looking {
            self.agents[agent].looking = true;
            let delay = self.rng.between(1, within);
            self.after(delay, Event::Intake { agent });
        }
    }

    /// One report at a time: the next one is looked at when everything the last one said has been decided.
    pub(super) fn intake(&mut self, agent: usize) {
        self.agents[agent].looking = false;
        let party = &self.agents[agent];
        let decided = |(at, id): &(AggregateRef, CommandId)| self.log.outcome(*at, *id).is_some();
        if !party.waited.iter().all(decided) {
            return self.look(agent, 20);
        }
        if !party.waited.is_empty() {
            // Killed before it acknowledged: the same report comes once more.
            let acknowledged = usize::from(!self.faulty(20));
            self.agents[agent].waited.clear();
            self.agents[agent].taken += acknowledged;
        }
        let party = &self.agents[agent];
        let Some(report) = party.disk.outbox.get(party.taken).cloned() else { return };
        // Partitioned, or between two starts, it stays in the outbox.
        if self.now < party.partitioned_until || party.enforcer.is_none() {
            return self.look(agent, 500);
        }
        let now = Millis(self.now);
        for (m, (aggregate, body)) in (0u32..).zip(commands(&report)) {
            let command = Command {
                id: CommandId::of_report(report.gateway, report.incarnation, report.report_n, m),
                digest: body.digest(&aggregate),
                log_id: LOG.log_id,
                epoch: LOG.epoch,
                origin: Origin::Intake,
                actor: Actor::Gateway { id: report.gateway },
                correlation: CorrelationId([9; 16]),
                causation: None,
                issued_at: now,
                expires_at: now.plus(Duration::from_secs(7 * 24 * 3600)),
                aggregate,
                body,
            };
            self.agents[agent].waited.push((aggregate, command.id));
            self.publish(command);
        }
        self.look(agent, 20);
    }
}

/// As the control plane's intake: what a report means to the log.
fn commands(report: &Report) -> Vec<(AggregateRef, WireCommand)> {
    let gateway = report.gateway;
    let session = |id: SessionId, command: S| (id.into(), WireCommand::Session(command));
    let gate = |command: gateway::Command| (gateway.into(), WireCommand::Gateway(command));
    let news = match report.news.clone() {
        News::Started { .. } => gate(gateway::Command::SeeIncarnation { incarnation: report.incarnation }),
        News::Health { health } => gate(gateway::Command::RecordHealth { health }),
        News::Admitted { session: id, bootstrap, address } => session(
            id,
            S::RecordAdmitted(Admission { bootstrap, gateway, address, incarnation: report.incarnation }),
        ),
        News::AdmitRefused { session: id, bootstrap, reason } => {
            session(id, S::RecordAdmissionRefused { bootstrap, gateway, reason })
        }
        News::Consumed { session: id, bootstrap } => session(id, S::RecordConsumed { bootstrap, gateway }),
        News::Layer { session: id, layer, up } => session(id, S::RecordLayer { layer, up, gateway }),
        News::EndedLocally { session: id, reason } => session(id, S::RecordLocalEnd { reason, gateway }),
        News::Receipt { session: id, end, layer, absence } => {
            session(id, S::RecordReceipt { end, layer, absence, gateway, incarnation: report.incarnation })
        }
        News::Traffic { session: id, bytes_in, bytes_out } => {
            session(id, S::RecordTraffic { bytes_in, bytes_out, gateway })
        }
        News::Step { user, place, attempt, result, .. } => {
            let step = match place {
                Place::Vpn => Step::Vpn { gateway },
                Place::Panel => Step::Panel { gateway },
            };
            (user.into(), WireCommand::User(user::Command::RecordStep { step, attempt, result }))
        }
    };
    vec![news, gate(gateway::Command::AcceptReport { report_n: report.report_n })]
}
