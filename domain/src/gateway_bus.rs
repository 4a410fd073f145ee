//! What travels between the control plane and one gateway.
//!
//! Narrowing is final, widening expires: `admit` and `renew` carry `not_after` and the agent's incarnation;
//! `end` never expires and is sent even where no admit went.

use crate::{
    Millis,
    gateway::Health,
    ids::{BootstrapId, Digest, EndId, GatewayId, Incarnation, LogId, SessionId, UserId},
    policy::Grant,
    seal::SealedBox,
    session::{Absence, EndReason, Layer},
    user::StepFailure,
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The body of an [`crate::envelope::Kind::GatewayCommand`] envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayCommand {
    pub log_id: LogId,
    pub epoch: u32,
    pub recipient: GatewayId,
    /// Grows from command to command of one gateway: `cause_seq * 16 + index`. The same command sent twice has
    /// the same number.
    pub n: u64,
    /// The sequence of the decision that caused it.
    pub cause_seq: u64,
    pub issued_at: Millis,
    pub order: Order,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Order {
    Admit(Admit),
    Renew(Renew),
    End(End),
    Provision(Provision),
    /// The keys that may sign commands, signed by the offline root; the highest epoch wins and is kept.
    Keys(SignedKeySet),
}

/// Widening: refused after `not_after`, for another incarnation, or once the session has a tombstone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admit {
    pub session: SessionId,
    pub session_version: u64,
    pub not_after: Millis,
    pub incarnation: Incarnation,
    pub bootstrap: BootstrapId,
    /// [`crate::bootstrap::Secrets`] under AAD [`crate::bootstrap::sealed_aad`] with `use_before`.
    pub sealed: SealedBox,
    pub use_before: Millis,
    /// SHA-256 of the SPKI that the desktop must prove in the outer TLS.
    pub client_key: Digest,
    /// SHA-256 of the client certificate: OpenVPN's `tls_digest_sha256_0`.
    pub certificate: Digest,
    pub grants: Vec<Grant>,
    pub image: String,
    pub ends_at: Millis,
    pub lease_until: Millis,
}

/// Widening, like [`Admit`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renew {
    pub session: SessionId,
    pub session_version: u64,
    pub not_after: Millis,
    pub incarnation: Incarnation,
    pub lease_until: Millis,
    /// Never later than the agent already knows; it takes the earlier.
    pub ends_at: Millis,
}

/// Narrowing: never expires, repeated until every receipt is in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    pub session: SessionId,
    pub session_version: u64,
    pub end: EndId,
    pub reason: EndReason,
}

/// One step of a user's provisioning, done by an allow-listed script. The gateway knows users by id alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provision {
    pub user: UserId,
    pub place: Place,
    pub action: Action,
    pub attempt: u32,
    pub not_after: Millis,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    Vpn,
    Panel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    Create,
    Delete,
}

/// Keys that may sign gateway commands. `signature`: Ed25519 of the root over the encoded [`KeySet`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedKeySet {
    pub key_set: Vec<u8>,
    pub signature: Vec<u8>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySet {
    pub epoch: u32,
    /// Ed25519 public keys.
    pub keys: Vec<[u8; 32]>,
    pub not_after: Millis,
}

impl SignedKeySet {
    /// Signed by the offline root, under a label of its own purpose: key sets are heads of trust.
    pub fn sign(set: &KeySet, root: &ed25519_dalek::SigningKey) -> Self {
        let key_set = crate::bytes::encode(set);
        let signature = ed25519_dalek::Signer::sign(root, &Self::signed_input(&key_set)).to_bytes().to_vec();
        Self { key_set, signature }
    }

    /// The set, if this root signed it and it is still valid.
    pub fn verify(&self, root: &ed25519_dalek::VerifyingKey, now: Millis) -> Option<KeySet> {
        let signature = ed25519_dalek::Signature::from_slice(&self.signature).ok()?;
        root.verify_strict(&Self::signed_input(&self.key_set), &signature).ok()?;
        let set: KeySet = crate::bytes::decode(&self.key_set).ok()?;
        (now <= set.not_after).then_some(set)
    }

    fn signed_input(key_set: &[u8]) -> Vec<u8> {
        [crate::label::Label::GatewayCommand.as_bytes(), b"keys\0", key_set].concat()
    }
}

/// The body of an [`crate::envelope::Kind::Report`] envelope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub log_id: LogId,
    pub epoch: u32,
    pub gateway: GatewayId,
    pub incarnation: Incarnation,
    /// Gapless from 1 over all incarnations; the agent keeps an outbox until each is acknowledged.
    pub report_n: u64,
    pub at: Millis,
    pub news: News,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum News {
    /// First of every start: what this agent still has, so that drift can be seen and repaired.
    Started {
        sessions: Vec<SessionId>,
    },
    Admitted {
        session: SessionId,
        bootstrap: BootstrapId,
        address: Ipv4Addr,
    },
    AdmitRefused {
        session: SessionId,
        bootstrap: BootstrapId,
        reason: AdmitRefusal,
    },
    Consumed {
        session: SessionId,
        bootstrap: BootstrapId,
    },
    Layer {
        session: SessionId,
        layer: Layer,
        up: bool,
    },
    /// The agent ended it by itself; receipts follow once the control plane has sent its `end`.
    EndedLocally {
        session: SessionId,
        reason: EndReason,
    },
    Receipt {
        session: SessionId,
        end: EndId,
        layer: Layer,
        absence: Absence,
    },
    Traffic {
        session: SessionId,
        bytes_in: u64,
        bytes_out: u64,
    },
    Step {
        user: UserId,
        place: Place,
        action: Action,
        attempt: u32,
        result: Result<(), StepFailure>,
    },
    Health {
        health: Health,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AdmitRefusal {
    /// The session has a tombstone.
    Ended,
    Expired,
    OtherIncarnation,
    /// Beyond the gateway's root-owned ceiling (networks, duration).
    BeyondCeiling,
    /// The sealed secrets do not open.
    Unsealable,
    NoAddressLeft,
    ContainerFailed,
    ImageNotAllowed,
}

/// Core NATS, every two seconds; not kept, not signed news. Machine and services may be left out while they are as
/// they were; containers are all that there are.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Telemetry {
    pub at: Millis,
    pub incarnation: Option<Incarnation>,
    pub machine: Option<Machine>,
    pub services: Vec<Service>,
    pub containers: Vec<Container>,
    pub sessions: Vec<SessionTraffic>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// 0 to 1, over all cores since the last reading.
    pub cpu: f32,
    pub memory_used: u64,
    pub memory_total: u64,
    pub disk_used: u64,
    pub disk_total: u64,
    /// Bytes per second.
    pub network_in: u64,
    pub network_out: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// `spa`, `tls`, `openvpn`, `nginx`, `containers`.
    pub name: String,
    pub up: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    pub name: String,
    pub image: String,
    pub running: bool,
    pub session: SessionId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionTraffic {
    pub session: SessionId,
    pub bytes_in: u64,
    pub bytes_out: u64,
}
