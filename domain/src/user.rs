//! A person: credentials, provisioning steps, what they may use, and how often they may guess.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{
    AttemptRefunded, AttemptReserved, Created, Deleted, DeletionRequested, DeviceAdded, Erased, Event,
    GatewaysAssigned, LoginFailed, LoginSucceeded, PasswordSet, PoliciesAssigned, Resumed, StepFailed,
    StepFinished, StepRetried, Suspended,
};
pub use refusal::Refusal;
pub use state::{Progress, Status, StepState, User};

use crate::ids::GatewayId;
use serde::{Deserialize, Serialize};
use std::{fmt, time::Duration};

/// Wrong codes per account in any 24 hours, over all sessions and restarts. NIST 800-63B-4 caps consecutive
/// failures at 100; with 20 a day, 10^6 codes and five per session, guessing stays under 10^-4 a day.
pub const ATTEMPTS_PER_DAY: usize = 20;
pub const ATTEMPT_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// One of the three places a user is created in (and one per gateway).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    Directory,
    Vpn { gateway: GatewayId },
    Panel { gateway: GatewayId },
}

/// Why a step failed; never a script's output, which stays in the gateway's journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepFailure {
    NameTaken,
    /// The script ended with a status other than zero.
    ScriptFailed,
    ScriptTimedOut,
    /// It printed more than the limit.
    ScriptTooLoud,
    /// Not in the gateway's allow-list, or its digest has changed.
    ScriptNotAllowed,
    GatewayUnavailable,
}

/// A password as stored: an Argon2id PHC string, sealed with the user's other personal data.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash(pub String);

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}
