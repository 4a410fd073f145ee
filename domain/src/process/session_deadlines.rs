//! Whether it is time: the challenge's, the code's, the bootstrap's and the session's own end.
//!
//! An alarm only asks the session to look; the session decides with its own clock. The end is watched at the
//! earlier of `ends_at` and the lease, so that a session whose renewals fail is over here too.

use super::{Alarm, AlarmKind, Alarms, Effect, Process, Rang};
use crate::{
    Millis,
    actor::ProcessName,
    command::WireCommand,
    decision::RecordedEvent,
    event::AnyEvent,
    ids::{CorrelationId, SessionId},
    session::{self, DeadlineKind, Event as S},
};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct SessionDeadlines {
    live: BTreeMap<SessionId, Live>,
    alarms: Alarms,
}

#[derive(Debug)]
struct Live {
    correlation: CorrelationId,
    ends_at: Millis,
    lease_until: Option<Millis>,
}

impl Live {
    fn over_at(&self) -> Millis {
        self.lease_until.map_or(self.ends_at, |lease| lease.min(self.ends_at))
    }
}

impl SessionDeadlines {
    /// The end's alarm after a change of the end or the lease.
    fn watch_end(&mut self, id: SessionId, seq: u64, change: impl FnOnce(&mut Live)) -> Option<Effect> {
        let live = self.live.get_mut(&id)?;
        change(live);
        self.alarms.set(id.0, AlarmKind::End, live.over_at(), seq)
    }
}

impl Process for SessionDeadlines {
    const NAME: ProcessName = ProcessName::SessionDeadlines;

    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let AnyEvent::Session(happened) = &event.event else { return vec![] };
        let id = SessionId(event.decision.aggregate.id);
        let seq = event.seq;
        match happened {
            S::Opened(e) => {
                let correlation = event.decision.correlation;
                self.live.insert(id, Live { correlation, ends_at: Millis::MAX, lease_until: None });
                self.alarms.set(id.0, AlarmKind::Challenge, e.answer_by, seq).into_iter().collect()
            }
            S::CodeIssued(e) => {
                self.alarms.set(id.0, AlarmKind::Code, e.expires_at, seq).into_iter().collect()
            }
            S::CodeExpired(_) => self.alarms.clear(id.0, AlarmKind::Code).into_iter().collect(),
            S::Verified(e) => {
                let mut effects = self.alarms.clear_all(id.0);
                effects.extend(self.watch_end(id, seq, |live| live.ends_at = e.ends_at));
                effects
            }
            S::BootstrapIssued(e) => {
                let end = self.watch_end(id, seq, |live| live.lease_until = Some(e.lease_until));
                let bootstrap = self.alarms.set(id.0, AlarmKind::Bootstrap, e.use_before, seq);
                bootstrap.into_iter().chain(end).collect()
            }
            S::BootstrapConsumed(_) | S::BootstrapExpired(_) => {
                self.alarms.clear(id.0, AlarmKind::Bootstrap).into_iter().collect()
            }
            S::LeaseRenewed(e) => {
                self.watch_end(id, seq, |live| live.lease_until = Some(e.lease_until)).into_iter().collect()
            }
            S::EndMoved(e) => self.watch_end(id, seq, |live| live.ends_at = e.ends_at).into_iter().collect(),
            S::Denied(_) | S::Expired(_) | S::Ending(_) | S::Ended(_) => {
                self.live.remove(&id);
                self.alarms.clear_all(id.0)
            }
            S::PostureRecorded(_)
            | S::AnswerRefused(_)
            | S::Admitted(_)
            | S::AdmissionRefused(_)
            | S::LayerChanged(_)
            | S::Connected(_)
            | S::ReceiptRecorded(_)
            | S::ReceiptsOverdue(_)
            | S::TrafficCounted(_) => vec![],
        }
    }

    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect> {
        let kind = match alarm.kind {
            AlarmKind::Challenge => DeadlineKind::Challenge,
            AlarmKind::Code => DeadlineKind::Code,
            AlarmKind::Bootstrap => DeadlineKind::Bootstrap,
            AlarmKind::End => DeadlineKind::End,
            AlarmKind::Lease | AlarmKind::Receipts | AlarmKind::Step => return vec![],
        };
        let id = SessionId(alarm.instance);
        match (self.alarms.rang(alarm, now), self.live.get(&id)) {
            (Rang::Due(due, again), Some(live)) => vec![
                Effect::Command {
                    aggregate: id.into(),
                    body: WireCommand::Session(session::WireCommand::Deadline {
                        kind,
                        generation: due.generation,
                    }),
                    correlation: live.correlation,
                    not_after: None,
                },
                again,
            ],
            (Rang::Early(again), _) => vec![again],
            (Rang::Due(..), None) | (Rang::Gone, _) => vec![],
        }
    }

    fn alarms(&self) -> Vec<Alarm> {
        self.alarms.all()
    }
}

#[cfg(test)]
mod tests;
