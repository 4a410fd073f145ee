//! The loop that decides: fold, prepare, decide, append, acknowledge, reply.
//!
//! One aggregate's commands are decided one after the other in their order; different aggregates' do not wait
//! for each other. A command has exactly one outcome however often it is delivered: the aggregate remembers
//! it, and an append whose answer was lost is looked for before anything is decided again.

mod bus_time;
mod lane;

pub use lane::{Prepare, PrepareFault};

use crate::{
    Clock,
    bus::Bus,
    command_bus::{Incoming, OriginKeys, Receiver},
    event_store::{EventStore, cqrs::Es},
    folds::Folds,
    pull::Closed,
};
use bus_time::BusTime;
use lane::{Lane, Serve, Stop};
use std::{
    collections::{HashMap, VecDeque},
    future::Future,
    sync::Arc,
};
use tokio::task::JoinSet;
use viworks_domain::{
    Aggregate, Root,
    aggregate::LogIdentity,
    event::{AggregateKind, AggregateRef},
};

/// Serves the commands of every kind of aggregate that it is given a lane for.
pub struct Worker<S = EventStore> {
    bus: Bus,
    store: S,
    folds: Arc<Folds>,
    clock: Clock,
    bus_time: Arc<BusTime>,
    lanes: HashMap<AggregateKind, Arc<dyn Lane>>,
}

#[derive(Debug, thiserror::Error)]
pub enum WorkerStopped {
    #[error(transparent)]
    Closed(#[from] Closed),
    /// The log cannot be folded by this build: deciding on would be guessing.
    #[error("the worker stops")]
    Unreadable(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("a deciding task panicked")]
    Panicked(#[from] tokio::task::JoinError),
    #[error("no lane serves {} commands", .0.as_str())]
    NoLane(AggregateKind),
}

impl Worker<EventStore> {
    /// Over the log itself. `folds` may be shared with the preparation.
    pub fn new(bus: Bus, folds: Arc<Folds>, clock: Clock) -> Self {
        let store = folds.store().clone();
        Self::over(bus, store, folds, clock)
    }
}

impl<S: Clone + Send + Sync + 'static> Worker<S> {
    /// Over any store that knows aggregates through `cqrs_es`.
    pub fn over(bus: Bus, store: S, folds: Arc<Folds>, clock: Clock) -> Self {
        Self { bus, store, folds, clock, bus_time: Arc::default(), lanes: HashMap::new() }
    }

    /// Serves this kind of aggregate.
    #[must_use]
    pub fn serve<A, P>(mut self, prepare: P) -> Self
    where
        A: Aggregate,
        P: Prepare<A>,
        S: cqrs_es::EventStore<Es<A>>,
        S::AC: From<Root<A>>,
    {
        let serve = Serve::<A, P, S>::new(
            self.store.clone(),
            Arc::clone(&self.folds),
            Arc::clone(&self.clock),
            Arc::clone(&self.bus_time),
            prepare,
        );
        self.lanes.insert(A::KIND, Arc::new(serve));
        self
    }

    /// Decides until `shutdown`, then finishes what it has begun.
    pub async fn run(
        self,
        keys: OriginKeys,
        log: LogIdentity,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), WorkerStopped> {
        let (bus_time, bus, clock) = (self.bus_time, self.bus.clone(), self.clock);
        bus_time.compare(&bus, &clock).await;
        let mut watch = JoinSet::new();
        watch.spawn(async move { bus_time.watch(&bus, &clock).await });
        let mut receiver = Receiver::open(self.bus.clone(), keys, log).await?;
        let mut queues =
            Queues { bus: self.bus, lanes: self.lanes, waiting: HashMap::new(), tasks: JoinSet::new() };
        tokio::pin!(shutdown);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => break,
                Some(done) = queues.tasks.join_next(), if !queues.tasks.is_empty() => queues.done(done?)?,
                incoming = receiver.next() => queues.take(incoming?)?,
            }
        }
        while let Some(done) = queues.tasks.join_next().await {
            queues.done(done?)?;
        }
        Ok(())
    }
}

/// One queue per busy aggregate.
struct Queues {
    bus: Bus,
    lanes: HashMap<AggregateKind, Arc<dyn Lane>>,
    /// An aggregate stands here while one of its commands is being decided.
    waiting: HashMap<AggregateRef, VecDeque<Incoming>>,
    tasks: JoinSet<(AggregateRef, Result<(), Stop>)>,
}

impl Queues {
    fn take(&mut self, incoming: Incoming) -> Result<(), WorkerStopped> {
        let aggregate = incoming.command.aggregate;
        if let Some(queue) = self.waiting.get_mut(&aggregate) {
            // What waits for long is delivered again; the latest delivery is the one to acknowledge.
            match queue.iter_mut().find(|waiting| waiting.stream_seq == incoming.stream_seq) {
                Some(waiting) => *waiting = incoming,
                None => queue.push_back(incoming),
            }
            return Ok(());
        }
        self.waiting.insert(aggregate, VecDeque::new());
        self.start(incoming)
    }

    fn start(&mut self, incoming: Incoming) -> Result<(), WorkerStopped> {
        let aggregate = incoming.command.aggregate;
        let lane = self.lanes.get(&aggregate.kind).cloned().ok_or(WorkerStopped::NoLane(aggregate.kind))?;
        let bus = self.bus.clone();
        self.tasks.spawn(async move { (aggregate, lane.handle(bus, incoming).await) });
        Ok(())
    }

    fn done(&mut self, (aggregate, result): (AggregateRef, Result<(), Stop>)) -> Result<(), WorkerStopped> {
        result.map_err(|Stop(why)| WorkerStopped::Unreadable(why))?;
        match self.waiting.get_mut(&aggregate).and_then(VecDeque::pop_front) {
            Some(next) => self.start(next),
            None => {
                self.waiting.remove(&aggregate);
                Ok(())
            }
        }
    }
}
