//! Someone who administers ViWorkS.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::{Command, Prepared};
pub use event::{Disabled, Event, Invited, PasswordSet, RoleChanged, SignInFailed, SignedIn, SignedOut};
pub use refusal::Refusal;
pub use state::Operator;

use crate::permission::Role;

/// The first start's owner.
pub const OWNER: Role = Role::Owner;
