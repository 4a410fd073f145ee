//! A session that is ending is told to its gateway at once, and again and again until every receipt is in.
//!
//! `end` is sent even where no admit went: the gateway's tombstone is what refuses a late one.

use super::{Alarm, AlarmKind, Alarms, Effect, Process, Rang};
use crate::{
    Millis,
    actor::ProcessName,
    command::WireCommand,
    decision::RecordedEvent,
    event::AnyEvent,
    gateway, gateway_bus,
    gateway_bus::Order,
    ids::{CorrelationId, GatewayId, SessionId},
    session::{self, DeadlineKind, Event as S},
};
use std::{collections::BTreeMap, time::Duration};

/// The first repetition of an `end` whose receipts are not all in.
const REPEAT_AFTER: Duration = Duration::from_secs(2);

#[derive(Debug, Default)]
pub struct Teardown {
    /// Where each session that may still end lives.
    gateways: BTreeMap<SessionId, GatewayId>,
    unfinished: BTreeMap<SessionId, Unfinished>,
    alarms: Alarms,
}

#[derive(Debug)]
struct Unfinished {
    gateway: GatewayId,
    order: gateway_bus::End,
    correlation: CorrelationId,
    /// Of the decision that ended it.
    seq: u64,
    receipts_due: Millis,
    overdue: bool,
}

impl Unfinished {
    fn order(&self) -> Effect {
        Effect::Order {
            gateway: self.gateway,
            order: Order::End(self.order.clone()),
            correlation: self.correlation,
            cause_seq: self.seq,
            index: 0,
        }
    }
}

impl Teardown {
    fn ending(&mut self, id: SessionId, e: &session::Ending, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let Some(gateway) = self.gateways.remove(&id) else { return vec![] };
        let unfinished = Unfinished {
            gateway,
            order: gateway_bus::End {
                session: id,
                session_version: event.version,
                end: e.end,
                reason: e.reason.clone(),
            },
            correlation: event.decision.correlation,
            seq: event.seq,
            receipts_due: e.receipts_due,
            overdue: false,
        };
        let mut effects = vec![unfinished.order()];
        self.unfinished.insert(id, unfinished);
        let repeat = event.decision.at.plus(REPEAT_AFTER);
        effects.extend(self.alarms.set(id.0, AlarmKind::Receipts, repeat, event.seq));
        effects
    }

    fn forget(&mut self, id: SessionId) -> Vec<Effect> {
        self.gateways.remove(&id);
        self.unfinished.remove(&id);
        self.alarms.clear_all(id.0)
    }
}

impl Process for Teardown {
    const NAME: ProcessName = ProcessName::Teardown;

    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let happened = match &event.event {
            AnyEvent::Session(happened) => happened,
            // A new start of the agent may have lost what had reached the old one.
            AnyEvent::Gateway(gateway::Event::IncarnationSeen(_)) => {
                let gateway = GatewayId(event.decision.aggregate.id);
                return self
                    .unfinished
                    .values()
                    .filter(|u| u.gateway == gateway)
                    .map(Unfinished::order)
                    .collect();
            }
            AnyEvent::Gateway(_)
            | AnyEvent::Directory(_)
            | AnyEvent::User(_)
            | AnyEvent::Device(_)
            | AnyEvent::Policy(_)
            | AnyEvent::Operator(_) => return vec![],
        };
        let id = SessionId(event.decision.aggregate.id);
        match happened {
            S::Opened(e) => {
                self.gateways.insert(id, e.gateway);
                vec![]
            }
            S::Ending(e) => self.ending(id, e, event),
            S::ReceiptsOverdue(_) => {
                if let Some(unfinished) = self.unfinished.get_mut(&id) {
                    unfinished.overdue = true;
                }
                vec![]
            }
            S::Ended(_) | S::Denied(_) | S::Expired(_) => self.forget(id),
            S::PostureRecorded(_)
            | S::CodeIssued(_)
            | S::CodeExpired(_)
            | S::AnswerRefused(_)
            | S::Verified(_)
            | S::BootstrapIssued(_)
            | S::Admitted(_)
            | S::AdmissionRefused(_)
            | S::BootstrapExpired(_)
            | S::BootstrapConsumed(_)
            | S::LayerChanged(_)
            | S::Connected(_)
            | S::LeaseRenewed(_)
            | S::EndMoved(_)
            | S::ReceiptRecorded(_)
            | S::TrafficCounted(_) => vec![],
        }
    }

    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect> {
        if alarm.kind != AlarmKind::Receipts {
            return vec![];
        }
        let id = SessionId(alarm.instance);
        match (self.alarms.rang(alarm, now), self.unfinished.get(&id)) {
            (Rang::Due(due, again), Some(unfinished)) => {
                let mut effects = vec![unfinished.order()];
                if now >= unfinished.receipts_due && !unfinished.overdue {
                    effects.push(Effect::Command {
                        aggregate: id.into(),
                        body: WireCommand::Session(session::WireCommand::Deadline {
                            kind: DeadlineKind::Receipts,
                            generation: due.generation,
                        }),
                        correlation: unfinished.correlation,
                        not_after: None,
                    });
                }
                effects.push(again);
                effects
            }
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
