//! `/v1/desktop/*`, for `viworks-connect` and the window. All but the first need the session's token.

use crate::bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use viworks_domain::{
    Millis,
    ids::{BootstrapId, Digest, GatewayId, SessionId},
    label::Label,
    session::EndReason,
};

/// `POST /v1/desktop/sessions`: the password. A wrong one and an unknown user get the same answer.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenRequest {
    pub username: String,
    pub password: String,
    /// What the phone shows.
    pub desktop_name: String,
    /// P-256 SPKI, DER: made for this session, in memory.
    pub session_key: Bytes,
    /// P-256 SPKI, DER: the installation's.
    pub install_key: Bytes,
    /// By the install key over [`open_input`], 64 bytes r || s.
    pub signature: Bytes,
}

/// What the installation signs: that this session's key is its own.
pub fn open_input(session_key: &[u8], install_key: &[u8]) -> Vec<u8> {
    [Label::Enrol.as_bytes(), b"desktop\0", session_key, install_key].concat()
}

#[derive(Clone, Serialize, Deserialize)]
pub struct OpenResponse {
    pub session: SessionId,
    /// A [`crate::token::Token`], exposed; for this session only.
    pub token: String,
    pub seq: u64,
    pub view: DesktopStage,
}

/// `GET /v1/desktop/sessions/{id}?after=<seq>&wait=<seconds>`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopView {
    pub seq: u64,
    pub stage: DesktopStage,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesktopStage {
    /// Waiting for the phone to speak.
    WaitingForPhone {
        answer_by: Millis,
    },
    /// The phone shows a code (or could ask for another).
    CodeRequired {
        answer_by: Millis,
        wrong_answers_left: u8,
    },
    /// A bootstrap may be asked for.
    Verified {
        ends_at: Millis,
    },
    Connected {
        ends_at: Millis,
        address: Ipv4Addr,
    },
    /// Neutral: what to do, never which rule.
    Denied {
        advice: String,
    },
    Expired,
    Ended {
        reason: EndReason,
    },
}

/// `POST /v1/desktop/sessions/{id}/answer`
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AnswerRequest {
    pub code: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerResponse {
    pub seq: u64,
    pub verified: bool,
    pub stage: DesktopStage,
}

/// `POST /v1/desktop/sessions/{id}/bootstrap`. Never retried with the same key: a lost answer means a new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootstrapRequest {
    /// PKCS #10, DER, of the session's key: proves that the desktop holds it.
    pub csr: Bytes,
}

/// Everything a connection needs, once. Lives in memory only, on both sides of the wire.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrap {
    pub bootstrap: BootstrapId,
    pub gateway: GatewayId,
    pub gateway_address: Ipv4Addr,
    pub spa_port: u16,
    pub tls_port: u16,
    /// SHA-256 of the SPKI of the gateway's TLS server key: nothing else is accepted.
    pub gateway_key: Digest,
    pub spa_key: Bytes,
    /// The desktop's address as the server saw it: it goes into the knock.
    pub client_address: std::net::IpAddr,
    /// PEM, for the session's key, until the session's end.
    pub certificate: String,
    /// PEM: under which OpenVPN's server certificate is.
    pub gateway_ca: String,
    /// The tunnel address that was assigned.
    pub address: Ipv4Addr,
    /// Inside the tunnel.
    pub page: String,
    /// What the person may reach, by label.
    pub resources: Vec<String>,
    pub server_time: Millis,
    pub use_before: Millis,
    pub ends_at: Millis,
}

// `POST /v1/desktop/sessions/{id}/sign-out` has no body.
