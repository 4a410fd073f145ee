//! `cqrs_es::EventStore` over the log, one generic adapter for every aggregate, in postcard.
//!
//! One decision is one event of that crate: a refusal is a decision too and has to be stored, and a decision's
//! several events must be atomic. So [`Es`] wraps a [`Root`], its "event" is [`Decided`], an envelope's
//! sequence is the log's, and the metadata of an envelope is the decision's header in readable form. The
//! worker loads and commits through the trait, so the store can be swapped.

use super::{AppendError, EventStore, ReadError};
use cqrs_es::{AggregateError, DomainEvent, EventEnvelope, event_sink::EventSink};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, marker::PhantomData};
use viworks_domain::{
    Aggregate, Millis, Root,
    aggregate::CannotFold,
    command::Command,
    decision::{Decision, Outcome, Recorded, Refused},
    event::AggregateRef,
    ids::{InvalidId, SessionId},
};

/// An aggregate of `domain` as that crate knows aggregates.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Es<A: Aggregate> {
    pub root: Root<A>,
    /// The first decision that did not fit the fold; `apply` has no other way to say so.
    #[serde(skip)]
    broken: Option<CannotFold>,
}

impl<A: Aggregate> Default for Es<A> {
    fn default() -> Self {
        Self { root: Root::default(), broken: None }
    }
}

/// A command with what its preparation brought, and the time.
#[derive(Clone, Debug)]
pub struct EsCommand<A: Aggregate> {
    pub bus: Command,
    pub prepared: Result<A::Command, Refused>,
    pub now: Millis,
}

/// One decision on an `A`. `seq` is its place in the log, 0 until it has one.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Decided<A> {
    pub seq: u64,
    pub decision: Decision,
    #[serde(skip)]
    of: PhantomData<fn() -> A>,
}

impl<A> Decided<A> {
    /// Not in the log yet.
    pub const fn new(decision: Decision) -> Self {
        Self { seq: 0, decision, of: PhantomData }
    }

    pub fn recorded(recorded: Recorded) -> Self {
        Self { seq: recorded.seq, decision: recorded.decision, of: PhantomData }
    }
}

impl<A> Clone for Decided<A> {
    fn clone(&self) -> Self {
        Self { seq: self.seq, decision: self.decision.clone(), of: PhantomData }
    }
}

impl<A> PartialEq for Decided<A> {
    fn eq(&self, other: &Self) -> bool {
        self.seq == other.seq && self.decision == other.decision
    }
}

impl<A> std::fmt::Debug for Decided<A> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decided").field("seq", &self.seq).field("decision", &self.decision).finish()
    }
}

impl<A: Aggregate> DomainEvent for Decided<A> {
    fn event_type(&self) -> String {
        match &self.decision.outcome {
            Outcome::Accepted => "accepted".into(),
            Outcome::Refused(_) => "refused".into(),
            Outcome::Expired => "expired".into(),
        }
    }

    fn event_version(&self) -> String {
        "1".into()
    }
}

/// Why the store failed, as that crate's error type carries it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Fold(#[from] CannotFold),
    #[error("not an aggregate's id")]
    InvalidId(#[from] InvalidId),
    #[error("one commit is one decision, {0} were given")]
    NotOneDecision(usize),
}

impl<A: Aggregate> cqrs_es::Aggregate for Es<A> {
    const TYPE: &'static str = A::KIND.as_str();
    type Command = EsCommand<A>;
    type Event = Decided<A>;
    type Error = StoreError;
    type Services = ();

    async fn handle(
        &mut self,
        command: Self::Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), StoreError> {
        let decision =
            self.root.decide(&command.bus, command.prepared.as_ref().map_err(Clone::clone), command.now);
        sink.write(Decided::new(decision), self).await;
        self.broken.map_or(Ok(()), |broken| Err(broken.into()))
    }

    fn apply(&mut self, event: Decided<A>) {
        // What has no place yet stands provisionally after the last; committing gives it the real one.
        let seq = if event.seq == 0 { self.root.last_seq + 1 } else { event.seq };
        if self.broken.is_none() {
            self.broken = self.root.apply(seq, &event.decision).err();
        }
    }
}

/// An aggregate with the sequence that the next commit expects.
#[derive(Clone, Debug)]
pub struct EsContext<A: Aggregate> {
    es: Es<A>,
    expected: u64,
}

impl<A: Aggregate> From<Root<A>> for EsContext<A> {
    fn from(root: Root<A>) -> Self {
        Self { expected: root.last_seq, es: Es { root, broken: None } }
    }
}

impl<A: Aggregate> cqrs_es::AggregateContext<Es<A>> for EsContext<A> {
    fn aggregate(&mut self) -> &mut Es<A> {
        &mut self.es
    }
}

impl<A: Aggregate> cqrs_es::EventStore<Es<A>> for EventStore {
    type AC = EsContext<A>;

    async fn load_events(
        &self,
        aggregate_id: &str,
    ) -> Result<Vec<EventEnvelope<Es<A>>>, AggregateError<StoreError>> {
        let recorded = self.load(reference::<A>(aggregate_id)?).await.map_err(read_error)?;
        Ok(recorded.into_iter().map(envelope).collect())
    }

    async fn load_aggregate(&self, aggregate_id: &str) -> Result<EsContext<A>, AggregateError<StoreError>> {
        let root = self.root::<A>(reference::<A>(aggregate_id)?).await.map_err(read_error)?;
        Ok(root.into())
    }

    /// Appends the one decision; the metadata given is not stored (the decision carries its header itself).
    async fn commit(
        &self,
        events: Vec<Decided<A>>,
        context: EsContext<A>,
        _metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Es<A>>>, AggregateError<StoreError>> {
        let [decided] = <[Decided<A>; 1]>::try_from(events)
            .map_err(|events| AggregateError::UserError(StoreError::NotOneDecision(events.len())))?;
        match self.append(&decided.decision, context.expected).await {
            Ok(seq) => Ok(vec![envelope(Recorded { seq, decision: decided.decision })]),
            Err(AppendError::Conflict(_)) => Err(AggregateError::AggregateConflict),
            Err(error @ AppendError::Unanswered(..)) => {
                Err(AggregateError::DatabaseConnectionError(Box::new(error)))
            }
            Err(error @ AppendError::Refused(..)) => Err(AggregateError::UnexpectedError(Box::new(error))),
        }
    }
}

fn reference<A: Aggregate>(id: &str) -> Result<AggregateRef, AggregateError<StoreError>> {
    let id: SessionId = id.parse().map_err(|source: InvalidId| AggregateError::UserError(source.into()))?;
    Ok(AggregateRef { kind: A::KIND, id: id.0 })
}

fn envelope<A: Aggregate>(recorded: Recorded) -> EventEnvelope<Es<A>> {
    EventEnvelope {
        aggregate_id: recorded.decision.aggregate.id_text(),
        sequence: usize::try_from(recorded.seq).unwrap_or(usize::MAX),
        metadata: header(&recorded.decision),
        payload: Decided::recorded(recorded),
    }
}

/// A decision's header as readable metadata.
fn header(decision: &Decision) -> HashMap<String, String> {
    let mut header = HashMap::from([
        ("command_id".to_owned(), decision.command_id.to_string()),
        ("correlation".to_owned(), decision.correlation.to_string()),
        ("at".to_owned(), decision.at.to_string()),
        ("base_version".to_owned(), decision.base_version.to_string()),
        ("outcome".to_owned(), Decided::<()>::outcome_text(decision)),
    ]);
    if let Some(causation) = decision.causation {
        header.insert("causation".to_owned(), causation.to_string());
    }
    header
}

impl Decided<()> {
    fn outcome_text(decision: &Decision) -> String {
        match &decision.outcome {
            Outcome::Accepted => "accepted".to_owned(),
            Outcome::Refused(refused) => refused.code.clone(),
            Outcome::Expired => "expired".to_owned(),
        }
    }
}

fn read_error(error: ReadError) -> AggregateError<StoreError> {
    if error.is_passing() {
        AggregateError::DatabaseConnectionError(Box::new(error))
    } else {
        AggregateError::DeserializationError(Box::new(error))
    }
}
