use crate::{ids::Digest, permission::Role, personal::Personal, user::PasswordHash};
use serde::{Deserialize, Serialize};

/// Wire and domain alike.
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
