use super::{PasswordHash, Step, StepFailure};
use crate::{
    ids::{AttemptId, CodeId, DeviceId, Digest, GatewayId, NameId, PolicyId, SessionId},
    personal::{Personal, Profile},
};
use serde::{Deserialize, Serialize};

/// Wire and domain alike: what is secret here was sealed by the route that first held it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Create {
        name: NameId,
        profile: Personal<Profile>,
        password: Personal<PasswordHash>,
        policies: Vec<PolicyId>,
        gateways: Vec<GatewayId>,
    },
    RecordStep {
        step: Step,
        /// Of which attempt this is the result; a late result of an earlier one changes nothing.
        attempt: u32,
        result: Result<(), StepFailure>,
    },
    RetryStep {
        step: Step,
    },
    SetPassword {
        password: Personal<PasswordHash>,
    },
    AssignPolicies {
        policies: Vec<PolicyId>,
    },
    AssignGateways {
        gateways: Vec<GatewayId>,
    },
    AddDevice {
        device: DeviceId,
    },
    RecordFailedLogin {
        source: Digest,
    },
    RecordLogin {
        session: SessionId,
        credential_version: u32,
    },
    ReserveAttempt {
        attempt: AttemptId,
        session: SessionId,
        code: CodeId,
    },
    RefundAttempt {
        attempt: AttemptId,
    },
    Suspend,
    Resume,
    Delete,
    Erase,
}
