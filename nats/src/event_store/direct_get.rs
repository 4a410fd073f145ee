//! One aggregate's decisions by the stream's direct get, in batches: no consumer is made.

use super::{Entry, ReadError};
use crate::{bus::Bus, subject};
use async_nats::{Message, StatusCode, jetstream::message::StreamMessage};
use futures_util::StreamExt;
use std::time::Duration;

/// Far more decisions than an aggregate has; one page nearly always.
const PAGE: u32 = 1000;
/// The longest pause between two messages of an answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn after(bus: &Bus, subject: &str, seq: u64) -> Result<Vec<Entry>, ReadError> {
    let inbox = bus.client.new_inbox();
    let mut answers = bus
        .client
        .subscribe(inbox.clone())
        .await
        .map_err(ReadError::unavailable("an inbox was to be opened"))?;
    let mut entries = Vec::new();
    let mut next = seq + 1;
    loop {
        let request = format!(r#"{{"seq":{next},"batch":{PAGE},"next_by_subj":"{subject}"}}"#);
        bus.client
            .publish_with_reply(
                format!("$JS.API.DIRECT.GET.{}", subject::EVENTS),
                inbox.clone(),
                request.into(),
            )
            .await
            .map_err(ReadError::unavailable("an aggregate was asked for"))?;
        let more = loop {
            let message = tokio::time::timeout(PATIENCE, answers.next())
                .await
                .map_err(ReadError::unavailable("an aggregate was asked for"))?
                .ok_or(ReadError::Unavailable { what: "the connection is closed", source: None })?;
            match message.status {
                None => {
                    let entry = entry(message)?;
                    next = entry.seq + 1;
                    entries.push(entry);
                }
                Some(StatusCode::NOT_FOUND) => break false,
                Some(status) if status.as_u16() == 204 => break pending(&message) > 0,
                Some(_) => {
                    return Err(ReadError::Unavailable { what: "the stream does not answer", source: None });
                }
            }
        };
        if !more {
            return Ok(entries);
        }
    }
}

fn pending(message: &Message) -> u64 {
    message
        .headers
        .as_ref()
        .and_then(|headers| headers.get("Nats-Num-Pending"))
        .and_then(|value| value.as_str().parse().ok())
        .unwrap_or(0)
}

fn entry(message: Message) -> Result<Entry, ReadError> {
    let stored =
        StreamMessage::try_from(message).map_err(ReadError::unavailable("an answer was not understood"))?;
    Ok(Entry { seq: stored.sequence, subject: stored.subject.to_string(), payload: stored.payload })
}
