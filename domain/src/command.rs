//! A command on the bus. What is stored here (the wire command) is not what `decide` takes: a worker prepares
//! it, folding what the rule needs from other aggregates and making ids and secrets.

use crate::{
    Millis,
    actor::{Actor, Origin},
    bytes,
    event::{AggregateKind, AggregateRef},
    ids::{CommandId, CorrelationId, Digest, LogId},
};
use crate::{device, directory, gateway, operator, policy, session, user};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// The body of an [`crate::envelope::Kind::Command`] envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub id: CommandId,
    /// Of what was asked (not of what was drawn at random to ask it): the same id with another digest is
    /// refused as reused.
    pub digest: Digest,
    pub log_id: LogId,
    pub epoch: u32,
    pub origin: Origin,
    pub actor: Actor,
    pub correlation: CorrelationId,
    /// The sequence of the decision that caused this, if one did.
    pub causation: Option<u64>,
    pub issued_at: Millis,
    pub expires_at: Millis,
    pub aggregate: AggregateRef,
    pub body: WireCommand,
}

/// Append-only, like everything that is stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireCommand {
    Directory(directory::Command),
    User(user::Command),
    Device(device::Command),
    Policy(policy::Command),
    Gateway(gateway::Command),
    Session(session::WireCommand),
    Operator(operator::Command),
}

impl WireCommand {
    pub const fn kind(&self) -> AggregateKind {
        match self {
            Self::Directory(_) => AggregateKind::Directory,
            Self::User(_) => AggregateKind::User,
            Self::Device(_) => AggregateKind::Device,
            Self::Policy(_) => AggregateKind::Policy,
            Self::Gateway(_) => AggregateKind::Gateway,
            Self::Session(_) => AggregateKind::Session,
            Self::Operator(_) => AggregateKind::Operator,
        }
    }

    /// The digest of a command whose body holds nothing random (everything but a route's secrets).
    pub fn digest(&self, aggregate: &AggregateRef) -> Digest {
        Digest(Sha256::digest(bytes::encode(&(aggregate, self))).into())
    }
}

impl CommandId {
    /// For people: `hash(actor, idempotency key)`. Asking again with the same key is the same command.
    pub fn of_request(actor: &Actor, idempotency_key: &[u8]) -> Self {
        // The operator's version is what they had seen, not who they are.
        let who = match actor {
            Actor::Operator { id, .. } => bytes::encode(&(0u8, id)),
            other => bytes::encode(&(1u8, other)),
        };
        Self::of(&[b"request", &who, idempotency_key])
    }

    /// For what follows: `hash(process, cause sequence, n, attempt)`. Emitting twice does nothing.
    pub fn of_consequence(process: &str, cause_seq: u64, n: u32, attempt: u32) -> Self {
        Self::of(&[
            b"consequence",
            process.as_bytes(),
            &cause_seq.to_be_bytes(),
            &n.to_be_bytes(),
            &attempt.to_be_bytes(),
        ])
    }

    /// For what follows from an alarm: one decision may arm several, so each is named whole.
    pub fn of_alarm(process: &str, alarm: &crate::process::Alarm, n: u32) -> Self {
        Self::of(&[
            b"alarm",
            process.as_bytes(),
            &alarm.generation.to_be_bytes(),
            &alarm.instance,
            alarm.kind.as_str().as_bytes(),
            &alarm.attempt.to_be_bytes(),
            &n.to_be_bytes(),
        ])
    }

    /// For a gateway's report: `hash(gateway, incarnation, report n, m)`.
    pub fn of_report(
        gateway: crate::ids::GatewayId,
        incarnation: crate::ids::Incarnation,
        n: u64,
        m: u32,
    ) -> Self {
        Self::of(&[b"report", gateway.as_bytes(), incarnation.as_bytes(), &n.to_be_bytes(), &m.to_be_bytes()])
    }

    fn of(parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut id = [0; 16];
        id.copy_from_slice(&digest[..16]);
        Self(id)
    }
}
