//! Commands and their one outcome.

use crate::{
    counter::{Act, Counter},
    fixtures::{
        Plain, RunningWorker, act, claim, command, decide, name, origin_keys, process_key, release, sender,
        store, user, worker, worker_with,
    },
};
use cqrs_es::{AggregateError, EventEnvelope};
use ed25519_dalek::SigningKey;
use futures_util::StreamExt;
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;
use viworks_domain::{
    Millis, Root,
    actor::Origin,
    bytes,
    command::{Command, WireCommand},
    decision::{Outcome, RefusalClass, Refused},
    directory,
    envelope::{self, Kind},
    policy,
};
use viworks_nats::{
    command_bus::{Answer, CommandSender, Sent},
    event_store::{
        EventStore,
        cqrs::{Decided, Es, EsContext, StoreError},
    },
    folds::Folds,
    identity::role::BusRole,
    subject::{PARKED, REPLY_HEADER, Subject},
    testing::{LOG, PATIENCE, TestServer, machine_clock, now, until},
    worker::{Prepare, PrepareFault, Worker},
};

#[tokio::test]
async fn a_command_is_decided_and_its_sender_told_where() {
    let server = TestServer::start().await;
    let (sender, _worker) = (sender(&server).await, worker(&server).await);
    assert_eq!(ask(&sender, &claim(name(1), 1, 1)).await, accepted(1, 1));
    assert_eq!(ask(&sender, &claim(name(1), 2, 2)).await, accepted(2, 2));
    assert_eq!(ask(&sender, &claim(name(2), 3, 3)).await, accepted(3, 1));
    // A rule refused: in the log like any other outcome, and nothing else changed.
    assert_eq!(ask(&sender, &release(name(2), 4, 1)).await, refused("directory.not_yours", 4, 1));
}

#[tokio::test]
async fn a_command_sent_again_has_the_outcome_it_had() {
    let server = TestServer::start().await;
    let sender = sender(&server).await;
    let first = worker(&server).await;
    let (command, refusal) = (claim(name(1), 1, 1), release(name(1), 2, 2));
    assert_eq!(ask(&sender, &command).await, accepted(1, 1));
    assert_eq!(ask(&sender, &refusal).await, refused("directory.not_yours", 2, 1));
    // Now it would be allowed. What was refused stays refused.
    assert_eq!(ask(&sender, &claim(name(1), 3, 2)).await, accepted(3, 2));
    assert_eq!(ask(&sender, &refusal).await, refused("directory.not_yours", 2, 2));
    assert_eq!(ask(&sender, &command).await, accepted(1, 2));
    // By a worker that remembers nothing, too.
    drop(first);
    let _second = worker(&server).await;
    assert_eq!(ask(&sender, &refusal).await, refused("directory.not_yours", 2, 2));
    assert_eq!(store(&server).await.last_sequence().await.unwrap(), 3);
}

#[tokio::test]
async fn a_known_command_id_with_another_body_is_refused() {
    let server = TestServer::start().await;
    let (sender, _worker) = (sender(&server).await, worker(&server).await);
    ask(&sender, &claim(name(1), 1, 1)).await;
    assert_eq!(ask(&sender, &claim(name(1), 1, 2)).await, refused("command.reused", 0, 1));
    assert_eq!(store(&server).await.root::<Counter>(name(1)).await.unwrap().state.last, Some(user(1)));
}

#[tokio::test]
async fn a_command_past_its_expiry_is_expired_and_not_prepared() {
    let server = TestServer::start().await;
    let (sender, prepared) = (sender(&server).await, Counted::default());
    let _worker = worker_with(&server, prepared.clone(), machine_clock()).await;
    let mut command = claim(name(1), 1, 1);
    command.expires_at = Millis(now().0 - 1);
    let expired = Answer::Decided { outcome: Outcome::Expired, seq: 1, version: 0 };
    assert_eq!(ask(&sender, &command).await, expired);
    assert_eq!(prepared.count(), 0);
}

#[tokio::test]
async fn without_a_worker_a_command_is_durable_and_pending() {
    let server = TestServer::start().await;
    let sender = sender(&server).await;
    let command = claim(name(1), 1, 1);
    assert_eq!(sender.ask(&command, Duration::from_millis(50)).await.unwrap(), Sent::Pending);
    let _worker = worker(&server).await;
    assert_eq!(ask(&sender, &command).await, accepted(1, 1));
}

#[tokio::test]
async fn a_slow_aggregate_holds_up_its_own_commands_in_order_and_no_others() {
    let server = TestServer::start().await;
    let sender = sender(&server).await;
    let gate = Arc::new(Semaphore::new(0));
    let _worker = worker_with(&server, Gated(Arc::clone(&gate)), machine_clock()).await;
    // Those on name 1 wait at the gate.
    for id in 1..=5 {
        sender.send(&claim(name(1), id, id)).await.unwrap();
    }
    for id in 11..=15 {
        assert!(matches!(ask(&sender, &claim(name(id), id, id)).await, Answer::Decided { .. }));
    }
    let store = store(&server).await;
    assert!(store.load(name(1)).await.unwrap().is_empty());
    gate.add_permits(5);
    let log = until("the five are decided", || async {
        store.load(name(1)).await.ok().filter(|log| log.len() == 5)
    })
    .await;
    let order: Vec<u8> = log.iter().map(|recorded| recorded.decision.command_id.0[0]).collect();
    assert_eq!(order, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_sender_gets_its_outcome_through_a_restart_of_the_server() {
    let mut server = TestServer::start().await;
    let (sender, _worker) = (sender(&server).await, worker(&server).await);
    assert_eq!(ask(&sender, &claim(name(1), 1, 1)).await, accepted(1, 1));
    server.kill();
    let asked = tokio::spawn({
        let sender = sender.clone();
        async move { ask(&sender, &claim(name(1), 2, 2)).await }
    });
    server.restart().await;
    assert_eq!(asked.await.unwrap(), accepted(2, 2));
}

#[tokio::test]
async fn a_lost_race_is_decided_again_with_the_same_prepared_material() {
    let server = TestServer::start().await;
    let (sender, store) = (sender(&server).await, store(&server).await);
    let prepared = Counted { rival: Some(store.clone()), ..Counted::default() };
    let _worker = worker_with(&server, prepared.clone(), machine_clock()).await;
    // While it is being prepared, another node decides something on the same aggregate.
    assert_eq!(ask(&sender, &claim(name(1), 1, 1)).await, accepted(2, 2));
    assert_eq!(prepared.count(), 1);
}

#[tokio::test]
async fn an_append_whose_answer_was_lost_is_found_and_not_made_again() {
    let server = TestServer::start().await;
    let sender = sender(&server).await;
    let bus = server.bus(BusRole::Worker).await;
    let inner = EventStore::new(bus.clone());
    let folds = Arc::new(Folds::new(inner.clone()));
    let lossy = LosesAnswers { inner, commits: Arc::default() };
    let commits = Arc::clone(&lossy.commits);
    let worker = Worker::over(bus, lossy, folds, machine_clock()).serve::<Counter, _>(Plain);
    let task = tokio::spawn(worker.run(origin_keys(), LOG, std::future::pending()));
    let _worker = RunningWorker { task };
    assert_eq!(ask(&sender, &claim(name(1), 1, 1)).await, accepted(1, 1));
    assert_eq!(commits.load(Ordering::SeqCst), 1);
    assert_eq!(store(&server).await.root::<Counter>(name(1)).await.unwrap().state.claims, 1);
}

#[tokio::test]
async fn what_was_appended_before_a_crash_is_answered_after_it_and_not_run_twice() {
    let server = TestServer::start().await;
    let (sender, store) = (sender(&server).await, store(&server).await);
    // A worker appended, and died before it acknowledged the command.
    let command = claim(name(1), 1, 1);
    sender.send(&command).await.unwrap();
    store.append(&decide(&Root::default(), &command), 0).await.unwrap();
    let _worker = worker(&server).await;
    assert_eq!(ask(&sender, &command).await, accepted(1, 1));
    assert_eq!(store.last_sequence().await.unwrap(), 1);
    until("the command is off its stream", || async { (waiting(&server).await == 0).then_some(()) }).await;
}

#[tokio::test]
async fn what_is_no_genuine_command_is_parked_and_holds_up_nothing() {
    let server = TestServer::start().await;
    let (sender, process) = (sender(&server).await, server.bus(BusRole::Process).await);
    let genuine = claim(name(1), 1, 1);
    let sealed = |command: &Command| envelope::seal(Kind::Command, &process_key(), &bytes::encode(command));
    let stranger = SigningKey::from_bytes(&[99; 32]);
    let other_log = Command { epoch: 7, ..genuine.clone() };
    let api = Command { origin: Origin::Api, ..genuine.clone() };
    let not_allowed = Command {
        aggregate: viworks_domain::ids::PolicyId([1; 16]).into(),
        body: WireCommand::Policy(policy::Command::Activate),
        ..genuine.clone()
    };
    let on = |command: &Command| Subject::Command(command.aggregate);
    for (reason, subject, payload) in [
        ("unauthentic", on(&genuine), envelope::seal(Kind::Command, &stranger, &bytes::encode(&genuine))),
        ("unauthentic", on(&genuine), b"no envelope".to_vec()),
        ("unauthentic", on(&api), sealed(&api)),
        ("undecodable", on(&genuine), envelope::seal(Kind::Command, &process_key(), b"\xff")),
        ("other_log", on(&genuine), sealed(&other_log)),
        ("misaddressed", Subject::Command(name(2)), sealed(&genuine)),
        ("not_allowed", on(&not_allowed), sealed(&not_allowed)),
    ] {
        let publish = process.jetstream.publish(subject.to_string(), payload.into());
        publish.await.unwrap().await.unwrap();
        let _worker = worker(&server).await;
        let parked = until(reason, || parked(&server, reason)).await;
        assert!(parked.starts_with("vw.cmd."), "{parked}");
    }
    let _worker = worker(&server).await;
    assert_eq!(ask(&sender, &genuine).await, accepted(1, 1));
    // Its own sender is told.
    let told = sender.ask(&other_log, PATIENCE).await.unwrap();
    assert_eq!(told, Sent::Answered(Answer::Parked));
    assert_eq!(waiting(&server).await, 0);
}

#[tokio::test]
async fn a_reply_is_never_sent_outside_the_origins_inbox() {
    let server = TestServer::start().await;
    let process = server.bus(BusRole::Process).await;
    let mut everything = server.unlimited().await.client.subscribe("vw.evt.>").await.unwrap();
    let _worker = worker(&server).await;
    let command = claim(name(1), 1, 1);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert(REPLY_HEADER, "vw.evt.directory.aaaaaaaaaaaaaaaaaaaaaaaaaa");
    let payload = envelope::seal(Kind::Command, &process_key(), &bytes::encode(&command));
    let subject = Subject::Command(command.aggregate).to_string();
    let publish = process.jetstream.publish_with_headers(subject, headers, payload.into());
    publish.await.unwrap().await.unwrap();
    let seen = tokio::time::timeout(PATIENCE, everything.next()).await.unwrap().unwrap();
    assert_eq!(seen.subject.as_str(), Subject::Event(name(1)).to_string());
    until("the command is off its stream", || async { (waiting(&server).await == 0).then_some(()) }).await;
    assert_eq!(store(&server).await.last_sequence().await.unwrap(), 1);
}

#[tokio::test]
async fn a_worker_that_cannot_read_an_aggregate_stops_and_names_the_place() {
    let server = TestServer::start().await;
    let (sender, store) = (sender(&server).await, store(&server).await);
    let mut future = decide(&Root::default(), &claim(name(1), 1, 1));
    future.events[0].version = 9;
    store.append(&future, 0).await.unwrap();
    let mut worker = worker(&server).await;
    sender.send(&claim(name(1), 2, 2)).await.unwrap();
    let stopped = tokio::time::timeout(PATIENCE, &mut worker.task).await.unwrap().unwrap().unwrap_err();
    let text = format!("{:?}", stopped);
    let cause = std::error::Error::source(&stopped).unwrap().to_string();
    assert!(cause.contains("VW_EVENTS sequence 1") && cause.contains("version 9"), "{text}");
}

#[tokio::test]
async fn a_worker_whose_clock_is_off_lets_nobody_in_and_goes_on_narrowing() {
    let server = TestServer::start().await;
    let sender = sender(&server).await;
    {
        let _right = worker(&server).await;
        assert_eq!(ask(&sender, &claim(name(1), 1, 1)).await, accepted(1, 1));
    }
    let ahead = Arc::new(AtomicU32::new(60_000));
    let off = Arc::clone(&ahead);
    let clock = Arc::new(move || Millis(now().0 + u64::from(off.load(Ordering::SeqCst))));
    let _ahead = worker_with(&server, Plain, clock).await;
    let widening = claim(name(2), 2, 2);
    assert_eq!(sender.ask(&widening, Duration::from_secs(1)).await.unwrap(), Sent::Pending);
    assert_eq!(ask(&sender, &release(name(1), 3, 1)).await, accepted(2, 2));
    // Set right, it decides what waited.
    ahead.store(0, Ordering::SeqCst);
    assert_eq!(ask(&sender, &widening).await, accepted(3, 1));
}

async fn ask(sender: &CommandSender, command: &Command) -> Answer {
    match sender.ask(command, PATIENCE).await.unwrap() {
        Sent::Answered(answer) => answer,
        Sent::Pending => panic!("no outcome of {command:?}"),
    }
}

fn accepted(seq: u64, version: u64) -> Answer {
    Answer::Decided { outcome: Outcome::Accepted, seq, version }
}

fn refused(code: &str, seq: u64, version: u64) -> Answer {
    let refused = Refused { class: RefusalClass::Conflict, code: code.to_owned() };
    Answer::Decided { outcome: Outcome::Refused(refused), seq, version }
}

/// Commands on the stream, decided or not; the anchor is none.
async fn waiting(server: &TestServer) -> u64 {
    let bus = server.bus(BusRole::Setup).await;
    let stream = bus.jetstream.get_stream(viworks_nats::subject::COMMANDS).await.unwrap();
    stream.cached_info().state.messages - 1
}

/// The original subject of the last message parked for this reason.
async fn parked(server: &TestServer, reason: &str) -> Option<String> {
    let bus = server.unlimited().await;
    let stream = bus.jetstream.get_stream(PARKED).await.unwrap();
    let message = stream.direct_get_last_for_subject(format!("vw.parked.commands.{reason}")).await.ok()?;
    message.headers.get("Vw-Subject").map(|value| value.as_str().to_owned())
}

/// Counts; with a rival, somebody else decides during the first preparation.
#[derive(Clone, Default)]
struct Counted {
    times: Arc<AtomicU32>,
    rival: Option<EventStore>,
}

impl Counted {
    fn count(&self) -> u32 {
        self.times.load(Ordering::SeqCst)
    }
}

impl Prepare<Counter> for Counted {
    async fn prepare(
        &self,
        command: &Command,
        root: &Root<Counter>,
        _: Millis,
    ) -> Result<Result<Act, Refused>, PrepareFault> {
        self.times.fetch_add(1, Ordering::SeqCst);
        if let Some(rival) = &self.rival {
            rival.append(&decide(root, &claim(command.aggregate, 77, 77)), root.last_seq).await?;
        }
        Ok(Ok(act(command)))
    }
}

/// Name 1 waits for a permit.
struct Gated(Arc<Semaphore>);

impl Prepare<Counter> for Gated {
    async fn prepare(
        &self,
        command: &Command,
        _: &Root<Counter>,
        _: Millis,
    ) -> Result<Result<Act, Refused>, PrepareFault> {
        if command.aggregate == name(1) {
            self.0.acquire().await?.forget();
        }
        Ok(Ok(act(command)))
    }
}

/// Stores, and says that nobody answered.
#[derive(Clone)]
struct LosesAnswers {
    inner: EventStore,
    commits: Arc<AtomicU32>,
}

impl cqrs_es::EventStore<Es<Counter>> for LosesAnswers {
    type AC = EsContext<Counter>;

    async fn load_events(
        &self,
        id: &str,
    ) -> Result<Vec<EventEnvelope<Es<Counter>>>, AggregateError<StoreError>> {
        self.inner.load_events(id).await
    }

    async fn load_aggregate(&self, id: &str) -> Result<Self::AC, AggregateError<StoreError>> {
        self.inner.load_aggregate(id).await
    }

    async fn commit(
        &self,
        events: Vec<Decided<Counter>>,
        context: Self::AC,
        metadata: HashMap<String, String>,
    ) -> Result<Vec<EventEnvelope<Es<Counter>>>, AggregateError<StoreError>> {
        self.inner.commit(events, context, metadata).await?;
        self.commits.fetch_add(1, Ordering::SeqCst);
        Err(AggregateError::DatabaseConnectionError("the answer was lost".into()))
    }
}

#[test]
fn the_tests_own_commands_are_what_they_say() {
    let claim = directory::Command::Claim { user: user(1) };
    assert_eq!(act(&command(name(1), [1; 16], claim)), Act::Claim(user(1)));
}
