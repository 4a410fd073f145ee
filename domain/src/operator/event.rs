use crate::{Millis, event::events, ids::Digest, permission::Role};
use serde::{Deserialize, Serialize};

/// Operators' names are their work identity and stand open; their password hash does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    pub name: String,
    pub role: Role,
}

/// The PHC string is kept outside the log, in the key store, under this version; the log holds its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    pub credential_version: u32,
    /// SHA-256 of the PHC string.
    pub password: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleChanged {
    pub role: Role,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// SHA-256 of the operator's token.
    pub token: Digest,
    pub expires_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInFailed {
    /// HMAC of the source address under the address key.
    pub source: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedOut {
    pub token: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disabled {}

events! {
    /// What happens to an operator.
    Event of Operator {
        1 v 1 "operator.invited" => Invited,
        2 v 1 "operator.password_set" => PasswordSet,
        3 v 1 "operator.role_changed" => RoleChanged,
        4 v 1 "operator.signed_in" => SignedIn,
        5 v 1 "operator.sign_in_failed" => SignInFailed,
        6 v 1 "operator.signed_out" => SignedOut,
        7 v 1 "operator.disabled" => Disabled,
    }
}
