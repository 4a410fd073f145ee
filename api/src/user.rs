//! `/v1/users`: `POST` creates; `GET`, `GET /{id}`; `POST /{id}/retry-step`, `/{id}/suspend`, `/{id}/resume`,
//! `/{id}/phone`.

use serde::{Deserialize, Serialize};
use viworks_domain::{
    Millis,
    ids::{DeviceId, GatewayId, PolicyId, UserId},
    policy::{Country, KeyProtection, Verdict, Window},
    user::{Step, StepFailure},
};

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateRequest {
    pub username: String,
    pub password: String,
    pub policies: Vec<PolicyId>,
    pub gateways: Vec<GatewayId>,
    /// What this user gets instead of what the (one) policy says: a policy of their own is made from it and
    /// assigned in its place. Needs the permission to manage policies too.
    #[serde(default)]
    pub instead: Option<Instead>,
}

/// What is absent stays as the policy has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instead {
    /// Empty: every country that the policy does not deny.
    pub allowed_countries: Option<Vec<Country>>,
    /// Weekly windows on the policy's clock. Empty: any time.
    pub windows: Option<Vec<Window>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RetryStepRequest {
    pub step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    pub enrolled_at: Option<Millis>,
    pub reported_at: Option<Millis>,
    /// What a policy found of it last, rule by rule.
    pub verdict: Option<Verdict>,
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
    pub last_login_at: Option<Millis>,
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
