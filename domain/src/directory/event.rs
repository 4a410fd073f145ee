use crate::{event::events, ids::UserId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claimed {
    pub user: UserId,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Released {
    pub user: UserId,
}

/// Somebody else holds the name. An event, because the claimant's step must learn of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimRefused {
    pub user: UserId,
}

events! {
    /// What happens to a name.
    Event of Directory {
        1 v 1 "directory.claimed" => Claimed,
        2 v 1 "directory.released" => Released,
        3 v 1 "directory.claim_refused" => ClaimRefused,
    }
}
