//! `/v1/devices/enrol` and `/v1/device/*`, for the phone. All but enrolment need the device's token.

use crate::bytes::Bytes;
use serde::{Deserialize, Serialize};
use viworks_domain::{
    Millis,
    ids::{CodeId, DeviceId, Digest, OfferId, SessionId, UserId},
    policy::KeyProtection,
    seal::SealedBox,
};

/// `vwqr1.<base64url of JSON>`: what the QR code holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentPayload {
    pub url: String,
    /// SHA-256 of the https CA's certificate (DER); fetch it from [`crate::gateway::CA_PATH`] and compare.
    pub ca: Bytes,
    pub device: DeviceId,
    pub offer: OfferId,
    /// 32 random bytes, one use. The server knows their SHA-256.
    pub secret: Bytes,
}

impl EnrolmentPayload {
    const PREFIX: &str = "vwqr1.";

    pub fn to_text(&self) -> String {
        crate::token_text(Self::PREFIX, self)
    }

    /// # Errors
    /// The text is not such a payload.
    pub fn parse(text: &str) -> Result<Self, crate::token::InvalidToken> {
        crate::parse_text(Self::PREFIX, text)
    }
}

/// `POST /v1/devices/enrol`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    pub device: DeviceId,
    pub offer: OfferId,
    /// SHA-256 of the payload's secret.
    pub secret: Digest,
    /// P-256, uncompressed SEC 1, 65 bytes each.
    pub sign_key: Bytes,
    pub agree_key: Bytes,
    pub protection: KeyProtection,
    /// By `sign_key` over [`viworks_domain::device::enrolment_input`], 64 bytes r || s.
    pub signature: Bytes,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct EnrolResponse {
    pub device: DeviceId,
    pub user: UserId,
    /// A [`crate::token::Token`], exposed.
    pub token: String,
}

/// `GET /v1/device/session?after=<seq>&wait=<seconds>`: the session that waits for this phone, if any; answers
/// as soon as something is newer than `after`, else after `wait` (30 s at most) with what there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceView {
    pub seq: u64,
    pub session: Option<WaitingSession>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WaitingSession {
    pub session: SessionId,
    pub stage: DeviceStage,
    /// To be signed over, 32 bytes.
    pub challenge: Bytes,
    /// SHA-256 of the SPKI of the desktop's key for this session.
    pub desktop_key: Digest,
    /// What the person recognises their own desktop by.
    pub desktop_name: String,
    pub from: String,
    pub answer_by: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceStage {
    /// Posture is asked for.
    Posture,
    /// A code to open and show.
    Code {
        code: CodeId,
        sealed: SealedBox,
        expires_at: Millis,
    },
    /// The code has expired; another may be asked for.
    CodeExpired,
    /// Nothing more to do for this phone: it was typed.
    Verified,
    /// Refused; `advice` says what the person can do.
    Denied {
        advice: String,
    },
    Over,
}

/// `POST /v1/device/sessions/{id}/posture`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PostureRequest {
    /// Postcard of [`viworks_domain::policy::PostureValues`].
    pub report: Bytes,
    /// By the device's sign key over [`viworks_domain::otp::posture_input`], 64 bytes r || s.
    pub signature: Bytes,
}

// `POST /v1/device/sessions/{id}/code` (another code) and `/deny` ("this is not me") have no body.
