use crate::{Millis, event::events, ids::Digest, permission::Role, personal::Personal, user::PasswordHash};
use serde::{Deserialize, Serialize};

/// Operators' names are their work identity and stand open; their password hash does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    pub name: String,
    pub role: Role,
}

/// Sealed under the operator's own data key, which the key store holds under the operator's id: a copied log
/// has nothing to guess passwords with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordSet {
    pub credential_version: u32,
    pub password: Personal<PasswordHash>,
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
