//! What a command costs beside one raw publish of the same server in the same run.
//!
//! `cargo run --release -p viworks-nats --features testing --example bench [-- --json]`: starts a server of its
//! own as configured for production (fsync before every acknowledgement) and measures, in turn and several
//! rounds each, raw publishes, raw optimistic publishes and whole commands: one at a time, and 64 in flight.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement at the terminal")]

use ed25519_dalek::SigningKey;
use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use std::{future::Future, sync::Arc, time::Duration};

use viworks_domain::{
    Aggregate, Millis, Root,
    actor::{Actor, Origin},
    command::{Command, WireCommand},
    decision::{Decision, Refused},
    directory::{self, Claimed, Event, Refusal},
    event::{AggregateKind, AggregateRef},
    ids::{CommandId, CorrelationId, NameId, UserId},
};
use viworks_nats::{
    command_bus::{CommandSender, OriginKeys, Sent},
    event_store::EventStore,
    folds::Folds,
    identity::role::BusRole,
    testing::{LOG, PATIENCE, TestServer, machine_clock, now},
    worker::{Prepare, PrepareFault, Worker},
};

const ROUNDS: u32 = 4;
const ONE_AT_A_TIME: u32 = 400;
const IN_FLIGHT: usize = 64;
const MANY: u32 = 6_400;
/// A session's life is some sixteen commands; the first finds no state in memory.
const COMMANDS_PER_AGGREGATE: u32 = 16;

#[tokio::main]
async fn main() {
    let server = TestServer::start().await;
    let key = SigningKey::from_bytes(&[1; 32]);
    let keys = OriginKeys::new([(Origin::Process, key.verifying_key())]);
    let bus = server.bus(BusRole::Worker).await;
    let store = EventStore::new(bus.clone());
    let folds = Arc::new(Folds::new(store.clone()));
    let worker = Worker::new(bus.clone(), folds, machine_clock()).serve::<Counter, _>(Plain);
    tokio::spawn(worker.run(keys, LOG, std::future::pending()));
    let sender = CommandSender::open(server.bus(BusRole::Process).await, Origin::Process, key).await.unwrap();

    let raw = async |_: u32| {
        let publish = bus.jetstream.publish("vw.parked.commands.undecodable", vec![0; 300].into());
        publish.await.unwrap().await.unwrap();
    };
    let optimistic = async |n: u32| {
        let mut first = command(2, n);
        first.aggregate = NameId(first.id.0).into();
        store.append(&decision(&first), 0).await.unwrap();
    };
    let whole = async |n: u32| {
        let answer = sender.ask(&command(3, n), PATIENCE).await.unwrap();
        assert!(matches!(answer, Sent::Answered(_)));
    };
    let mut report = Report::default();
    let mut n = 0;
    for _ in 0..ROUNDS {
        report.raw.extend(one_by_one(n, raw).await);
        report.optimistic.extend(one_by_one(n, optimistic).await);
        report.command.extend(one_by_one(n, whole).await);
        n += ONE_AT_A_TIME;
    }
    for _ in 0..ROUNDS {
        report.optimistic_per_s.push(in_flight(n, optimistic).await);
        report.command_per_s.push(in_flight(n, whole).await);
        n += MANY;
    }
    report.print(std::env::args().any(|argument| argument == "--json"));
}

async fn one_by_one<F: Future<Output = ()>>(from: u32, act: impl Fn(u32) -> F) -> Vec<Duration> {
    let mut times = Vec::new();
    for n in from..from + ONE_AT_A_TIME {
        let start = tokio::time::Instant::now();
        act(n).await;
        times.push(start.elapsed());
    }
    times
}

/// Per second.
async fn in_flight<F: Future<Output = ()>>(from: u32, act: impl Fn(u32) -> F) -> f64 {
    let start = tokio::time::Instant::now();
    stream::iter(from..from + MANY).for_each_concurrent(IN_FLIGHT, act).await;
    f64::from(MANY) / start.elapsed().as_secs_f64()
}

#[derive(Default)]
struct Report {
    raw: Vec<Duration>,
    optimistic: Vec<Duration>,
    command: Vec<Duration>,
    optimistic_per_s: Vec<f64>,
    command_per_s: Vec<f64>,
}

impl Report {
    fn print(mut self, json: bool) {
        let us = |times: &mut Vec<Duration>, part: f64| {
            times.sort_unstable();
            let at = ((times.len() - 1) as f64 * part) as usize;
            u64::try_from(times[at].as_micros()).unwrap()
        };
        let median = |values: &mut Vec<f64>| {
            values.sort_unstable_by(f64::total_cmp);
            values[values.len() / 2]
        };
        let rows = [
            ("raw publish", us(&mut self.raw, 0.5), us(&mut self.raw, 0.99)),
            ("optimistic append", us(&mut self.optimistic, 0.5), us(&mut self.optimistic, 0.99)),
            ("command round trip", us(&mut self.command, 0.5), us(&mut self.command, 0.99)),
        ];
        let [(_, raw50, raw99), _, (_, command50, command99)] = rows;
        let (append_rate, command_rate) =
            (median(&mut self.optimistic_per_s), median(&mut self.command_per_s));
        if json {
            let value = serde_json::json!({
                "one_at_a_time_us": rows.map(|(name, p50, p99)| serde_json::json!({"what": name, "p50": p50, "p99": p99})),
                "in_flight": IN_FLIGHT,
                "optimistic_append_per_s": append_rate.round(),
                "command_per_s": command_rate.round(),
                "ratio_p50": command50 as f64 / raw50 as f64,
                "ratio_p99": command99 as f64 / raw99 as f64,
                "ratio_in_flight": command_rate / append_rate,
            });
            println!("{value}");
            return;
        }
        println!("one at a time, fsync before every acknowledgement     p50 us   p99 us");
        for (name, p50, p99) in rows {
            println!("  {name:<50} {p50:>8} {p99:>8}");
        }
        println!("  command / raw publish{:>38.2} {:>8.2}", ratio(command50, raw50), ratio(command99, raw99));
        println!("{IN_FLIGHT} in flight                                               per second");
        println!("  optimistic append {append_rate:>46.0}");
        println!("  command           {command_rate:>46.0}");
        println!("  command / append  {:>46.2}", command_rate / append_rate);
    }
}

fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

fn command(kind: u8, n: u32) -> Command {
    let bytes = |n: u32| {
        let mut id = [kind; 16];
        id[..4].copy_from_slice(&n.to_be_bytes());
        id
    };
    let id = bytes(n);
    let aggregate: AggregateRef = NameId(bytes(n / COMMANDS_PER_AGGREGATE)).into();
    let body = WireCommand::Directory(directory::Command::Claim { user: UserId(id) });
    Command {
        id: CommandId(id),
        digest: body.digest(&aggregate),
        log_id: LOG.log_id,
        epoch: LOG.epoch,
        origin: Origin::Process,
        actor: Actor::Machine,
        correlation: CorrelationId(id),
        causation: None,
        issued_at: now(),
        expires_at: Millis::MAX,
        aggregate,
        body,
    }
}

fn decision(command: &Command) -> Decision {
    Root::<Counter>::default().decide(command, Ok(&UserId([1; 16])), now())
}

/// A rule that costs nothing: what is measured is the way, not the thinking.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Counter(u64);

impl Aggregate for Counter {
    const KIND: AggregateKind = AggregateKind::Directory;
    type Command = UserId;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, user: &UserId, _: Millis) -> Result<Vec<Event>, Refusal> {
        Ok(vec![Claimed { user: *user }.into()])
    }

    fn apply(&mut self, _: &Event, _: Millis) {
        self.0 += 1;
    }
}

struct Plain;

impl Prepare<Counter> for Plain {
    async fn prepare(
        &self,
        _: &Command,
        _: &Root<Counter>,
        _: Millis,
    ) -> Result<Result<UserId, Refused>, PrepareFault> {
        Ok(Ok(UserId([1; 16])))
    }
}
