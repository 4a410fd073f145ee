//! How soon an event is at a WebSocket, and what a connection costs: a measurement, not a check.
//!
//! ```sh
//! cargo build --release -p viworks-control-plane
//! VIWORKS_BIN=target/release/viworks cargo test -p viworks-control-plane -- --ignored --nocapture speed
//! ```

use super::{
    browser::{Socket, hear, upgrade},
    *,
};
use crate::{
    config::Config,
    serve,
    state::StateDir,
    tests::stand::{Stand, key},
};
use futures_util::{SinkExt as _, StreamExt as _};
use std::{path::PathBuf, time::Duration};
use tokio::{sync::mpsc, time::Instant};
use tokio_tungstenite::tungstenite::Message;
use viworks_api::{
    feed::{Frame, Request},
    user::CreateRequest,
};
use viworks_domain::{bytes, permission::Role};
use viworks_nats::{event_store::EventStore, identity::role::BusRole};

/// Decisions that are measured, one after the other.
const EVENTS: usize = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn from_commit_to_websocket() {
    let program = std::env::var_os("VIWORKS_BIN").map(PathBuf::from);
    let program = program.expect("VIWORKS_BIN: the path of a `viworks` that was built with --release");
    let program = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(program);
    for connections in [1, 100, 1_000] {
        measure(&program, connections).await;
    }
}

async fn measure(program: &std::path::Path, connections: usize) {
    let stand = Stand::up_beside(program).await;
    let (owner, _) = stand.owner().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let user = CreateRequest {
        username: "ada".into(),
        password: "a good password".into(),
        policies: vec![],
        gateways: vec![],
        instead: None,
    };
    let ada = owner.create_user(&key(), &user).await.expect("created").id;
    drop(Browser::open(&stand, &token, &[users(1), audit(2)]).await);
    let before = resident(&stand);
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let mut reached = 0;
    for _ in 0..connections {
        let mut socket = upgrade(&stand, |_| {}, Some(&token)).await.expect("let in");
        let open = Request::Open { resume: None, windows: vec![users(1), audit(2)] };
        socket.send(Message::binary(bytes::encode(&open))).await.expect("sent");
        let Ok(Frame::Welcome { at, .. }) = hear(&mut socket).await else { panic!("no welcome") };
        reached = at.seq;
        tokio::spawn(watch(socket, arrived.clone()));
    }
    // Snapshots and a few heads.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let after = resident(&stand);
    let mut committed = commits(&stand, reached + 1).await;
    let mut latencies = vec![];
    for n in 0..EVENTS {
        let changed = if n % 2 == 0 {
            owner.suspend_user(ada, &key()).await
        } else {
            owner.resume_user(ada, &key()).await
        };
        let seq = changed.expect("decided").seq;
        // Whatever follows from it without being asked.
        let at = loop {
            let (found, at) = committed.recv().await.expect("a commit");
            if found == seq {
                break at;
            }
        };
        let mut waited_for = connections;
        while waited_for > 0 {
            let (prev, upto, when): (u64, u64, Instant) = arrivals.recv().await.expect("a delta");
            if prev < seq && seq <= upto {
                waited_for -= 1;
                latencies.push(when.saturating_duration_since(at));
            }
        }
    }
    latencies.sort();
    let of = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "{connections} connections: commit to frame p50 {:?}, p99 {:?}, max {:?}; {} KiB resident, {:.1} KiB per \
         connection",
        of(0.5),
        of(0.99),
        of(1.0),
        after,
        (after.saturating_sub(before)) as f64 / connections as f64,
    );
}

/// When each decision was seen in the log, by whoever reads it directly.
async fn commits(stand: &Stand, from: u64) -> mpsc::UnboundedReceiver<(u64, Instant)> {
    let state = StateDir::open(&stand.data).expect("a state directory");
    let config = Config::load(&stand.data).expect("a configuration");
    let operator = serve::bus_operator(&state).expect("an operator");
    let link = serve::link(&state, &config).expect("a link");
    let bus = serve::bus(&operator, &link, BusRole::Projector).await.expect("a bus");
    let mut reader = EventStore::new(bus).read_from(from).await.expect("a reader");
    let (seen, commits) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Ok(recorded) = reader.next().await {
            if seen.send((recorded.seq, Instant::now())).is_err() {
                return;
            }
        }
    });
    commits
}

/// The moment that each delta was there, read no further than its sequences.
async fn watch(mut socket: Socket, arrived: mpsc::UnboundedSender<(u64, u64, Instant)>) {
    const DELTA: u64 = 2;
    while let Some(Ok(message)) = socket.next().await {
        let when = Instant::now();
        let Message::Binary(frame) = message else { continue };
        let Ok(((DELTA, prev, seq), _)) = postcard::take_from_bytes::<(u64, u64, u64)>(&frame) else {
            continue;
        };
        if arrived.send((prev, seq, when)).is_err() {
            return;
        }
    }
}

/// KiB of the node's process.
fn resident(stand: &Stand) -> u64 {
    let process = stand.process().expect("a process");
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("there");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line");
    line.split_whitespace().nth(1).and_then(|text| text.parse().ok()).expect("a number")
}
