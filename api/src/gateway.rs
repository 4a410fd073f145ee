//! `/v1/gateways`: for operators, and for a gateway that enrols.

use crate::bytes::Bytes;
use serde::{Deserialize, Serialize};
use viworks_domain::{
    Millis,
    gateway::{Endpoint, Health},
    gateway_bus::{Container, Machine, Service, SignedKeySet},
    ids::{BusAccount, GatewayId, LogId},
};

/// `POST /v1/gateways`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    pub name: String,
    pub endpoint: Endpoint,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct InviteResponse {
    pub id: GatewayId,
    /// For `viworks-agent enrol --token`: [`EnrolmentToken`], one use, ten minutes. Shown once.
    pub token: String,
    pub expires_at: Millis,
    #[serde(flatten)]
    pub accepted: crate::Accepted,
}

/// `vwgw1.<base64url of JSON>`: where to enrol, whom to trust there, and the one-use secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolmentToken {
    pub url: String,
    /// SHA-256 of the https CA's certificate (DER).
    pub ca: Bytes,
    pub gateway: GatewayId,
    pub secret: Bytes,
}

impl EnrolmentToken {
    const PREFIX: &str = "vwgw1.";

    pub fn to_text(&self) -> String {
        crate::token_text(Self::PREFIX, self)
    }

    /// # Errors
    /// The text is not such a token.
    pub fn parse(text: &str) -> Result<Self, crate::token::InvalidToken> {
        crate::parse_text(Self::PREFIX, text)
    }
}

/// `GET /v1/ca`: the https CA's certificate as PEM (`text/plain`). Nobody trusts it unseen: tokens and QR
/// codes carry its fingerprint.
pub const CA_PATH: &str = "/v1/ca";

/// `POST /v1/gateways/enrol`. Every key was made on the gateway; only public halves are here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrolRequest {
    pub gateway: GatewayId,
    pub secret: Bytes,
    /// The gateway's NATS user: an nkey public key, `U...`.
    pub bus_user: String,
    /// PKCS #10, DER: the bus TLS client certificate's.
    pub bus_csr: Bytes,
    /// PKCS #10, DER: the TLS server certificate's (edge).
    pub tls_csr: Bytes,
    /// PKCS #10, DER: OpenVPN's server certificate's.
    pub vpn_csr: Bytes,
    /// P-256, uncompressed SEC 1, 65 bytes.
    pub opening_key: Bytes,
    /// Ed25519, 32 bytes.
    pub report_key: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolResponse {
    pub gateway: GatewayId,
    pub log_id: LogId,
    pub epoch: u32,
    /// `tls://host:port`, in order of preference.
    pub bus_urls: Vec<String>,
    pub account: BusAccount,
    /// Short-lived; renewed by `POST /v1/gateways/credentials`.
    pub bus_jwt: String,
    /// PEM: the CA that the bus servers and bus clients are under.
    pub bus_ca: String,
    pub bus_certificate: String,
    /// PEM, under the gateway servers' CA.
    pub tls_certificate: String,
    pub vpn_certificate: String,
    pub gateway_ca: String,
    /// PEM: the CA of session clients, for edge and OpenVPN.
    pub session_ca: String,
    /// Ed25519 public key of the offline root that signs key sets.
    pub root_key: Bytes,
    pub keys: SignedKeySet,
    pub endpoint: Endpoint,
}

/// `POST /v1/gateways/credentials`: a fresh bus JWT for a gateway that signs with its report key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialsRequest {
    pub gateway: GatewayId,
    pub at: Millis,
    /// Ed25519 by the report key over [`credentials_input`].
    pub signature: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CredentialsResponse {
    pub bus_jwt: String,
}

/// What the gateway signs to renew its bus credentials; good for a minute around `at`.
pub fn credentials_input(gateway: GatewayId, at: Millis) -> Vec<u8> {
    [
        viworks_domain::label::Label::Report.as_bytes(),
        b"credentials\0",
        gateway.as_bytes().as_slice(),
        &at.0.to_be_bytes(),
    ]
    .concat()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayState {
    Invited,
    Enrolled,
    Draining,
    Retired,
}

/// What an admin sees. Its address and ports are not among it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayRow {
    pub id: GatewayId,
    pub name: String,
    pub state: GatewayState,
    pub health: Option<Health>,
    /// Live, from the node's memory; absent until the gateway speaks.
    pub telemetry: Option<GatewayTelemetry>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GatewayTelemetry {
    pub at: Millis,
    pub machine: Option<Machine>,
    pub services: Vec<Service>,
    pub containers: Vec<Container>,
}
