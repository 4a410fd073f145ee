//! `/v1/policies`. `POST` drafts and, with `activate`, activates; `PUT /{id}` changes; `POST /{id}/activate`,
//! `POST /{id}/retire`.

use serde::{Deserialize, Serialize};
use viworks_domain::{ids::PolicyId, policy::Document};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DraftRequest {
    pub document: Document,
    #[serde(default)]
    pub activate: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChangeRequest {
    pub document: Document,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyState {
    Draft,
    Active,
    Retired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRow {
    pub id: PolicyId,
    pub version: u32,
    pub state: PolicyState,
    pub document: Document,
}
