//! The workers' side: only genuine commands, of an origin that may send them, get through.

use super::{Answer, Reply};
use crate::{
    bus::Bus,
    pull::{AckError, Closed, Delivery, Puller},
    subject::{self, COMMANDS, PARKED, ParkReason, ParkedFrom, REPLY_HEADER, Subject, WORKERS},
};
use async_nats::{
    HeaderMap,
    jetstream::{context::PublishError, message::PublishMessage},
};
use ed25519_dalek::VerifyingKey;
use std::collections::HashMap;
use viworks_domain::{
    Millis,
    actor::Origin,
    aggregate::LogIdentity,
    bytes,
    command::Command,
    envelope::{self, KeyId, Kind},
    permission::origin_may_send,
};

/// How many commands a worker asks for at a time.
const BATCH: usize = 256;

/// The keys that commands may be signed with, and whose they are.
#[derive(Clone, Debug, Default)]
pub struct OriginKeys(HashMap<KeyId, (Origin, VerifyingKey)>);

impl OriginKeys {
    pub fn new(keys: impl IntoIterator<Item = (Origin, VerifyingKey)>) -> Self {
        Self(keys.into_iter().map(|(origin, key)| (KeyId::of(key.as_bytes()), (origin, key))).collect())
    }
}

/// Why a message is put aside; `reply` once it is known to be its sender's.
#[derive(Debug)]
struct Parked {
    reason: ParkReason,
    reply: Option<Reply>,
}

/// A genuine command, to be decided and then acknowledged.
#[derive(Debug)]
pub struct Incoming {
    pub command: Command,
    /// When the bus stored it.
    pub stored_at: Millis,
    /// Its place on the command stream: another delivery of the same message has the same.
    pub stream_seq: u64,
    reply_to: Option<String>,
    delivery: Delivery,
}

impl Incoming {
    /// Tells the bus that it is done, then the sender. An outcome that stands in the log would be the same at
    /// another delivery, so its acknowledgement need not be confirmed (which costs another fsync); one without
    /// a place there must not be asked for again.
    pub async fn conclude(&self, bus: &Bus, answer: Answer) -> Result<(), AckError> {
        if matches!(answer, Answer::Decided { seq: 1.., .. }) {
            self.delivery.ack().await?;
        } else {
            self.delivery.double_ack().await?;
        }
        answer_to(bus, self.reply_to.as_deref(), &Reply { command: self.command.id, answer }).await;
        Ok(())
    }

    /// Still being decided: not to be delivered again yet.
    pub async fn in_progress(&self) -> Result<(), AckError> {
        self.delivery.in_progress().await
    }
}

/// Pulls commands, verifies them, parks what is not one.
#[derive(Debug)]
pub struct Receiver {
    bus: Bus,
    puller: Puller,
    keys: OriginKeys,
    log: LogIdentity,
}

impl Receiver {
    pub async fn open(bus: Bus, keys: OriginKeys, log: LogIdentity) -> Result<Self, Closed> {
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{COMMANDS}.{WORKERS}");
        let puller = Puller::open(bus.client.clone(), next, BATCH).await?;
        Ok(Self { bus, puller, keys, log })
    }

    /// The next genuine command. Cancel-safe.
    pub async fn next(&mut self) -> Result<Incoming, Closed> {
        loop {
            let Some(delivery) = self.puller.next().await? else { continue };
            match self.verify(&delivery) {
                Ok(command) => {
                    let place = delivery.place();
                    return Ok(Incoming {
                        stored_at: place.map_or(command.issued_at, |place| place.stored_at),
                        stream_seq: place.map_or(0, |place| place.stream_seq),
                        reply_to: reply_address(&delivery, command.origin),
                        command,
                        delivery,
                    });
                }
                // By itself: whoever waits here may have other things to do meanwhile, and drop this wait.
                Err(parked) => drop(tokio::spawn(set_aside(self.bus.clone(), parked, delivery))),
            }
        }
    }

    /// Puts a genuine command aside that could not be decided in any number of tries.
    pub async fn give_up(bus: &Bus, incoming: &Incoming) -> Result<(), ParkError> {
        park(bus, ParkedFrom::Commands, ParkReason::Hopeless, &incoming.delivery).await?;
        let reply = Reply { command: incoming.command.id, answer: Answer::Parked };
        answer_to(bus, incoming.reply_to.as_deref(), &reply).await;
        Ok(())
    }

    fn verify(&self, delivery: &Delivery) -> Result<Command, Parked> {
        let parked = |reason| Parked { reason, reply: None };
        let mut signer = None;
        let body = envelope::open(Kind::Command, delivery.payload(), |id| {
            let (origin, key) = self.keys.0.get(&id)?;
            signer = Some(*origin);
            Some(*key)
        })
        .map_err(|_| parked(ParkReason::Unauthentic))?;
        let command: Command = bytes::decode(body).map_err(|_| parked(ParkReason::Undecodable))?;
        if signer != Some(command.origin) {
            return Err(parked(ParkReason::Unauthentic));
        }
        let reason = if (command.log_id, command.epoch) != (self.log.log_id, self.log.epoch) {
            ParkReason::OtherLog
        } else if delivery.subject().parse() != Ok(Subject::Command(command.aggregate))
            || command.body.kind() != command.aggregate.kind
        {
            ParkReason::Misaddressed
        } else if !origin_may_send(command.origin, &command.body) {
            ParkReason::NotAllowed
        } else {
            return Ok(command);
        };
        let told = reply_address(delivery, command.origin).is_some();
        let reply = told.then_some(Reply { command: command.id, answer: Answer::Parked });
        Err(Parked { reason, reply })
    }
}

async fn set_aside(bus: Bus, parked: Parked, delivery: Delivery) {
    let reason = parked.reason;
    tracing::warn!(subject = delivery.subject(), reason = reason.as_str(), "a command is parked");
    match park(&bus, ParkedFrom::Commands, reason, &delivery).await {
        Ok(()) => {
            if let Some(reply) = parked.reply {
                answer_to(&bus, delivery.header(REPLY_HEADER), &reply).await;
            }
        }
        Err(error) => tracing::warn!(%error, "parking failed; the message comes again"),
    }
}

/// The inbox that waits, if it is below the origin's own prefix.
fn reply_address(delivery: &Delivery, origin: Origin) -> Option<String> {
    let address = delivery.header(REPLY_HEADER)?;
    if subject::may_reply_to(origin, address) {
        Some(address.to_owned())
    } else {
        tracing::warn!(?origin, "a command asks for its reply outside its origin's inbox");
        None
    }
}

async fn answer_to(bus: &Bus, inbox: Option<&str>, reply: &Reply) {
    let Some(inbox) = inbox else { return };
    // Whoever misses it asks again, and meets the same outcome.
    if let Err(error) = bus.client.publish(inbox.to_owned(), reply.to_bytes().into()).await {
        tracing::debug!(%error, "a reply was not sent");
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ParkError {
    #[error("a message could not be parked")]
    Publish(#[from] PublishError),
    #[error(transparent)]
    Ack(#[from] AckError),
}

/// Stores the message with where it was, then takes it off its stream.
pub(crate) async fn park(
    bus: &Bus,
    from: ParkedFrom,
    reason: ParkReason,
    delivery: &Delivery,
) -> Result<(), ParkError> {
    let mut headers = HeaderMap::new();
    headers.insert("Vw-Subject", delivery.subject());
    if let Some(place) = delivery.place() {
        headers.insert("Vw-Sequence", place.stream_seq.to_string());
    }
    let message =
        PublishMessage::build().headers(headers).payload(delivery.payload().clone()).expected_stream(PARKED);
    bus.jetstream.send_publish(Subject::Parked(from, reason).to_string(), message).await?.await?;
    Ok(delivery.double_ack().await?)
}
