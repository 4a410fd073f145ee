//! Streams, consumers and buckets (docs/bus.md), made at start by the one identity that may.
//! Nobody deletes one.

use crate::{
    bus::Bus,
    subject::{
        self, COMMANDS, COMMANDS_ANCHOR, DEADLINES, EVENTS, GATEWAY, INTAKE, KEYS, PARKED, PROCESS, REPORTS,
        SEALS, WORKERS,
    },
};
use async_nats::jetstream::{
    consumer::{AckPolicy, DeliverPolicy, pull},
    context::{CreateStreamError, PublishError, PublishErrorKind},
    message::PublishMessage,
    stream::{Config, DiscardPolicy, RetentionPolicy, StorageType},
};
use std::time::Duration;
use viworks_domain::{actor::ProcessName, ids::BusAccount};

/// A gateway's unread orders: `end` is repeated until every receipt is in, so the oldest may go.
const ORDERS_PER_GATEWAY: i64 = 10_000;
const REPORTS_KEPT: Duration = Duration::from_secs(7 * 24 * 3600);
/// Undecided commands beyond this are refused at the door, rather than accepted and never served.
const COMMANDS_WAITING: i64 = 1_000_000;
/// What a killed worker, intake or process had in hand comes again after this. Longer than a decision takes;
/// workers give signs of life besides.
const ACK_WAIT: Duration = Duration::from_secs(5);
/// The same for a killed agent. One that works longer on an order says so.
const GATEWAY_ACK_WAIT: Duration = Duration::from_secs(10);
/// Commands in workers' hands at once.
const COMMANDS_IN_HAND: i64 = 1024;
/// The server caps silently at 1,000 where nothing is set, and takes -1 for that cap.
const CONSUMERS: i32 = 256;
/// One durable consumer per gateway.
const GATEWAY_CONSUMERS: i32 = 100_000;
/// Larger messages are somebody's mistake: agents read frames of at most this.
const LARGEST_MESSAGE: i32 = 64 * 1024;
/// A decision may hold more than one command brought (sealed boxes and documents besides).
const LARGEST_DECISION: i32 = 512 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("stream {0} could not be made")]
    Stream(&'static str, #[source] CreateStreamError),
    #[error("consumer {0} could not be made")]
    Consumer(String, #[source] async_nats::jetstream::stream::ConsumerError),
    #[error("bucket {0} could not be made")]
    Bucket(&'static str, #[source] async_nats::jetstream::context::CreateKeyValueError),
    #[error("the command queue's anchor could not be stored")]
    Anchor(#[source] PublishError),
}

/// The seven streams. `replicas`: 1 on one node, 3 on a cluster.
pub fn streams(replicas: usize) -> [Config; 7] {
    let base = |name: &str, subjects: &str| Config {
        name: name.to_owned(),
        subjects: vec![subjects.to_owned()],
        storage: StorageType::File,
        num_replicas: replicas,
        discard: DiscardPolicy::New,
        max_consumers: CONSUMERS,
        max_message_size: LARGEST_MESSAGE,
        allow_direct: true,
        // Nothing here relies on the server's deduplication, which is stream-wide and kept in memory.
        duplicate_window: Duration::from_secs(1),
        ..Config::default()
    };
    let forever = |config: Config| Config { deny_delete: true, deny_purge: true, ..config };
    [
        Config { max_message_size: LARGEST_DECISION, ..forever(base(EVENTS, "vw.evt.*.*")) },
        Config {
            retention: RetentionPolicy::WorkQueue,
            max_messages: COMMANDS_WAITING,
            deny_purge: true,
            subjects: vec!["vw.cmd.*.*".to_owned(), COMMANDS_ANCHOR.to_owned()],
            ..base(COMMANDS, "vw.cmd.*.*")
        },
        forever(base(PARKED, "vw.parked.>")),
        Config {
            retention: RetentionPolicy::WorkQueue,
            allow_message_schedules: true,
            allow_rollup: true,
            // The server takes no other where schedules are; without a cap nothing is discarded.
            discard: DiscardPolicy::Old,
            ..base(DEADLINES, "vw.due.>")
        },
        Config {
            discard: DiscardPolicy::Old,
            max_messages_per_subject: ORDERS_PER_GATEWAY,
            max_consumers: GATEWAY_CONSUMERS,
            ..base(GATEWAY, "vw.gw.*.cmd")
        },
        Config { max_age: REPORTS_KEPT, ..base(REPORTS, "vw.gw.*.report") },
        forever(base(SEALS, "vw.seal")),
    ]
}

/// Makes what is missing and brings the rest up to date.
pub async fn ensure(setup: &Bus, replicas: usize) -> Result<(), SetupError> {
    const NAMES: [&str; 7] = [EVENTS, COMMANDS, PARKED, DEADLINES, GATEWAY, REPORTS, SEALS];
    for (config, name) in streams(replicas).into_iter().zip(NAMES) {
        setup
            .jetstream
            .create_or_update_stream(config)
            .await
            .map_err(|source| SetupError::Stream(name, source))?;
    }
    anchor(setup).await?;
    let durable = |name: &str, filter: &str| pull::Config {
        durable_name: Some(name.to_owned()),
        filter_subject: filter.to_owned(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: ACK_WAIT,
        max_ack_pending: COMMANDS_IN_HAND,
        deliver_policy: DeliverPolicy::All,
        ..pull::Config::default()
    };
    consumer(setup, COMMANDS, durable(WORKERS, "vw.cmd.*.*")).await?;
    // The server can be made to store a gateway's own command among its reports (facts about imports): a
    // filter on the subject skips it.
    consumer(setup, REPORTS, durable(INTAKE, "vw.gw.*.report")).await?;
    for process in ProcessName::ALL {
        let name = subject::alarm_consumer(process);
        consumer(setup, DEADLINES, durable(&name, &subject::fired_alarms(process))).await?;
    }
    for bucket in [KEYS, PROCESS] {
        let config = async_nats::jetstream::kv::Config {
            bucket: bucket.to_owned(),
            history: 1,
            storage: StorageType::File,
            num_replicas: replicas,
            ..async_nats::jetstream::kv::Config::default()
        };
        setup
            .jetstream
            .create_or_update_key_value(config)
            .await
            .map_err(|source| SetupError::Bucket(bucket, source))?;
    }
    Ok(())
}

/// Once in the queue's life.
async fn anchor(setup: &Bus) -> Result<(), SetupError> {
    let message = PublishMessage::build().expected_last_subject_sequence(0).expected_stream(COMMANDS);
    let sent = setup.jetstream.send_publish(COMMANDS_ANCHOR, message).await.map_err(SetupError::Anchor)?;
    match sent.await {
        Err(error) if error.kind() != PublishErrorKind::WrongLastSequence => Err(SetupError::Anchor(error)),
        // It is there, of now or of long ago.
        Ok(_) | Err(_) => Ok(()),
    }
}

/// The consumer of one gateway's orders, made when it enrols. Strictly one at a time and in order. Its state
/// needs no replicas: an agent takes the same order twice for once.
pub async fn ensure_gateway(admission: &Bus, account: &BusAccount) -> Result<(), SetupError> {
    let config = pull::Config {
        durable_name: Some(subject::gateway_consumer(account).to_owned()),
        filter_subject: subject::Subject::GatewayCommand(account.clone()).to_string(),
        ack_policy: AckPolicy::Explicit,
        ack_wait: GATEWAY_ACK_WAIT,
        max_ack_pending: 64,
        num_replicas: 1,
        ..pull::Config::default()
    };
    consumer(admission, GATEWAY, config).await
}

async fn consumer(bus: &Bus, stream: &str, config: pull::Config) -> Result<(), SetupError> {
    let name = config.durable_name.clone().unwrap_or_default();
    bus.jetstream
        .create_consumer_on_stream(config, stream)
        .await
        .map(drop)
        .map_err(|source| SetupError::Consumer(name, source))
}
