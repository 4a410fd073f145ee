//! `/v1/operator/*`, and `/v1/console/*`, which is the same for a browser: the token stands in a cookie that no
//! script can read.

use serde::{Deserialize, Serialize};
use viworks_domain::{Millis, ids::OperatorId, permission::Role};

/// `POST /v1/operator/sign-in`
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignInRequest {
    pub name: String,
    pub password: String,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SignInResponse {
    /// A [`crate::token::Token`], exposed.
    pub token: String,
    pub operator: OperatorId,
    pub role: Role,
    pub expires_at: Millis,
}

/// What an operator may be allowed beyond reading. What is not among [`Me::may`] is not offered on screens; the
/// server refuses it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Permission {
    ManagePolicies,
    ManageGateways,
    ManageUsers,
    EndSessions,
}

/// `GET /v1/operator/me`, and the answer to `POST /v1/console/sign-in`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub operator: OperatorId,
    pub name: String,
    pub role: Role,
    pub may: Vec<Permission>,
    /// When this sign-in ends by itself.
    pub expires_at: Millis,
}
