//! The whole log in order: from a sequence on, without gaps, then what is to come.

use super::{ReadError, direct_get};
use crate::{
    bus::Bus,
    entropy,
    identity::role::BusRole,
    pull::Puller,
    subject::{self, Subject},
};
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use bytes::Bytes;
use futures_util::{Stream, stream};
use std::{collections::VecDeque, time::Duration};
use tokio::task::JoinHandle;
use viworks_domain::decision::{Decision, Recorded};

/// How much the server may send ahead.
const BATCH: usize = 1000;
/// A reader that stopped asking is forgotten by the server after this.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(60);

/// How long to wait where there is nothing to read now.
const PAUSE: Duration = Duration::from_millis(200);

/// One message of the log as its bytes stand there: what seals cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub seq: u64,
    pub subject: String,
    pub payload: Bytes,
}

impl Entry {
    /// The decision; one on another aggregate's subject is an error, as everything that cannot be read.
    pub fn decode(&self) -> Result<Recorded, ReadError> {
        let decision = Decision::from_bytes(&self.payload)
            .map_err(|source| ReadError::BadDecision { seq: self.seq, source })?;
        if self.subject.parse() == Ok(Subject::Event(decision.aggregate)) {
            Ok(Recorded { seq: self.seq, decision })
        } else {
            Err(ReadError::Misplaced {
                seq: self.seq,
                found: self.subject.clone(),
                aggregate: decision.aggregate,
            })
        }
    }
}

/// Keeps its own place: whatever happens to the server, the next entry is the next sequence.
#[derive(Debug)]
pub struct Reader {
    bus: Bus,
    source: Source,
    expected: u64,
}

/// Where the next entries come from.
#[derive(Debug)]
enum Source {
    /// A short-lived consumer, which pushes on as decisions are made; `None` while the server has yet to make
    /// it (again).
    Consumer(Option<Box<Puller>>),
    /// Page after page. Auditors may make nothing on the server, not even this.
    Pages(Pages),
}

#[derive(Debug, Default)]
struct Pages {
    page: VecDeque<Entry>,
    /// The next one is on its way while this one is read.
    ahead: Option<JoinHandle<Result<Page, ReadError>>>,
}

/// Its entries, and whether there are more.
type Page = (Vec<Entry>, bool);

impl Reader {
    pub(super) async fn open(bus: &Bus, from: u64) -> Result<Self, ReadError> {
        let source = if bus.role == BusRole::Reader {
            Source::Pages(Pages::default())
        } else {
            Source::Consumer(Some(Box::new(consumer(bus, from).await?)))
        };
        Ok(Self { bus: bus.clone(), source, expected: from })
    }

    /// The sequence that comes next.
    pub const fn expected(&self) -> u64 {
        self.expected
    }

    /// The next message as it stands in the log; waits for it as long as it takes. Cancel-safe. The bus being
    /// away is waited out here; an error means that the log cannot be read.
    pub async fn next_entry(&mut self) -> Result<Entry, ReadError> {
        loop {
            let found = match &mut self.source {
                Source::Pages(pages) => pages.next(&self.bus, self.expected).await,
                Source::Consumer(puller) => next_of_consumer(&self.bus, puller, self.expected).await?,
            };
            let Some(entry) = found else { continue };
            if entry.seq > self.expected {
                return Err(ReadError::Gap { expected: self.expected, found: entry.seq });
            }
            self.expected += 1;
            return Ok(entry);
        }
    }

    /// The next decision. Cancel-safe.
    pub async fn next(&mut self) -> Result<Recorded, ReadError> {
        self.next_entry().await?.decode()
    }

    /// As a stream, which ends after its first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Recorded, ReadError>> + Send {
        stream::unfold(Some(self), |reader| async move {
            let mut reader = reader?;
            match reader.next().await {
                Ok(recorded) => Some((Ok(recorded), Some(reader))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

impl Pages {
    /// Nothing while there is nothing new, after a pause. Cancel-safe.
    async fn next(&mut self, bus: &Bus, expected: u64) -> Option<Entry> {
        if self.page.is_empty() {
            let ahead = self.ahead.get_or_insert_with(|| fetch(bus, expected));
            let fetched = ahead.await;
            self.ahead = None;
            match fetched {
                Ok(Ok((entries, more))) => {
                    if let (true, Some(last)) = (more, entries.last()) {
                        self.ahead = Some(fetch(bus, last.seq + 1));
                    }
                    self.page.extend(entries);
                }
                Ok(Err(error)) => tracing::debug!(%error, "the log cannot be read yet"),
                Err(stopped) => tracing::debug!(%stopped, "the log cannot be read yet"),
            }
        }
        let entry = self.page.pop_front();
        if entry.is_none() {
            tokio::time::sleep(PAUSE).await;
        }
        entry
    }
}

fn fetch(bus: &Bus, from: u64) -> JoinHandle<Result<Page, ReadError>> {
    let bus = bus.clone();
    tokio::spawn(async move { direct_get::page(&bus, ">", from).await })
}

/// Nothing when what came was not next; then the consumer is made anew.
async fn next_of_consumer(
    bus: &Bus,
    puller: &mut Option<Box<Puller>>,
    expected: u64,
) -> Result<Option<Entry>, ReadError> {
    let Some(pulling) = puller.as_mut() else {
        match consumer(bus, expected).await {
            Ok(made) => *puller = Some(Box::new(made)),
            Err(error) => {
                tracing::debug!(%error, "the log cannot be read yet");
                tokio::time::sleep(PAUSE).await;
            }
        }
        return Ok(None);
    };
    let closed = |_| ReadError::Unavailable { what: "the connection is closed", source: None };
    let Some(delivery) = pulling.next().await.map_err(closed)? else {
        *puller = None;
        return Ok(None);
    };
    let Some(place) = delivery.place() else {
        return Err(ReadError::Unavailable { what: "a delivery does not say its place", source: None });
    };
    if place.stream_seq < expected {
        return Ok(None);
    }
    // Either a message was lost on the way, or the log has a hole: the first of a consumer tells.
    if place.stream_seq > expected && place.consumer_seq > 1 {
        *puller = None;
        return Ok(None);
    }
    Ok(Some(Entry {
        seq: place.stream_seq,
        subject: delivery.subject().to_owned(),
        payload: delivery.payload().clone(),
    }))
}

async fn consumer(bus: &Bus, from: u64) -> Result<Puller, ReadError> {
    let random = entropy::bytes::<10>().map_err(ReadError::unavailable("a consumer was to be named"))?;
    let name = format!("{}-{}", bus.role.as_str(), data_encoding::BASE32_NOPAD.encode(&random));
    let config = pull::Config {
        name: Some(name.clone()),
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: from },
        ack_policy: AckPolicy::None,
        inactive_threshold: FORGOTTEN_AFTER,
        memory_storage: true,
        num_replicas: 1,
        ..pull::Config::default()
    };
    bus.jetstream
        .create_consumer_on_stream(config, subject::EVENTS)
        .await
        .map_err(ReadError::unavailable("a consumer was to be made"))?;
    let next = format!("$JS.API.CONSUMER.MSG.NEXT.{}.{name}", subject::EVENTS);
    Puller::open(bus.client.clone(), next, BATCH)
        .await
        .map_err(|_| ReadError::Unavailable { what: "the connection is closed", source: None })
}
