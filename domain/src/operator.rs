//! Someone who administers ViWorkS.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{Disabled, Event, Invited, PasswordSet, RoleChanged, SignInFailed, SignedIn, SignedOut};
pub use refusal::Refusal;
pub use state::Operator;

use crate::permission::Role;
use std::time::Duration;

/// NIST 800-63B AAL2: reauthentication at least every 24 hours; a working day is enough.
pub const SIGN_IN_LIFETIME: Duration = Duration::from_secs(12 * 3600);

/// The first start's owner.
pub const OWNER: Role = Role::Owner;
