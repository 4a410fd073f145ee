//! How one command on one kind of aggregate is decided.

use super::bus_time::BusTime;
use crate::{
    Clock,
    bus::Bus,
    command_bus::{Answer, Incoming, Receiver},
    event_store::{
        ReadError,
        cqrs::{Decided, Es, StoreError},
    },
    folds::Folds,
    key_value::KeyValueError,
};
use cqrs_es::{AggregateContext, AggregateError};
use futures_util::future::BoxFuture;
use std::{collections::HashMap, future::Future, marker::PhantomData, sync::Arc, time::Duration};
use viworks_domain::{
    Aggregate, Millis, Root,
    aggregate::Known,
    command::Command,
    decision::{Outcome, RefusalClass, Refused},
    event::AggregateRef,
    permission::widens,
};

/// How often a decision is made anew because another came first. Each loss means that somebody else won, so
/// this many in a row on one aggregate is a fault, not bad luck; the command is then simply tried later.
const CONFLICTS: u32 = 16;
/// Preparation is given up after this many tries (some two minutes), unless it was the bus that was away.
const PREPARATIONS: u32 = 64;
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The bus is told that often that a command is still being worked on; well below the consumer's ack wait.
const SIGN_OF_LIFE: Duration = Duration::from_millis(1500);

/// Ours, not the caller's: the command is tried again later.
pub type PrepareFault = Box<dyn std::error::Error + Send + Sync>;

/// Between what is stored on the bus and what `decide` takes: folds what the rule needs from other
/// aggregates, derives authority, makes ids and secrets, and hands plain values over. A conflict decides again
/// with the same prepared material.
pub trait Prepare<A: Aggregate>: Send + Sync + 'static {
    /// A refusal here (no such right, a bad signature) is a decision like any other.
    fn prepare(
        &self,
        command: &Command,
        target: &Root<A>,
        now: Millis,
    ) -> impl Future<Output = Result<Result<A::Command, Refused>, PrepareFault>> + Send;
}

/// The worker cannot go on.
#[derive(Debug)]
pub(super) struct Stop(pub Box<dyn std::error::Error + Send + Sync>);

/// One kind of aggregate, its type forgotten.
pub(super) trait Lane: Send + Sync {
    fn handle(self: Arc<Self>, bus: Bus, incoming: Incoming) -> BoxFuture<'static, Result<(), Stop>>;
}

pub(super) struct Serve<A, P, S> {
    store: S,
    folds: Arc<Folds>,
    clock: Clock,
    bus_time: Arc<BusTime>,
    prepare: P,
    of: PhantomData<fn() -> A>,
}

impl<A, P, S> Serve<A, P, S> {
    pub(super) const fn new(
        store: S,
        folds: Arc<Folds>,
        clock: Clock,
        bus_time: Arc<BusTime>,
        prepare: P,
    ) -> Self {
        Self { store, folds, clock, bus_time, prepare, of: PhantomData }
    }
}

/// Why there is no outcome yet.
enum NotYet {
    /// The store or the bus was away.
    Passing(Box<dyn std::error::Error + Send + Sync>),
    Preparation(PrepareFault),
    Unreadable(Box<dyn std::error::Error + Send + Sync>),
}

impl NotYet {
    fn of_preparation(fault: PrepareFault) -> Self {
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(fault.as_ref());
        while let Some(error) = cause {
            let away = error.downcast_ref().is_some_and(ReadError::is_passing)
                || error.downcast_ref().is_some_and(KeyValueError::is_passing);
            if away {
                return Self::Passing(fault);
            }
            cause = error.source();
        }
        Self::Preparation(fault)
    }
}

impl<A, P, S> Lane for Serve<A, P, S>
where
    A: Aggregate,
    P: Prepare<A>,
    S: cqrs_es::EventStore<Es<A>> + 'static,
    S::AC: From<Root<A>>,
{
    fn handle(self: Arc<Self>, bus: Bus, incoming: Incoming) -> BoxFuture<'static, Result<(), Stop>> {
        Box::pin(async move {
            let working = self.until_decided(&bus, &incoming);
            tokio::pin!(working);
            // Not `interval`: its first tick comes at once, which for a timer means a millisecond later.
            let mut life = tokio::time::interval_at(tokio::time::Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);
            loop {
                tokio::select! {
                    result = &mut working => return result,
                    _ = life.tick() => if let Err(error) = incoming.in_progress().await {
                        tracing::debug!(%error, "a sign of life was not sent");
                    }
                }
            }
        })
    }
}

impl<A, P, S> Serve<A, P, S>
where
    A: Aggregate,
    P: Prepare<A>,
    S: cqrs_es::EventStore<Es<A>> + 'static,
    S::AC: From<Root<A>>,
{
    /// In place, so that the commands behind it keep their order.
    async fn until_decided(&self, bus: &Bus, incoming: &Incoming) -> Result<(), Stop> {
        let mut prepared = None;
        let (mut preparations, mut pause) = (0, SHORTEST_PAUSE);
        let answer = loop {
            let fault = match self.decide(&incoming.command, &mut prepared).await {
                Ok(answer) => break answer,
                Err(NotYet::Unreadable(why)) => return Err(Stop(why)),
                Err(NotYet::Passing(fault)) => fault,
                Err(NotYet::Preparation(fault)) => {
                    preparations += 1;
                    if preparations == PREPARATIONS {
                        tracing::error!(command = %incoming.command.id, aggregate = %incoming.command.aggregate,
                            error = %fault, "a command cannot be prepared; it is parked");
                        if let Err(error) = Receiver::give_up(bus, incoming).await {
                            tracing::warn!(%error, "parking failed; the command comes again");
                        }
                        return Ok(());
                    }
                    fault
                }
            };
            tracing::warn!(command = %incoming.command.id, aggregate = %incoming.command.aggregate,
                error = %fault, "a command is tried again");
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        };
        if let Err(error) = incoming.conclude(bus, answer).await {
            // It comes again and meets the same outcome.
            tracing::warn!(command = %incoming.command.id, %error, "a decided command was not acknowledged");
        }
        Ok(())
    }

    async fn decide(
        &self,
        command: &Command,
        prepared: &mut Option<Result<A::Command, Refused>>,
    ) -> Result<Answer, NotYet> {
        let aggregate = command.aggregate;
        let mut root = match self.folds.kept::<A>(aggregate) {
            Some(root) => root,
            None => self.reload(aggregate).await?,
        };
        for _ in 0..CONFLICTS {
            match root.known(&command.id, &command.digest) {
                Known::New => {}
                Known::Decided { outcome, seq } => {
                    return Ok(Answer::Decided { outcome, seq, version: root.version });
                }
                Known::Reused => return Ok(reused(root.version)),
            }
            if self.bus_time.is_off() && widens(&command.body) {
                return Err(NotYet::Passing("this machine's clock is off the bus's".into()));
            }
            let now = (self.clock)();
            if prepared.is_none() {
                // What has expired is not worth the work; `decide` looks at the time before all else.
                *prepared = Some(if now > command.expires_at {
                    Err(too_late())
                } else {
                    self.prepare.prepare(command, &root, now).await.map_err(NotYet::of_preparation)?
                });
            }
            let Some(material) = prepared.as_ref() else { continue };
            let decision = root.decide(command, material.as_ref().map_err(Clone::clone), now);
            let outcome = decision.outcome.clone();
            let context = S::AC::from(Root::clone(&root));
            match self.store.commit(vec![Decided::new(decision)], context, HashMap::new()).await {
                Ok(mut committed) => {
                    let Some(decided) = committed.pop().map(|envelope| envelope.payload) else {
                        return Err(NotYet::Passing("the store committed nothing".into()));
                    };
                    let seq = decided.seq;
                    let mut next = Root::clone(&root);
                    next.apply(seq, &decided.decision).map_err(|fault| NotYet::Unreadable(fault.into()))?;
                    let version = next.version;
                    self.folds.keep(aggregate, Arc::new(next));
                    return Ok(Answer::Decided { outcome, seq, version });
                }
                // Another came first, or this one did and nobody heard: look.
                Err(AggregateError::AggregateConflict) => root = self.reload(aggregate).await?,
                Err(AggregateError::DatabaseConnectionError(fault)) => {
                    tracing::warn!(%aggregate, error = %fault, "an append was not answered");
                    root = self.reload(aggregate).await?;
                }
                Err(other) => return Err(NotYet::Passing(boxed(other))),
            }
        }
        Err(NotYet::Passing("too many conflicts in a row".into()))
    }

    async fn reload(&self, aggregate: AggregateRef) -> Result<Arc<Root<A>>, NotYet> {
        let mut context =
            self.store.load_aggregate(&aggregate.id_text()).await.map_err(|error| match error {
                AggregateError::DatabaseConnectionError(fault) => NotYet::Passing(fault),
                other => NotYet::Unreadable(boxed(other)),
            })?;
        let root = Arc::new(std::mem::take(&mut context.aggregate().root));
        self.folds.keep(aggregate, Arc::clone(&root));
        Ok(root)
    }
}

fn boxed(error: AggregateError<StoreError>) -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(error)
}

/// Deterministic as long as the id is remembered, so it needs no place in the log.
fn reused(version: u64) -> Answer {
    let refused = Refused { class: RefusalClass::Conflict, code: "command.reused".to_owned() };
    Answer::Decided { outcome: Outcome::Refused(refused), seq: 0, version }
}

fn too_late() -> Refused {
    Refused { class: RefusalClass::Gone, code: "command.expired".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("a lookup failed")]
    struct Lookup(#[source] ReadError);

    #[test]
    fn a_bus_that_is_away_never_makes_a_command_hopeless() {
        let away = || ReadError::Unavailable { what: "it is away", source: None };
        for fault in [PrepareFault::from(away()), PrepareFault::from(Lookup(away()))] {
            assert!(matches!(NotYet::of_preparation(fault), NotYet::Passing(_)));
        }
        assert!(matches!(NotYet::of_preparation("no such key".into()), NotYet::Preparation(_)));
        let unreadable = ReadError::Gap { expected: 1, found: 2 };
        assert!(matches!(NotYet::of_preparation(unreadable.into()), NotYet::Preparation(_)));
    }
}
