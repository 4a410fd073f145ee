//! `/v1/sessions`, for operators: `GET ?active=true`, `GET /{id}`, `POST /{id}/terminate`.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use viworks_domain::{
    Millis,
    ids::{CorrelationId, GatewayId, PolicyId, SessionId, UserId},
    policy::Verdict,
    session::{Absence, EndReason, EndsBecause, Layer},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TerminateRequest {
    /// For the record, and for the person whose session it is.
    pub reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    Challenged,
    CodeIssued,
    Verified,
    Connecting,
    Connected,
    Ending,
    Ended,
    Denied,
    Expired,
}

impl SessionState {
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Ended | Self::Denied | Self::Expired)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRow {
    pub layer: Layer,
    pub absence: Option<Absence>,
    pub at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    pub id: SessionId,
    pub correlation: CorrelationId,
    pub user: UserId,
    pub username: Option<String>,
    pub gateway: Option<GatewayId>,
    pub gateway_name: Option<String>,
    pub policy: PolicyId,
    pub policy_version: u32,
    pub state: SessionState,
    /// Inside the tunnel.
    pub address: Option<Ipv4Addr>,
    /// Labels of what it may reach.
    pub resources: Vec<String>,
    pub opened_at: Millis,
    pub connected_at: Option<Millis>,
    pub ends_at: Option<Millis>,
    pub ends_because: Option<EndsBecause>,
    pub end_reason: Option<EndReason>,
    pub ended_at: Option<Millis>,
    pub receipts: Vec<ReceiptRow>,
    pub receipts_overdue: bool,
    /// The last verdict, with every finding: for admins, never for the person.
    pub verdict: Option<Verdict>,
    pub bytes_in: u64,
    pub bytes_out: u64,
}
