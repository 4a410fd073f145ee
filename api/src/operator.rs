//! `/v1/operator/*`.

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

/// `GET /v1/operator/me`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub operator: OperatorId,
    pub name: String,
    pub role: Role,
}
