//! What the log holds: one decision per message, atomic by nature.

use crate::{
    Millis,
    actor::{Actor, Origin},
    bytes::{self, Malformed},
    event::{AggregateRef, AnyEvent, StoredEvent, Unreadable},
    ids::{CommandId, CorrelationId, Digest, LogId},
};
use serde::{Deserialize, Serialize};

/// `"VD", version`: the first bytes of every stored decision.
const PREFIX: [u8; 3] = *b"VD\x01";

/// A command's one outcome, with the events it made. Refusals and expiries are decisions without events:
/// they are appended under the same optimistic concurrency, so a redelivered command meets the same answer
/// however the world has changed since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    pub log_id: LogId,
    pub epoch: u32,
    pub aggregate: AggregateRef,
    /// The aggregate's version before this decision: the number of its events so far.
    pub base_version: u64,
    pub command_id: CommandId,
    pub command_digest: Digest,
    pub command_expires_at: Millis,
    pub origin: Origin,
    pub actor: Actor,
    pub correlation: CorrelationId,
    pub causation: Option<u64>,
    /// Stamped by the worker, never backwards within one aggregate.
    pub at: Millis,
    pub outcome: Outcome,
    pub events: Vec<StoredEvent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Accepted,
    Refused(Refused),
    /// The command had passed its `expires_at` when a worker first saw it.
    Expired,
}

/// A refusal as stored and as people see it: neutral, stable, without data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub class: RefusalClass,
    /// `<aggregate>.<reason>`, snake case, never reused for another meaning.
    pub code: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalClass {
    Invalid,
    Forbidden,
    NotFound,
    Conflict,
    Gone,
    TooMany,
}

/// What an aggregate's refusal enum says of itself. A refusal is the caller's doing; a fault (ours) is
/// another type altogether and never stored.
pub trait Refusal: std::error::Error + Clone + PartialEq + Send + Sync + 'static {
    fn class(&self) -> RefusalClass;
    fn code(&self) -> &'static str;

    fn stored(&self) -> Refused {
        Refused { class: self.class(), code: self.code().to_owned() }
    }
}

/// The neutral text of a stored code: what people read. None for a code of a newer build.
pub fn refusal_text(code: &str) -> Option<&'static str> {
    let all = [
        crate::directory::Refusal::TEXTS,
        crate::user::Refusal::TEXTS,
        crate::device::Refusal::TEXTS,
        crate::policy::Refusal::TEXTS,
        crate::gateway::Refusal::TEXTS,
        crate::session::Refusal::TEXTS,
        crate::operator::Refusal::TEXTS,
    ];
    all.into_iter().flatten().find(|(known, _)| *known == code).map(|(_, text)| *text)
}

/// Declares a refusal enum: one row per reason, with its class, stable code and neutral text.
macro_rules! refusals {
    ($(#[$doc:meta])* $name:ident { $($variant:ident, $class:ident, $code:literal, $text:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
        pub enum $name { $(#[error($text)] $variant),+ }

        impl $name {
            /// Every reason's code with its neutral text.
            pub const TEXTS: &'static [(&'static str, &'static str)] = &[$(($code, $text)),+];
        }

        impl $crate::decision::Refusal for $name {
            fn class(&self) -> $crate::decision::RefusalClass {
                match self { $(Self::$variant => $crate::decision::RefusalClass::$class),+ }
            }
            fn code(&self) -> &'static str {
                match self { $(Self::$variant => $code),+ }
            }
        }
    };
}
pub(crate) use refusals;

/// A decision with its place in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The sequence in `VW_EVENTS`.
    pub seq: u64,
    pub decision: Decision,
}

/// One event with its place in the log: what processes and projections fold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedEvent<'a> {
    pub seq: u64,
    /// Position within the decision, from 0.
    pub n: u32,
    /// The aggregate's version after this event.
    pub version: u64,
    pub decision: &'a Decision,
    pub event: AnyEvent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadDecision {
    #[error("not a stored decision of version 1")]
    NotADecision,
    #[error("a stored decision of version 1 is malformed: {0}")]
    Malformed(#[from] Malformed),
}

impl Decision {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = PREFIX.to_vec();
        out.extend_from_slice(&bytes::encode(self));
        out
    }

    pub fn from_bytes(stored: &[u8]) -> Result<Self, BadDecision> {
        let body = stored.strip_prefix(&PREFIX).ok_or(BadDecision::NotADecision)?;
        Ok(bytes::decode(body)?)
    }
}

impl Recorded {
    /// The decision's events, typed; an event this build cannot read is an error, never skipped.
    pub fn events(&self) -> Result<Vec<RecordedEvent<'_>>, Unreadable> {
        let decision = &self.decision;
        (0u32..)
            .zip(&decision.events)
            .map(|(n, stored)| {
                Ok(RecordedEvent {
                    seq: self.seq,
                    n,
                    version: decision.base_version + u64::from(n) + 1,
                    decision,
                    event: AnyEvent::load(decision.aggregate.kind, stored)?,
                })
            })
            .collect()
    }
}
