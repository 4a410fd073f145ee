//! Commands and decisions to test with.

use crate::counter::{Act, Counter};
use ed25519_dalek::SigningKey;
use std::sync::Arc;
use viworks_domain::{
    Millis, Root,
    actor::{Actor, Origin},
    command::{Command, WireCommand},
    decision::{Decision, Refused},
    directory,
    event::AggregateRef,
    ids::{CommandId, CorrelationId, NameId, UserId},
};
use viworks_nats::{
    Clock,
    command_bus::{CommandSender, OriginKeys},
    event_store::EventStore,
    folds::Folds,
    identity::role::BusRole,
    testing::{LOG, TestServer, now},
    worker::{Prepare, PrepareFault, Worker},
};

pub fn name(n: u8) -> AggregateRef {
    NameId([n; 16]).into()
}

pub fn user(n: u8) -> UserId {
    UserId([n; 16])
}

pub fn claim(aggregate: AggregateRef, id: u8, user_: u8) -> Command {
    command(aggregate, [id; 16], directory::Command::Claim { user: user(user_) })
}

pub fn release(aggregate: AggregateRef, id: u8, user_: u8) -> Command {
    command(aggregate, [id; 16], directory::Command::Release { user: user(user_) })
}

/// Of the processes, who alone may send directory commands.
pub fn command(aggregate: AggregateRef, id: [u8; 16], body: directory::Command) -> Command {
    let body = WireCommand::Directory(body);
    Command {
        id: CommandId(id),
        digest: body.digest(&aggregate),
        log_id: LOG.log_id,
        epoch: LOG.epoch,
        origin: Origin::Process,
        actor: Actor::Machine,
        correlation: CorrelationId([9; 16]),
        causation: None,
        issued_at: now(),
        expires_at: Millis(now().0 + 600_000),
        aggregate,
        body,
    }
}

pub fn act(command: &Command) -> Act {
    match &command.body {
        WireCommand::Directory(directory::Command::Claim { user }) => Act::Claim(*user),
        WireCommand::Directory(directory::Command::Release { user }) => Act::Release(*user),
        other => panic!("no counter command: {other:?}"),
    }
}

/// As a worker decides it, on this state.
pub fn decide(root: &Root<Counter>, command: &Command) -> Decision {
    root.decide(command, Ok(&act(command)), now())
}

/// The preparation that needs nothing.
#[derive(Clone, Copy)]
pub struct Plain;

impl Prepare<Counter> for Plain {
    async fn prepare(
        &self,
        command: &Command,
        _: &Root<Counter>,
        _: Millis,
    ) -> Result<Result<Act, Refused>, PrepareFault> {
        Ok(Ok(act(command)))
    }
}

pub fn process_key() -> SigningKey {
    SigningKey::from_bytes(&[11; 32])
}

pub fn origin_keys() -> OriginKeys {
    OriginKeys::new([(Origin::Process, process_key().verifying_key())])
}

pub async fn sender(server: &TestServer) -> CommandSender {
    let bus = server.bus(BusRole::Process).await;
    CommandSender::open(bus, Origin::Process, process_key()).await.unwrap()
}

pub async fn store(server: &TestServer) -> EventStore {
    EventStore::new(server.bus(BusRole::Worker).await)
}

/// A worker of counters that runs until the handle is dropped.
pub struct RunningWorker {
    pub task: tokio::task::JoinHandle<Result<(), viworks_nats::worker::WorkerStopped>>,
}

impl Drop for RunningWorker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub async fn worker(server: &TestServer) -> RunningWorker {
    worker_with(server, Plain, viworks_nats::testing::machine_clock()).await
}

pub async fn worker_with(server: &TestServer, prepare: impl Prepare<Counter>, clock: Clock) -> RunningWorker {
    let bus = server.bus(BusRole::Worker).await;
    let folds = Arc::new(Folds::new(EventStore::new(bus.clone())));
    let worker = Worker::new(bus, folds, clock).serve::<Counter, _>(prepare);
    let task = tokio::spawn(worker.run(origin_keys(), LOG, std::future::pending()));
    RunningWorker { task }
}
