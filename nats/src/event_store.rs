//! The log: append under optimistic concurrency, load one aggregate, read all in order.

pub mod cqrs;
mod direct_get;
mod read;

pub use read::{Entry, Reader};

use crate::{bus::Bus, subject};
use async_nats::jetstream::{
    context::{PublishError, PublishErrorKind},
    message::PublishMessage,
};
use std::error::Error as _;
use viworks_domain::{
    Aggregate, Root,
    aggregate::CannotFold,
    decision::{BadDecision, Decision, Recorded, RecordedEvent},
    event::AggregateRef,
};

/// The two codes that mean "another decision came first" (the client library names only the first; the
/// second is a replicated server's word for one still in flight).
const CONFLICTS: [u64; 2] = [10071, 10164];

/// How an append can end without a sequence.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Another decision came first, or this very one did and its answer was lost: reload and look for the
    /// command's own id before deciding again.
    #[error("another decision on {0} came first")]
    Conflict(AggregateRef),
    /// Nobody knows whether it was stored: reload and look.
    #[error("the append to {0} was not answered")]
    Unanswered(AggregateRef, #[source] PublishError),
    #[error("the append to {0} was refused")]
    Refused(AggregateRef, #[source] PublishError),
}

/// Why reading failed. A decoding error names stream, sequence and version, and the reader stops.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("VW_EVENTS sequence {seq}: {source}")]
    BadDecision { seq: u64, source: BadDecision },
    #[error("VW_EVENTS sequence {seq}: the subject {found} is not where {aggregate} belongs")]
    Misplaced { seq: u64, found: String, aggregate: AggregateRef },
    #[error("VW_EVENTS: sequence {found} came where {expected} was due")]
    Gap { expected: u64, found: u64 },
    #[error(transparent)]
    Fold(#[from] CannotFold),
    #[error("VW_EVENTS cannot be read now: {what}")]
    Unavailable { what: &'static str, source: Option<Box<dyn std::error::Error + Send + Sync>> },
}

impl ReadError {
    /// Whether trying again can help: the bus was away, rather than the log unreadable.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    fn unavailable<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Unavailable { what, source: Some(source.into()) }
    }
}

/// The store of one role's connection. Only workers may append.
#[derive(Clone, Debug)]
pub struct EventStore {
    bus: Bus,
}

impl EventStore {
    pub const fn new(bus: Bus) -> Self {
        Self { bus }
    }

    /// Appends one decision, durable when this returns, if the aggregate's last decision is still at
    /// `expected` (0: there is none).
    pub async fn append(&self, decision: &Decision, expected: u64) -> Result<u64, AppendError> {
        let aggregate = decision.aggregate;
        let message = PublishMessage::build()
            .payload(decision.to_bytes().into())
            .expected_stream(subject::EVENTS)
            .expected_last_subject_sequence(expected);
        let sent = self
            .bus
            .jetstream
            .send_publish(subject::Subject::Event(aggregate).to_string(), message)
            .await
            .map_err(|source| AppendError::Unanswered(aggregate, source))?;
        match sent.await {
            Ok(ack) => Ok(ack.sequence),
            Err(error) if is_conflict(&error) => Err(AppendError::Conflict(aggregate)),
            Err(error) => match error.kind() {
                PublishErrorKind::TimedOut
                | PublishErrorKind::BrokenPipe
                | PublishErrorKind::StreamNotFound => Err(AppendError::Unanswered(aggregate, error)),
                _ => Err(AppendError::Refused(aggregate, error)),
            },
        }
    }

    /// Every decision on this aggregate, in order.
    pub async fn load(&self, aggregate: AggregateRef) -> Result<Vec<Recorded>, ReadError> {
        self.load_after(aggregate, 0).await
    }

    /// Every decision on this aggregate after that sequence, in order.
    pub async fn load_after(&self, aggregate: AggregateRef, seq: u64) -> Result<Vec<Recorded>, ReadError> {
        let subject = subject::Subject::Event(aggregate).to_string();
        let stored = direct_get::after(&self.bus, &subject, seq).await?;
        stored.into_iter().map(|entry| entry.decode()).collect()
    }

    /// The fold of this aggregate as the log has it now.
    pub async fn root<A: Aggregate>(&self, aggregate: AggregateRef) -> Result<Root<A>, ReadError> {
        let mut root = Root::default();
        self.catch_up(aggregate, &mut root).await?;
        Ok(root)
    }

    /// Folds what came since.
    pub async fn catch_up<A: Aggregate>(
        &self,
        aggregate: AggregateRef,
        root: &mut Root<A>,
    ) -> Result<(), ReadError> {
        for recorded in self.load_after(aggregate, root.last_seq).await? {
            root.apply(recorded.seq, &recorded.decision)?;
        }
        Ok(())
    }

    /// The log's last sequence; 0 when it is empty.
    pub async fn last_sequence(&self) -> Result<u64, ReadError> {
        direct_get::last_sequence(&self.bus).await
    }

    /// Every decision from that sequence on, in order and without gaps, then those to come.
    pub async fn read_from(&self, seq: u64) -> Result<Reader, ReadError> {
        Reader::open(&self.bus, seq.max(1)).await
    }
}

/// A decision's events, typed; the error of one that this build cannot read names stream, sequence and version.
pub fn events(recorded: &Recorded) -> Result<Vec<RecordedEvent<'_>>, ReadError> {
    let unreadable = |source| CannotFold::Unreadable { seq: recorded.seq, source };
    Ok(recorded.events().map_err(unreadable)?)
}

fn is_conflict(error: &PublishError) -> bool {
    error.kind() == PublishErrorKind::WrongLastSequence
        || error
            .source()
            .and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>())
            .is_some_and(|error| CONFLICTS.contains(&error.error_code().0))
}
