//! What may be asked of a session: on the wire, and as `decide` takes it after the worker's preparation.

use super::{Absence, EndReason, Layer};
use crate::{
    Millis,
    gateway_bus::AdmitRefusal,
    ids::{
        AttemptId, BootstrapId, CodeId, DeviceId, Digest, EndId, GatewayId, Incarnation, SessionId, UserId,
    },
    personal::{Personal, Whereabouts},
    policy::{Document, Facts, PolicyRef, PostureValues},
    seal::SealedBox,
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// What a desktop is known by. Both are SHA-256 of a P-256 SubjectPublicKeyInfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopIdentity {
    /// Made for this session, in memory: the client certificate will be for this key and no other.
    pub session_key: Digest,
    /// The installation's; an unknown one is a finding.
    pub install_key: Digest,
}

/// The alarm clocks of a session. Each is a fold: the schedule only asks `decide` to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeadlineKind {
    Challenge,
    Code,
    Bootstrap,
    /// Half the lease: renew or end.
    Lease,
    End,
    Receipts,
}

/// What stands on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WireCommand {
    Open {
        user: UserId,
        /// The route verified the password of this version.
        credential_version: u32,
        desktop: DesktopIdentity,
        token: Digest,
        whereabouts: Personal<Whereabouts>,
        address: Digest,
    },
    /// `report` is the phone's postcard [`PostureValues`]; the signature (64 bytes, r || s) is over
    /// [`super::super::otp::posture_input`] and is verified against the enrolled device's key.
    RecordPosture {
        device: DeviceId,
        report: Vec<u8>,
        signature: Vec<u8>,
    },
    /// Another code for a session whose posture was allowed.
    IssueCode {
        device: DeviceId,
    },
    Answer {
        code: CodeId,
        mac: Digest,
        attempt: AttemptId,
    },
    IssueBootstrap(Bootstrap),
    RecordAdmitted(Admission),
    RecordAdmissionRefused {
        bootstrap: BootstrapId,
        gateway: GatewayId,
        reason: AdmitRefusal,
    },
    RecordConsumed {
        bootstrap: BootstrapId,
        gateway: GatewayId,
    },
    RecordLayer {
        layer: Layer,
        up: bool,
        gateway: GatewayId,
    },
    RecordTraffic {
        bytes_in: u64,
        bytes_out: u64,
        gateway: GatewayId,
    },
    /// The gateway ended it by itself (window, lease, lost management socket); it has its tombstone already.
    RecordLocalEnd {
        reason: EndReason,
        gateway: GatewayId,
    },
    /// Look at this deadline; `generation` is the version at which it was set.
    Deadline {
        kind: DeadlineKind,
        generation: u64,
    },
    RequestEnd {
        reason: EndReason,
    },
    RecordReceipt {
        end: EndId,
        layer: Layer,
        absence: Absence,
        gateway: GatewayId,
        incarnation: Incarnation,
    },
}

impl WireCommand {
    pub const fn is_for_api(&self) -> bool {
        matches!(
            self,
            Self::Open { .. }
                | Self::RecordPosture { .. }
                | Self::IssueCode { .. }
                | Self::Answer { .. }
                | Self::IssueBootstrap(_)
                | Self::RequestEnd { .. }
        )
    }

    pub const fn is_for_processes(&self) -> bool {
        matches!(self, Self::Deadline { .. } | Self::RequestEnd { .. })
    }

    pub const fn is_for_intake(&self) -> bool {
        matches!(
            self,
            Self::RecordAdmitted(_)
                | Self::RecordAdmissionRefused { .. }
                | Self::RecordConsumed { .. }
                | Self::RecordLayer { .. }
                | Self::RecordTraffic { .. }
                | Self::RecordLocalEnd { .. }
                | Self::RecordReceipt { .. }
        )
    }
}

/// The public half of a bootstrap, as the route made it. Its secrets are in `sealed` alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    pub bootstrap: BootstrapId,
    pub sealed: SealedBox,
    pub certificate: Digest,
    /// SHA-256 of the SPKI that the certificate was made for.
    pub session_key: Digest,
    pub address: Digest,
    /// The expiry that `sealed` is bound to (its AAD): the route's, never later than the rule allows.
    pub use_before: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admission {
    pub bootstrap: BootstrapId,
    pub gateway: GatewayId,
    pub address: Ipv4Addr,
    pub incarnation: Incarnation,
}

/// The policy as folded when the command is prepared, and the facts it will be asked with. `decide` evaluates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub user: UserId,
    pub policy: PolicyRef,
    pub document: Document,
    pub facts: Facts,
}

/// Made by the worker's shell: 6 digits, their HMAC, and the box that only the phone opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreparedCode {
    pub code: CodeId,
    pub mac: Digest,
    pub sealed: SealedBox,
    /// The expiry that `sealed` is bound to.
    pub expires_at: Millis,
}

/// What `decide` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Open {
        session: SessionId,
        user: UserId,
        device: DeviceId,
        gateway: GatewayId,
        desktop: DesktopIdentity,
        challenge: [u8; 32],
        token: Digest,
        whereabouts: Personal<Whereabouts>,
        address: Digest,
        standing: Standing,
    },
    /// The signature has been verified by the worker against the folded device; a bad one never gets here.
    RecordPosture {
        device: DeviceId,
        posture: PostureValues,
        standing: Standing,
        code: PreparedCode,
    },
    IssueCode {
        device: DeviceId,
        standing: Standing,
        code: PreparedCode,
    },
    Answer {
        code: CodeId,
        mac: Digest,
        attempt: AttemptId,
        /// The user's aggregate holds this attempt for this session and code, unpaid back.
        attempt_reserved: bool,
        standing: Standing,
    },
    IssueBootstrap {
        bootstrap: Bootstrap,
        /// The gateway's present start; none when it never reported one.
        incarnation: Option<Incarnation>,
        standing: Standing,
        end: EndId,
    },
    RecordAdmitted(Admission),
    RecordAdmissionRefused {
        bootstrap: BootstrapId,
        gateway: GatewayId,
        reason: AdmitRefusal,
    },
    RecordConsumed {
        bootstrap: BootstrapId,
        gateway: GatewayId,
    },
    RecordLayer {
        layer: Layer,
        up: bool,
        gateway: GatewayId,
    },
    RecordTraffic {
        bytes_in: u64,
        bytes_out: u64,
        gateway: GatewayId,
    },
    RecordLocalEnd {
        reason: EndReason,
        gateway: GatewayId,
        end: EndId,
    },
    Deadline {
        kind: DeadlineKind,
        generation: u64,
        standing: Standing,
        end: EndId,
    },
    RequestEnd {
        reason: EndReason,
        end: EndId,
    },
    RecordReceipt {
        end: EndId,
        layer: Layer,
        absence: Absence,
        gateway: GatewayId,
        incarnation: Incarnation,
    },
}
