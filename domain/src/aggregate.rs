//! The fold that ties decisions to an aggregate's state, the same for every aggregate.

use crate::{
    Millis,
    command::Command as BusCommand,
    decision::{Decision, Outcome, Refusal, Refused},
    event::{AggregateKind, AggregateRef, Event, Unreadable},
    ids::{CommandId, CorrelationId, Digest, LogId},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    time::Duration,
};

/// How long after a command's expiry its outcome is still remembered: the bus redelivers for at most this
/// long (ack wait x deliveries, and a partitioned worker's last words).
pub const REDELIVERY_BOUND: Duration = Duration::from_secs(3600);

/// An aggregate's rules: pure, synchronous, total.
pub trait Aggregate:
    Default + Clone + fmt::Debug + Serialize + DeserializeOwned + Send + Sync + 'static
{
    const KIND: AggregateKind;
    /// What `decide` takes: the wire command with everything prepared.
    type Command: Clone + fmt::Debug + Send + Sync;
    type Event: Event;
    type Refusal: Refusal;

    fn decide(&self, command: &Self::Command, now: Millis) -> Result<Vec<Self::Event>, Self::Refusal>;

    /// Total: what the log says has happened, has happened.
    fn apply(&mut self, event: &Self::Event, at: Millis);
}

/// An aggregate's state with what every aggregate remembers besides: version, clock, recent commands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Root<A: Aggregate> {
    pub state: A,
    /// The number of events so far; 0 means that it does not exist.
    pub version: u64,
    /// The last stream sequence folded: the next append expects exactly this one.
    pub last_seq: u64,
    pub last_at: Millis,
    /// Of the decision that began it: what happens to it later, without a person's act, stands under it too.
    pub correlation: Option<CorrelationId>,
    recent: BTreeMap<CommandId, Remembered>,
    /// The same ids by when they are forgotten: a busy aggregate remembers many.
    forgotten_after: BTreeSet<(Millis, CommandId)>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Remembered {
    digest: Digest,
    outcome: Outcome,
    seq: u64,
}

impl<A: Aggregate> Default for Root<A> {
    fn default() -> Self {
        Self {
            state: A::default(),
            version: 0,
            last_seq: 0,
            last_at: Millis(0),
            correlation: None,
            recent: BTreeMap::new(),
            forgotten_after: BTreeSet::new(),
        }
    }
}

/// What the fold already knows of a command id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Never seen (or long forgotten).
    New,
    /// Decided before, at this sequence.
    Decided { outcome: Outcome, seq: u64 },
    /// The id was used for something else.
    Reused,
}

impl<A: Aggregate> Root<A> {
    pub fn known(&self, id: &CommandId, digest: &Digest) -> Known {
        match self.recent.get(id) {
            None => Known::New,
            Some(known) if known.digest == *digest => {
                Known::Decided { outcome: known.outcome.clone(), seq: known.seq }
            }
            Some(_) => Known::Reused,
        }
    }

    /// The decision on a command that is [`Known::New`]; the events are typed for the caller, stored inside.
    pub fn decide(&self, bus: &BusCommand, prepared: Result<&A::Command, Refused>, now: Millis) -> Decision {
        let at = now.max(self.last_at);
        let (outcome, events) = if at > bus.expires_at {
            (Outcome::Expired, vec![])
        } else {
            match prepared.and_then(|command| self.state.decide(command, at).map_err(|r| r.stored())) {
                Ok(events) => (Outcome::Accepted, events.iter().map(Event::store).collect()),
                Err(refused) => (Outcome::Refused(refused), vec![]),
            }
        };
        Decision {
            log_id: bus.log_id,
            epoch: bus.epoch,
            aggregate: bus.aggregate,
            base_version: self.version,
            command_id: bus.id,
            command_digest: bus.digest,
            command_expires_at: bus.expires_at,
            origin: bus.origin,
            actor: bus.actor.clone(),
            correlation: bus.correlation,
            causation: bus.causation,
            at,
            outcome,
            events,
        }
    }

    /// Folds one decision, in order.
    pub fn apply(&mut self, seq: u64, decision: &Decision) -> Result<(), CannotFold> {
        if decision.aggregate.kind != A::KIND {
            return Err(CannotFold::OtherAggregate { seq, aggregate: decision.aggregate });
        }
        if decision.base_version != self.version || seq <= self.last_seq {
            return Err(CannotFold::OutOfOrder { seq, aggregate: decision.aggregate });
        }
        for stored in &decision.events {
            let event = A::Event::load(stored).map_err(|source| CannotFold::Unreadable { seq, source })?;
            self.state.apply(&event, decision.at);
            self.version += 1;
        }
        if !decision.events.is_empty() {
            self.correlation.get_or_insert(decision.correlation);
        }
        self.last_seq = seq;
        self.last_at = decision.at;
        while let Some((after, id)) = self.forgotten_after.first().copied()
            && after <= decision.at
        {
            self.forgotten_after.pop_first();
            self.recent.remove(&id);
        }
        let after = decision.command_expires_at.max(decision.at).plus(REDELIVERY_BOUND);
        self.forgotten_after.insert((after, decision.command_id));
        self.recent.insert(
            decision.command_id,
            Remembered { digest: decision.command_digest, outcome: decision.outcome.clone(), seq },
        );
        Ok(())
    }
}

/// The log and this fold do not fit; the reader stops and says where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CannotFold {
    #[error("VW_EVENTS sequence {seq}: {source}")]
    Unreadable { seq: u64, source: Unreadable },
    #[error("VW_EVENTS sequence {seq}: {aggregate} is out of order or has a gap")]
    OutOfOrder { seq: u64, aggregate: AggregateRef },
    #[error("VW_EVENTS sequence {seq}: {aggregate} is of another kind than its reader")]
    OtherAggregate { seq: u64, aggregate: AggregateRef },
}

/// Which log this is; commands and decisions of another are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogIdentity {
    pub log_id: LogId,
    /// Raised when a log is restored from a backup.
    pub epoch: u32,
}

#[cfg(test)]
mod tests;
