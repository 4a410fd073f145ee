//! The stream's direct get, in batches: no consumer is made, nothing is kept on the server.

use super::{Entry, ReadError};
use crate::{bus::Bus, subject::EVENTS};
use async_nats::{
    Message, StatusCode,
    header::{NATS_SEQUENCE, NATS_SUBJECT},
};
use futures_util::StreamExt;
use std::time::Duration;

/// Far more decisions than an aggregate has: one page nearly always.
const PAGE: u32 = 1000;
/// The longest pause between two messages of an answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// Everything on this subject after that sequence.
pub(super) async fn after(bus: &Bus, subject: &str, seq: u64) -> Result<Vec<Entry>, ReadError> {
    let (mut entries, mut next) = (Vec::new(), seq + 1);
    loop {
        let (mut page, more) = page(bus, subject, next).await?;
        next = page.last().map_or(next, |last| last.seq + 1);
        entries.append(&mut page);
        if !more {
            return Ok(entries);
        }
    }
}

/// The log's last sequence; 0 when it is empty.
pub(super) async fn last_sequence(bus: &Bus) -> Result<u64, ReadError> {
    let (last, _) = ask(bus, r#"{"last_by_subj":">"}"#.to_owned(), true).await?;
    Ok(last.first().map_or(0, |last| last.seq))
}

/// Up to a page of what is on this subject from that sequence on, and whether there was more.
pub(super) async fn page(bus: &Bus, subject: &str, from: u64) -> Result<(Vec<Entry>, bool), ReadError> {
    ask(bus, format!(r#"{{"seq":{from},"batch":{PAGE},"next_by_subj":"{subject}"}}"#), false).await
}

async fn ask(bus: &Bus, request: String, one: bool) -> Result<(Vec<Entry>, bool), ReadError> {
    let asked = "the log was asked for";
    let inbox = bus.client.new_inbox();
    let mut answers = bus.client.subscribe(inbox.clone()).await.map_err(ReadError::unavailable(asked))?;
    bus.client
        .publish_with_reply(format!("$JS.API.DIRECT.GET.{EVENTS}"), inbox, request.into())
        .await
        .map_err(ReadError::unavailable(asked))?;
    let mut entries = Vec::new();
    loop {
        let message = tokio::time::timeout(PATIENCE, answers.next())
            .await
            .map_err(ReadError::unavailable(asked))?
            .ok_or(ReadError::Unavailable { what: "the connection is closed", source: None })?;
        match message.status {
            None => {
                entries.push(entry(message)?);
                if one {
                    return Ok((entries, false));
                }
            }
            Some(StatusCode::NOT_FOUND) => return Ok((entries, false)),
            Some(status) if status.as_u16() == 204 => return Ok((entries, pending(&message) > 0)),
            Some(_) => {
                return Err(ReadError::Unavailable { what: "the stream does not answer", source: None });
            }
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
    let headers = message.headers.unwrap_or_default();
    let seq = headers.get(NATS_SEQUENCE).and_then(|value| value.as_str().parse().ok());
    match (seq, headers.get(NATS_SUBJECT)) {
        (Some(seq), Some(subject)) => {
            Ok(Entry { seq, subject: subject.as_str().to_owned(), payload: message.payload })
        }
        _ => Err(ReadError::Unavailable { what: "an answer does not say its place", source: None }),
    }
}
