//! The sender's side: sign, publish until durable, wait for the outcome.

use super::{Answer, Reply};
use crate::{
    bus::Bus,
    identity::role::BusRole,
    subject::{COMMANDS, REPLY_HEADER, Subject},
};
use async_nats::{
    HeaderMap, SubscribeError,
    jetstream::{context::PublishError, message::PublishMessage},
};
use ed25519_dalek::SigningKey;
use futures_util::StreamExt;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::oneshot, task::JoinHandle};
use viworks_domain::{
    actor::Origin,
    bytes,
    command::Command,
    envelope::{self, Kind},
    ids::CommandId,
};

/// Between two tries: a server that is not there says so at once.
const PAUSE: Duration = Duration::from_millis(100);

/// One origin's way to put commands on the bus. Cheap to clone.
#[derive(Clone)]
pub struct CommandSender {
    bus: Bus,
    origin: Origin,
    key: Arc<SigningKey>,
    replies: Arc<Replies>,
}

/// What became of a command within the time that was waited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Answered(Answer),
    /// Durable, not decided yet: ask again with the same id, the outcome will be the same.
    Pending,
}

#[derive(Debug, thiserror::Error)]
pub enum SendError {
    #[error("a command of {0:?} was given to the sender of {1:?}")]
    OtherOrigin(Origin, Origin),
    /// Nobody knows whether it is durable: send it again with the same id.
    #[error("the bus did not acknowledge command {0}")]
    Unacknowledged(CommandId, #[source] PublishError),
}

impl CommandSender {
    /// The connection must be that of the origin's own role.
    pub async fn open(bus: Bus, origin: Origin, key: SigningKey) -> Result<Self, SubscribeError> {
        debug_assert_eq!(bus.role, BusRole::of_origin(origin));
        let replies = Arc::new(Replies::open(&bus).await?);
        Ok(Self { bus, origin, key: Arc::new(key), replies })
    }

    /// Durable when this returns; the outcome shows in the log.
    pub async fn send(&self, command: &Command) -> Result<(), SendError> {
        self.publish(command, None).await
    }

    /// Durable when this returns, and decided unless `wait` ran out. Through a restart of the server it is sent
    /// again: the same command has the same outcome.
    pub async fn ask(&self, command: &Command, wait: Duration) -> Result<Sent, SendError> {
        let deadline = tokio::time::Instant::now() + wait;
        loop {
            match self.ask_once(command, deadline).await {
                Err(SendError::Unacknowledged(..)) if tokio::time::Instant::now() < deadline => {
                    tracing::debug!(command = %command.id, "a command is sent again");
                    tokio::time::sleep(PAUSE).await;
                }
                answered => return answered,
            }
        }
    }

    async fn ask_once(&self, command: &Command, deadline: tokio::time::Instant) -> Result<Sent, SendError> {
        let mut awaited = self.replies.expect(command.id);
        let publish = self.publish(command, Some(awaited.inbox.clone()));
        // An outcome proves that the command was durable, whatever became of the acknowledgement.
        let early = tokio::select! {
            biased;
            answer = &mut awaited.answer => Some(answer),
            published = publish => { published?; None }
        };
        let answer = match early {
            Some(answer) => answer.ok(),
            None => tokio::time::timeout_at(deadline, &mut awaited.answer).await.ok().and_then(Result::ok),
        };
        Ok(answer.map_or(Sent::Pending, Sent::Answered))
    }

    async fn publish(&self, command: &Command, reply_to: Option<String>) -> Result<(), SendError> {
        if command.origin != self.origin {
            return Err(SendError::OtherOrigin(command.origin, self.origin));
        }
        let sealed = envelope::seal(Kind::Command, &self.key, &bytes::encode(command));
        let mut headers = HeaderMap::new();
        if let Some(inbox) = reply_to {
            headers.insert(REPLY_HEADER, inbox);
        }
        let message =
            PublishMessage::build().headers(headers).payload(sealed.into()).expected_stream(COMMANDS);
        let unacknowledged = |source| SendError::Unacknowledged(command.id, source);
        let subject = Subject::Command(command.aggregate).to_string();
        let acknowledged = self.bus.jetstream.send_publish(subject, message).await.map_err(unacknowledged)?;
        acknowledged.await.map(drop).map_err(unacknowledged)
    }
}

/// One long-lived inbox for all the replies of a sender.
struct Replies {
    inbox: String,
    count: AtomicU64,
    waiting: Waiting,
    listener: JoinHandle<()>,
}

type Waiting = Arc<Mutex<HashMap<u64, (CommandId, oneshot::Sender<Answer>)>>>;

impl Drop for Replies {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

impl Replies {
    async fn open(bus: &Bus) -> Result<Self, SubscribeError> {
        let inbox = bus.client.new_inbox();
        let mut messages = bus.client.subscribe(format!("{inbox}.*")).await?;
        let waiting = Waiting::default();
        let listening = Arc::clone(&waiting);
        let prefix = format!("{inbox}.");
        let listener = tokio::spawn(async move {
            while let Some(message) = messages.next().await {
                let number = message.subject.strip_prefix(&prefix).and_then(|rest| rest.parse::<u64>().ok());
                let (Some(number), Ok(reply)) = (number, Reply::from_bytes(&message.payload)) else {
                    continue;
                };
                let mut waiting = listening.lock().unwrap_or_else(PoisonError::into_inner);
                if waiting.get(&number).is_some_and(|(command, _)| *command == reply.command)
                    && let Some((_, answer)) = waiting.remove(&number)
                {
                    // Nobody may be waiting any more.
                    let _ = answer.send(reply.answer);
                }
            }
        });
        Ok(Self { inbox, count: AtomicU64::new(0), waiting, listener })
    }

    fn expect(&self, command: CommandId) -> Awaited {
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(number, (command, sender));
        Awaited {
            inbox: format!("{}.{number}", self.inbox),
            number,
            answer,
            waiting: Arc::clone(&self.waiting),
        }
    }
}

/// A reply that is waited for; no trace stays when the waiting is given up.
struct Awaited {
    inbox: String,
    number: u64,
    answer: oneshot::Receiver<Answer>,
    waiting: Waiting,
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}
