use crate::{ids::Digest, permission::Role, personal::Personal, user::PasswordHash};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Invite {
        name: String,
        role: Role,
    },
    SetPassword {
        password: Personal<PasswordHash>,
    },
    ChangeRole {
        role: Role,
    },
    /// The route has verified the password of this credential version.
    SignIn {
        credential_version: u32,
        token: Digest,
    },
    RecordFailedSignIn {
        source: Digest,
    },
    SignOut {
        token: Digest,
    },
    Disable,
}

/// What is decided: what was asked, and what this installation has set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub command: Command,
    /// How long a sign-in lasts that begins now. Those that have begun keep the end that they were given.
    pub sign_in_lasts: Duration,
}
