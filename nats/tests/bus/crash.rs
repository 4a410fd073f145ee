//! SIGKILL, again and again, to the server and to a worker that is a process of its own.

use crate::{
    counter::Counter,
    fixtures::{Plain, claim, name, origin_keys, sender},
};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use viworks_domain::{command::Command as BusCommand, ids::CommandId};
use viworks_nats::{
    bus::Bus,
    command_bus::{Answer, CommandSender, Sent},
    connect::{self, Link},
    event_store::EventStore,
    folds::Folds,
    identity::{credentials::Credentials, role::BusRole},
    testing::{CA, CLIENT_CERTIFICATE, CLIENT_KEY, LOG, PATIENCE, TestServer, machine_clock, now, until},
    worker::Worker,
};

const ROUNDS: u8 = 6;
const COMMANDS_PER_ROUND: u8 = 40;
/// After so many outcomes of a round, something is killed.
const OUTCOMES_BEFORE_THE_KILL: usize = 10;
const AGGREGATES: u8 = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killing_worker_and_server_loses_nothing_acknowledged_and_runs_nothing_twice() {
    let mut server = TestServer::start().await;
    let sender = sender(&server).await;
    let mut worker = WorkerProcess::start(&server);
    let mut told: HashMap<CommandId, Answer> = HashMap::new();
    for round in 0..ROUNDS {
        let mut asked: FuturesUnordered<_> =
            (0..COMMANDS_PER_ROUND).map(|n| until_answered(&sender, numbered(round, n))).collect();
        let mut outcomes = 0;
        while let Some((id, answer)) = tokio::time::timeout(PATIENCE * 3, asked.next()).await.unwrap() {
            told.insert(id, answer);
            outcomes += 1;
            if outcomes == OUTCOMES_BEFORE_THE_KILL {
                if round % 3 == 2 {
                    server.kill();
                    server.restart().await;
                }
                worker = WorkerProcess::start(&server);
            }
        }
    }
    let store = EventStore::new(server.bus(BusRole::Reader).await);
    let mut decided: HashMap<CommandId, u64> = HashMap::new();
    let mut claims = 0;
    for n in 0..AGGREGATES {
        for recorded in store.load(name(n)).await.unwrap() {
            let before = decided.insert(recorded.decision.command_id, recorded.seq);
            assert_eq!(before, None, "decided twice: {:?}", recorded.decision);
        }
        claims += store.root::<Counter>(name(n)).await.unwrap().state.claims;
    }
    let all = usize::from(ROUNDS) * usize::from(COMMANDS_PER_ROUND);
    assert_eq!((decided.len(), claims), (all, all as u64));
    for (id, answer) in told {
        let Answer::Decided { seq, .. } = answer else { panic!("{answer:?}") };
        assert_eq!(decided[&id], seq);
    }
    let setup = server.bus(BusRole::Setup).await;
    until("no command is left", async || {
        let stream = setup.jetstream.get_stream(viworks_nats::subject::COMMANDS).await.ok()?;
        // But for the anchor.
        (stream.cached_info().state.messages == 1).then_some(())
    })
    .await;
    drop(worker);
}

fn numbered(round: u8, n: u8) -> BusCommand {
    let mut command = claim(name(n % AGGREGATES), 0, n);
    command.id = CommandId([&[round, n], [7; 14].as_slice()].concat().try_into().unwrap());
    command
}

/// As a client does: asks again with the same id until there is an outcome.
async fn until_answered(sender: &CommandSender, command: BusCommand) -> (CommandId, Answer) {
    loop {
        if let Ok(Sent::Answered(answer)) = sender.ask(&command, Duration::from_secs(2)).await {
            return (command.id, answer);
        }
    }
}

/// A worker in a process of its own: this very test program, told to be one. Killed when dropped.
struct WorkerProcess(Child);

const SERVER: &str = "VIWORKS_TEST_SERVER";
const DIRECTORY: &str = "VIWORKS_TEST_DIRECTORY";

impl WorkerProcess {
    fn start(server: &TestServer) -> Self {
        let creds = server.operator().role_credentials(BusRole::Worker, now()).unwrap();
        std::fs::write(server.directory().join("worker.creds"), creds.as_str()).unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::a_process_told_to_be_a_worker_is_one", "--nocapture"])
            .env(SERVER, server.url())
            .env(DIRECTORY, server.directory())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }
}

impl Drop for WorkerProcess {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

#[tokio::test]
async fn a_process_told_to_be_a_worker_is_one() {
    let (Ok(url), Some(directory)) = (std::env::var(SERVER), std::env::var_os(DIRECTORY)) else { return };
    let directory = PathBuf::from(directory);
    let text = |name: &str| std::fs::read_to_string(Path::new(&directory).join(name)).unwrap();
    let tls = connect::tls(&text(CA), &text(CLIENT_CERTIFICATE), &text(CLIENT_KEY)).unwrap();
    let credentials = Credentials::from_text(&text("worker.creds")).unwrap();
    let bus = Bus::connect(&Link { servers: vec![url], tls }, &credentials, BusRole::Worker).await.unwrap();
    let folds = Arc::new(Folds::new(EventStore::new(bus.clone())));
    let worker = Worker::new(bus, folds, machine_clock()).serve::<Counter, _>(Plain);
    worker.run(origin_keys(), LOG, std::future::pending()).await.unwrap();
}
