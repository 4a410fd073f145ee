//! `/v1/users`: `POST` creates; `GET`, `GET /{id}`; `POST /{id}/retry-step`, `/{id}/suspend`, `/{id}/resume`,
//! `/{id}/phone`.

use serde::{Deserialize, Serialize};
use viworks_domain::{
    Millis,
    ids::{DeviceId, GatewayId, PolicyId, UserId},
    policy::KeyProtection,
    user::{Step, StepFailure},
};

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    pub username: String,
    pub password: String,
    pub policies: Vec<PolicyId>,
    pub gateways: Vec<GatewayId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryStepRequest {
    pub step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserState {
    Provisioning,
    Active,
    Suspended,
    Deleting,
    Deleted,
    Erased,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    Pending,
    Done,
    Failed { reason: StepFailure },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRow {
    pub step: Step,
    pub state: StepState,
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    pub id: DeviceId,
    pub enrolled: bool,
    pub revoked: bool,
    pub protection: Option<KeyProtection>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserRow {
    pub id: UserId,
    /// Absent once erased.
    pub username: Option<String>,
    pub state: UserState,
    pub steps: Vec<StepRow>,
    pub policies: Vec<PolicyId>,
    pub gateways: Vec<GatewayId>,
    pub devices: Vec<DeviceRow>,
    pub created_at: Millis,
}

/// `POST /v1/users/{id}/phone`: what the QR code holds. Shown once, one use, ten minutes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PhoneOffer {
    pub device: DeviceId,
    /// A [`crate::device::EnrolmentPayload`] as text.
    pub payload: String,
    pub expires_at: Millis,
    #[serde(flatten)]
    pub accepted: crate::Accepted,
}
