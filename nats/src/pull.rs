//! Pulling from a consumer by its bare `MSG.NEXT` subject.
//!
//! The client library's own pull needs to ask the server about the consumer, which a gateway may not, and
//! notices a restarted server only after half a minute. This one needs a publish and an inbox, and looks.

use crate::subject::DeliveryPlace;
use async_nats::{Client, Message, StatusCode, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use std::{sync::atomic::Ordering, time::Duration};

/// How long one request for messages stands.
const REQUEST_LIFETIME: Duration = Duration::from_secs(30);
/// The server says that often that it is there, when it has nothing else to say: seldom, for there may be ten
/// thousand who listen.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Silence after which the request is taken for lost.
const LOST_AFTER: Duration = Duration::from_secs(11);
/// How often it is looked whether the connection is still the one that the request went over; costs nothing on
/// the network.
const LOOK: Duration = Duration::from_millis(200);
const ACK_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub struct Puller {
    client: Client,
    next: String,
    inbox: String,
    answers: Subscriber,
    batch: usize,
    /// The number of the standing request, and what it may still bring.
    request: u64,
    left: usize,
    /// How often the client had connected when the request was sent. A server that restarted forgot it.
    connects: u64,
    last_heard: tokio::time::Instant,
}

#[derive(Debug, thiserror::Error)]
#[error("the connection to the bus is closed")]
pub struct Closed;

impl Puller {
    /// `next` is the consumer's `MSG.NEXT` subject (or what this account calls it).
    pub async fn open(client: Client, next: String, batch: usize) -> Result<Self, Closed> {
        let inbox = client.new_inbox();
        let answers = client.subscribe(format!("{inbox}.*")).await.map_err(|_| Closed)?;
        let last_heard = tokio::time::Instant::now();
        Ok(Self { client, next, inbox, answers, batch, request: 0, left: 0, connects: 0, last_heard })
    }

    /// The next message; nothing when no request stands any more, because the server is away, has restarted or
    /// does not know the consumer. Asking again sends a new request; a reader that keeps its own place makes
    /// its consumer anew. Cancel-safe.
    pub async fn next(&mut self) -> Result<Option<Delivery>, Closed> {
        loop {
            if self.left == 0 {
                self.ask().await?;
            }
            let now = tokio::time::Instant::now();
            let Ok(answer) = tokio::time::timeout_at(now + LOOK, self.answers.next()).await else {
                if self.connects != self.connected() || now >= self.last_heard + LOST_AFTER {
                    self.left = 0;
                    return Ok(None);
                }
                continue;
            };
            let message = answer.ok_or(Closed)?;
            self.last_heard = tokio::time::Instant::now();
            match message.status {
                None => {
                    self.left = self.left.saturating_sub(1);
                    return Ok(Some(Delivery { client: self.client.clone(), message }));
                }
                Some(StatusCode::IDLE_HEARTBEAT) => {}
                // Of an earlier request: no news.
                Some(_) if !message.subject.as_str().ends_with(&format!(".{}", self.request)) => {}
                // This request has ended by time or count.
                Some(StatusCode::TIMEOUT | StatusCode::NOT_FOUND) => self.left = 0,
                Some(_) => {
                    self.left = 0;
                    tracing::debug!(next = %self.next, status = ?message.status, why = ?message.description, "pull ended");
                    // No responders come at once: without a pause, a dead server would be asked for ever.
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    return Ok(None);
                }
            }
        }
    }

    fn connected(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Relaxed)
    }

    async fn ask(&mut self) -> Result<(), Closed> {
        self.request += 1;
        let request = format!(
            r#"{{"batch":{},"expires":{},"idle_heartbeat":{}}}"#,
            self.batch,
            REQUEST_LIFETIME.as_nanos(),
            HEARTBEAT.as_nanos()
        );
        self.client
            .publish_with_reply(self.next.clone(), format!("{}.{}", self.inbox, self.request), request.into())
            .await
            .map_err(|_| Closed)?;
        self.left = self.batch;
        self.connects = self.connected();
        self.last_heard = tokio::time::Instant::now();
        Ok(())
    }
}

/// One delivered message, to be acknowledged.
#[derive(Debug)]
pub struct Delivery {
    client: Client,
    message: Message,
}

#[derive(Debug, thiserror::Error)]
pub enum AckError {
    #[error("the delivery cannot be acknowledged")]
    NoAckSubject,
    #[error("the acknowledgement was not sent")]
    NotSent(#[source] async_nats::PublishError),
    #[error("the acknowledgement was not confirmed")]
    Unconfirmed(#[source] async_nats::RequestError),
}

impl Delivery {
    pub fn subject(&self) -> &str {
        self.message.subject.as_str()
    }

    pub fn payload(&self) -> &Bytes {
        &self.message.payload
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.message.headers.as_ref()?.get(name).map(|value| value.as_str())
    }

    pub fn place(&self) -> Option<DeliveryPlace> {
        self.message.reply.as_ref().and_then(|reply| DeliveryPlace::of_ack_subject(reply.as_str()))
    }

    /// Done. Lost acknowledgements lead to another delivery, which everybody here survives.
    pub async fn ack(&self) -> Result<(), AckError> {
        self.say("+ACK").await
    }

    /// Done, and the server has confirmed that it will not come again.
    pub async fn double_ack(&self) -> Result<(), AckError> {
        let reply = self.message.reply.clone().ok_or(AckError::NoAckSubject)?;
        let request =
            async_nats::Request::new().payload(Bytes::from_static(b"+ACK")).timeout(Some(ACK_TIMEOUT));
        self.client.send_request(reply, request).await.map(drop).map_err(AckError::Unconfirmed)
    }

    /// Still at it: not to be delivered again yet.
    pub async fn in_progress(&self) -> Result<(), AckError> {
        self.say("+WPI").await
    }

    /// Not now; again after this long.
    pub async fn again_after(&self, delay: Duration) -> Result<(), AckError> {
        self.say(&format!(r#"-NAK {{"delay":{}}}"#, delay.as_nanos())).await
    }

    async fn say(&self, word: &str) -> Result<(), AckError> {
        let reply = self.message.reply.clone().ok_or(AckError::NoAckSubject)?;
        self.client.publish(reply, word.to_owned().into()).await.map_err(AckError::NotSent)
    }
}
