//! What happens to a session.

use super::{Absence, DesktopIdentity, EndReason, EndsBecause, Layer};
use crate::{
    Millis,
    event::events,
    ids::{AttemptId, BootstrapId, CodeId, DeviceId, Digest, EndId, GatewayId, Incarnation, UserId},
    personal::{Personal, Whereabouts},
    policy::{Grant, PolicyRef, Verdict},
    seal::SealedBox,
};
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;

/// The password was right and the policy did not object yet: the phone is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    pub user: UserId,
    pub device: DeviceId,
    pub gateway: GatewayId,
    pub desktop: DesktopIdentity,
    pub policy: PolicyRef,
    pub verdict: Verdict,
    /// What the phone must sign over.
    pub challenge: [u8; 32],
    /// SHA-256 of the desktop's token for this session.
    pub token: Digest,
    pub whereabouts: Personal<Whereabouts>,
    /// HMAC of the desktop's address under the address key.
    pub address: Digest,
    pub answer_by: Millis,
}

/// The policy said no, at the gate that the verdict names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denied {
    /// Present when denied at the login gate, where nothing was opened before.
    pub user: UserId,
    pub policy: PolicyRef,
    pub verdict: Verdict,
}

/// The phone has spoken, with a signature of its enrolled key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostureRecorded {
    pub device: DeviceId,
    pub policy: PolicyRef,
    pub verdict: Verdict,
}

/// Voids the code before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeIssued {
    pub code: CodeId,
    /// [`crate::otp::mac`] of the digits.
    pub mac: Digest,
    /// The digits, for the phone's eyes only.
    pub sealed: SealedBox,
    pub expires_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeExpired {
    pub code: CodeId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRefused {
    pub code: CodeId,
    pub attempt: AttemptId,
    /// How many wrong answers are left.
    pub left: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub code: CodeId,
    pub attempt: AttemptId,
    pub policy: PolicyRef,
    pub verdict: Verdict,
    /// Fixed here; it only ever moves closer.
    pub ends_at: Millis,
    pub because: EndsBecause,
}

/// Voids the bootstrap before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapIssued {
    pub bootstrap: BootstrapId,
    pub voids: Option<BootstrapId>,
    /// [`crate::bootstrap::Secrets`], sealed to the gateway's opening key.
    pub sealed: SealedBox,
    /// SHA-256 of the client certificate (DER) made for it.
    pub certificate: Digest,
    /// HMAC of the client address it is bound to, under the address key.
    pub address: Digest,
    pub grants: Vec<Grant>,
    /// Labels of the granted resources, in the same order.
    pub labels: Vec<String>,
    pub image: String,
    pub policy: PolicyRef,
    pub verdict: Verdict,
    /// The gateway's start that it is meant for.
    pub incarnation: Incarnation,
    pub use_before: Millis,
    pub lease_until: Millis,
}

/// The gateway knows the bootstrap and holds container and path ready: it may be released to the desktop.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Admitted {
    pub bootstrap: BootstrapId,
    /// Inside the tunnel.
    pub address: Ipv4Addr,
    pub incarnation: Incarnation,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionRefused {
    pub bootstrap: BootstrapId,
    pub reason: crate::gateway_bus::AdmitRefusal,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapExpired {
    pub bootstrap: BootstrapId,
}

/// The pinned TLS connection stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootstrapConsumed {
    pub bootstrap: BootstrapId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerChanged {
    pub layer: Layer,
    pub up: bool,
}

/// The tunnel stands for the first time since the last bootstrap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connected {
    pub bootstrap: BootstrapId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRenewed {
    pub lease_until: Millis,
    pub policy: PolicyRef,
    pub verdict: Verdict,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndMoved {
    pub ends_at: Millis,
    pub because: EndsBecause,
}

/// From this decision on the token admits nothing, and every layer is being taken down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ending {
    pub end: EndId,
    pub reason: EndReason,
    /// Whose receipts are needed.
    pub layers: Vec<Layer>,
    pub receipts_due: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRecorded {
    pub end: EndId,
    pub layer: Layer,
    pub absence: Absence,
    /// Of the agent that promised; absent for the token, which the control plane itself takes back.
    pub incarnation: Option<Incarnation>,
}

/// An alert: these layers have not given their receipt in time. The session stays `ending`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptsOverdue {
    pub end: EndId,
    pub missing: Vec<Layer>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrafficCounted {
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// Every layer has given its receipt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {}

/// Nobody answered in time; nothing had been granted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expired {}

events! {
    Event of Session {
        1 v 1 "session.opened" => Opened,
        2 v 1 "session.denied" => Denied,
        3 v 1 "session.posture_recorded" => PostureRecorded,
        4 v 1 "session.code_issued" => CodeIssued,
        5 v 1 "session.code_expired" => CodeExpired,
        6 v 1 "session.answer_refused" => AnswerRefused,
        7 v 1 "session.verified" => Verified,
        8 v 1 "session.bootstrap_issued" => BootstrapIssued,
        9 v 1 "session.admitted" => Admitted,
        10 v 1 "session.admission_refused" => AdmissionRefused,
        11 v 1 "session.bootstrap_expired" => BootstrapExpired,
        12 v 1 "session.bootstrap_consumed" => BootstrapConsumed,
        13 v 1 "session.layer_changed" => LayerChanged,
        14 v 1 "session.connected" => Connected,
        15 v 1 "session.lease_renewed" => LeaseRenewed,
        16 v 1 "session.end_moved" => EndMoved,
        17 v 1 "session.ending" => Ending,
        18 v 1 "session.receipt_recorded" => ReceiptRecorded,
        19 v 1 "session.receipts_overdue" => ReceiptsOverdue,
        20 v 1 "session.traffic_counted" => TrafficCounted,
        21 v 1 "session.ended" => Ended,
        22 v 1 "session.expired" => Expired,
    }
}
