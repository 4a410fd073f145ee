//! What happens to a policy.

use super::Document;
use crate::event::events;
use serde::{Deserialize, Serialize};

/// A first version exists; it decides nothing yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drafted {
    pub document: Document,
}

/// A new version; if the policy is active, the new version is what counts from here on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub version: u32,
    pub document: Document,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Activated {
    pub version: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {}

events! {
    Event of Policy {
        1 v 1 "policy.drafted" => Drafted,
        2 v 1 "policy.changed" => Changed,
        3 v 1 "policy.activated" => Activated,
        4 v 1 "policy.retired" => Retired,
    }
}
