//! What happens to a user.

use super::{PasswordHash, Step, StepFailure};
use crate::{
    event::events,
    ids::{AttemptId, CodeId, DeviceId, Digest, GatewayId, NameId, PolicyId, SessionId},
    personal::{Personal, Profile},
};
use serde::{Deserialize, Serialize};

/// All steps begin as pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created {
    pub name: NameId,
    pub profile: Personal<Profile>,
    /// Version 1 of the credential.
    pub password: Personal<PasswordHash>,
    pub policies: Vec<PolicyId>,
    pub gateways: Vec<GatewayId>,
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFinished {
    pub step: Step,
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepFailed {
    pub step: Step,
    pub attempt: u32,
    pub reason: StepFailure,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRetried {
    pub step: Step,
    /// Counts from 1; the first try is attempt 1.
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    pub credential_version: u32,
    pub password: Personal<PasswordHash>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PoliciesAssigned {
    pub policies: Vec<PolicyId>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewaysAssigned {
    pub gateways: Vec<GatewayId>,
    /// The steps that the new gateways add; they begin as pending.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceAdded {
    pub device: DeviceId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginFailed {
    /// HMAC of the source address under the address key: equal sources compare equal, none can be read.
    pub source: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginSucceeded {
    pub session: SessionId,
}

/// Paid before the code is judged; given back when it was right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptReserved {
    pub attempt: AttemptId,
    pub session: SessionId,
    pub code: CodeId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRefunded {
    pub attempt: AttemptId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspended {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resumed {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionRequested {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {}

/// The data key is gone; what was personal can no longer be read, and the log still verifies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erased {}

events! {
    Event of User {
        1 v 1 "user.created" => Created,
        2 v 1 "user.step_finished" => StepFinished,
        3 v 1 "user.step_failed" => StepFailed,
        4 v 1 "user.step_retried" => StepRetried,
        5 v 1 "user.password_set" => PasswordSet,
        6 v 1 "user.policies_assigned" => PoliciesAssigned,
        7 v 1 "user.gateways_assigned" => GatewaysAssigned,
        8 v 1 "user.device_added" => DeviceAdded,
        9 v 1 "user.login_failed" => LoginFailed,
        10 v 1 "user.login_succeeded" => LoginSucceeded,
        11 v 1 "user.attempt_reserved" => AttemptReserved,
        12 v 1 "user.attempt_refunded" => AttemptRefunded,
        13 v 1 "user.suspended" => Suspended,
        14 v 1 "user.resumed" => Resumed,
        15 v 1 "user.deletion_requested" => DeletionRequested,
        16 v 1 "user.deleted" => Deleted,
        17 v 1 "user.erased" => Erased,
    }
}
