//! What follows from events: emitted once, rung on time, whatever the bus forgets.

use crate::{
    counter::Counter,
    fixtures::{claim, decide, name, process_key, release, sender, store, user, worker},
};
use ed25519_dalek::SigningKey;
use std::time::Duration;
use tokio::task::JoinHandle;
use viworks_domain::{
    Millis, Root,
    actor::ProcessName,
    bytes,
    command::WireCommand,
    decision::RecordedEvent,
    directory,
    envelope::{self, Kind},
    event::AnyEvent,
    gateway::{self, Identity},
    gateway_bus::{End, GatewayCommand, Order},
    ids::{CorrelationId, Digest, EndId, NameId, SessionId, UserId},
    process::{Alarm, AlarmKind, Alarms, Effect, Process, Rang},
    session::EndReason,
};
use viworks_nats::{
    Clock,
    bus::Bus,
    command_bus::CommandSender,
    event_store::EventStore,
    gateway_bus::{agent::AgentBus, orders::OrderSender},
    identity::role::BusRole,
    key_value::{Checkpoint, Checkpoints},
    process_runner::{ProcessRunner, RunnerStopped},
    stream,
    subject::{AlarmName, DEADLINES, Subject},
    testing::{LOG, PATIENCE, TestClock, TestGateway, TestServer, machine_clock, until},
};

#[tokio::test]
async fn what_follows_is_sent_once_however_often_the_process_starts() {
    let server = TestServer::start().await;
    let (sender, store, _worker) = (sender(&server).await, store(&server).await, worker(&server).await);
    let running = run(&server, machine_clock()).await;
    sender.send(&claim(name(1), 1, 1)).await.unwrap();
    // 1 claimed, so 101 is claimed, and nothing follows from that.
    echoed(&store, 101).await;
    running.stop().await;
    let head = store.last_sequence().await.unwrap();

    // Starting from its checkpoint it emits nothing; without one it emits the same again, which does nothing.
    for forgotten in [false, true] {
        if forgotten {
            let checkpoints = Checkpoints::open(&server.bus(BusRole::Process).await).await.unwrap();
            checkpoints.put(Echo::NAME, Checkpoint { log: LOG, seq: 0 }).await.unwrap();
        }
        let running = run(&server, machine_clock()).await;
        sender.send(&claim(name(50), 50, 50)).await.unwrap();
        echoed(&store, 150).await;
        running.stop().await;
        assert_eq!(store.root::<Counter>(name(101)).await.unwrap().state.claims, 1);
        // The one more command and its one more consequence; then nothing at all.
        assert_eq!(store.last_sequence().await.unwrap(), head + 2);
    }
}

#[tokio::test]
async fn an_alarm_rings_when_it_is_due() {
    let server = TestServer::start().await;
    let (sender, store, _worker) = (sender(&server).await, store(&server).await, worker(&server).await);
    let _running = run(&server, machine_clock()).await;
    sender.send(&claim(name(1), 1, 1)).await.unwrap();
    let released = released(&store, 1).await;
    let claimed = store.load(name(1)).await.unwrap()[0].decision.at;
    let late = released.since(claimed.plus(DUE_AFTER));
    assert!(released >= claimed.plus(DUE_AFTER), "{released} {claimed}");
    assert!(late < Duration::from_secs(5), "{late:?} late");
}

#[tokio::test]
async fn deleting_the_deadlines_loses_nothing() {
    let server = TestServer::start().await;
    let (sender, store, _worker) = (sender(&server).await, store(&server).await, worker(&server).await);
    let clock = TestClock::default();
    let _running = run(&server, clock.clock()).await;
    let unlimited = server.unlimited().await;
    for (n, remade) in [(1u8, false), (2, true)] {
        sender.send(&claim(name(n), n, n)).await.unwrap();
        echoed(&store, n + 100).await;
        unlimited.jetstream.delete_stream(DEADLINES).await.unwrap();
        if remade {
            stream::ensure(&server.bus(BusRole::Setup).await, 1).await.unwrap();
            // The sweep sets the lost clock again.
            until("it is armed again", async || (armed(&unlimited, n).await).then_some(())).await;
        }
        clock.advance(DUE_AFTER + Duration::from_secs(2));
        released(&store, n).await;
        stream::ensure(&server.bus(BusRole::Setup).await, 1).await.unwrap();
    }
}

#[tokio::test]
async fn an_early_ring_does_nothing_but_set_the_clock_again() {
    let server = TestServer::start().await;
    let (sender, store, _worker) = (sender(&server).await, store(&server).await, worker(&server).await);
    // The bus's clock is ahead of the process's by the whole time to wait.
    let clock = TestClock::default();
    let _running = run(&server, clock.clock()).await;
    sender.send(&claim(name(1), 1, 1)).await.unwrap();
    echoed(&store, 101).await;
    let unlimited = server.unlimited().await;
    until("the bus has rung", async || rung(&unlimited).await.then_some(())).await;
    assert_eq!(store.root::<Counter>(name(1)).await.unwrap().version, 1);
    clock.advance(DUE_AFTER + Duration::from_secs(2));
    released(&store, 1).await;
}

#[tokio::test]
async fn alarms_are_set_again_after_a_restart_that_found_none() {
    let server = TestServer::start().await;
    let (sender, store, _worker) = (sender(&server).await, store(&server).await, worker(&server).await);
    let running = run(&server, TestClock::default().clock()).await;
    sender.send(&claim(name(1), 1, 1)).await.unwrap();
    echoed(&store, 101).await;
    running.stop().await;
    let unlimited = server.unlimited().await;
    unlimited.jetstream.delete_stream(DEADLINES).await.unwrap();
    stream::ensure(&server.bus(BusRole::Setup).await, 1).await.unwrap();
    let clock = TestClock::default();
    clock.advance(DUE_AFTER + Duration::from_secs(2));
    let _running = run(&server, clock.clock()).await;
    released(&store, 1).await;
}

#[tokio::test]
async fn orders_go_to_the_gateway_that_enrolled_signed_and_numbered() {
    let server = TestServer::start().await;
    let gateway = server.gateway(9).await;
    let (sender, store, _worker) = (sender(&server).await, store(&server).await, worker(&server).await);
    enrol(&store, &gateway).await;
    let _running = run(&server, machine_clock()).await;
    sender.send(&claim(name(1), 1, ORDERING)).await.unwrap();
    let agent = AgentBus::connect(&server.link(), &gateway.credentials()).await.unwrap();
    let mut orders = agent.orders().await.unwrap();
    let delivery = tokio::time::timeout(PATIENCE, orders.next()).await.unwrap().unwrap();
    let key = order_key().verifying_key();
    let body = envelope::open(Kind::GatewayCommand, delivery.payload(), |_| Some(key)).unwrap();
    let order: GatewayCommand = bytes::decode(body).unwrap();
    // The enrolment stands at 1, the claim at 2.
    assert_eq!((order.recipient, order.cause_seq, order.n), (gateway.id, 2, 2 * 16 + 3));
}

#[tokio::test]
async fn a_process_stops_at_what_it_cannot_read_and_names_the_place() {
    let server = TestServer::start().await;
    let store = store(&server).await;
    let mut future = decide(&Root::default(), &claim(name(1), 1, 1));
    future.events[0].version = 9;
    store.append(&future, 0).await.unwrap();
    let running = run(&server, machine_clock()).await;
    let stopped = tokio::time::timeout(PATIENCE, running.task).await.unwrap().unwrap().unwrap_err();
    let text = stopped.to_string();
    for part in ["VW_EVENTS", "sequence 1", "version 9"] {
        assert!(text.contains(part), "{text}");
    }
}

/// Users from this number on get an order instead.
const ORDERING: u8 = 40;
const DUE_AFTER: Duration = Duration::from_millis(1500);

/// Claims name n + 100 when n below 100 is claimed, and releases n when its time is up.
#[derive(Default)]
struct Echo {
    alarms: Alarms,
}

impl Process for Echo {
    const NAME: ProcessName = ProcessName::Teardown;

    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let id = event.decision.aggregate.id;
        match &event.event {
            AnyEvent::Directory(directory::Event::Claimed(claimed)) if claimed.user == user(ORDERING) => {
                vec![Effect::Order {
                    gateway: viworks_domain::ids::GatewayId([9; 16]),
                    order: Order::End(End {
                        session: SessionId(id),
                        session_version: 1,
                        end: EndId([5; 16]),
                        reason: EndReason::WindowClosed,
                    }),
                    correlation: event.decision.correlation,
                    cause_seq: event.seq,
                    index: 3,
                }]
            }
            AnyEvent::Directory(directory::Event::Claimed(_)) if id[0] < 100 => {
                let due = event.decision.at.plus(DUE_AFTER);
                let command = Effect::Command {
                    aggregate: NameId([id[0] + 100; 16]).into(),
                    body: WireCommand::Directory(directory::Command::Claim { user: UserId(id) }),
                    correlation: event.decision.correlation,
                    not_after: None,
                };
                let armed = self.alarms.set(id, AlarmKind::End, due, event.seq);
                armed.into_iter().chain([command]).collect()
            }
            AnyEvent::Directory(directory::Event::Released(_)) => {
                self.alarms.clear(id, AlarmKind::End).into_iter().collect()
            }
            _ => vec![],
        }
    }

    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect> {
        match self.alarms.rang(alarm, now) {
            Rang::Gone => vec![],
            Rang::Early(again) => vec![again],
            Rang::Due(due, again) => vec![
                Effect::Command {
                    aggregate: NameId(due.instance).into(),
                    body: WireCommand::Directory(directory::Command::Release { user: UserId(due.instance) }),
                    correlation: CorrelationId([9; 16]),
                    not_after: None,
                },
                again,
            ],
        }
    }

    fn alarms(&self) -> Vec<Alarm> {
        self.alarms.all()
    }
}

struct Running {
    task: JoinHandle<Result<(), RunnerStopped>>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
}

impl Running {
    async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        tokio::time::timeout(PATIENCE, &mut self.task).await.unwrap().unwrap().unwrap();
    }
}

fn order_key() -> SigningKey {
    SigningKey::from_bytes(&[31; 32])
}

async fn run(server: &TestServer, clock: Clock) -> Running {
    let bus = server.bus(BusRole::Process).await;
    let origin = viworks_domain::actor::Origin::Process;
    let runner = ProcessRunner {
        store: EventStore::new(bus.clone()),
        commands: CommandSender::open(bus.clone(), origin, process_key()).await.unwrap(),
        orders: OrderSender::new(bus.clone(), order_key()),
        bus,
        log: LOG,
        clock,
    };
    let (stop, stopped) = tokio::sync::oneshot::channel();
    let task = tokio::spawn(runner.run::<Echo>(async move {
        // Dropping the handle does not stop it; the test's end does.
        if stopped.await.is_err() {
            std::future::pending::<()>().await;
        }
    }));
    Running { task, stop: Some(stop) }
}

async fn echoed(store: &EventStore, n: u8) {
    until("the echo is decided", async || {
        let root = store.root::<Counter>(name(n)).await.ok()?;
        (root.state.claims == 1).then_some(())
    })
    .await;
}

/// When it was released.
async fn released(store: &EventStore, n: u8) -> Millis {
    until("it is released", async || {
        let root = store.root::<Counter>(name(n)).await.ok()?;
        (root.version == 2).then_some(root.last_at)
    })
    .await
}

/// Whether the bus has this alarm's schedule.
async fn armed(unlimited: &Bus, n: u8) -> bool {
    let alarm = AlarmName { process: Echo::NAME, instance: [n; 16], kind: AlarmKind::End };
    let Ok(stream) = unlimited.jetstream.get_stream(DEADLINES).await else { return false };
    stream.get_last_raw_message_by_subject(&Subject::SetAlarm(alarm).to_string()).await.is_ok()
}

/// Whether the bus has delivered a ringing.
async fn rung(unlimited: &Bus) -> bool {
    let name = viworks_nats::subject::alarm_consumer(Echo::NAME);
    let stream = unlimited.jetstream.get_stream(DEADLINES).await.unwrap();
    stream.consumer_info(name).await.is_ok_and(|info| info.delivered.consumer_sequence > 0)
}

/// As the log has it after a gateway's enrolment.
async fn enrol(store: &EventStore, gateway: &TestGateway) {
    let mut decision = decide(&Root::default(), &release(name(1), 1, 1));
    decision.aggregate = gateway.id.into();
    let event: gateway::Event = gateway::Enrolled {
        identity: Identity {
            account: gateway.account.clone(),
            bus_user: gateway.user.public(),
            opening_key: vec![],
            report_key: [1; 32],
            server_key: Digest([2; 32]),
        },
    }
    .into();
    decision.events = vec![viworks_domain::event::Event::store(&event)];
    store.append(&decision, 0).await.unwrap();
}
