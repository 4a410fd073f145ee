//! `/v1/policies`. `POST` drafts and, with `activate`, activates; `PUT /{id}` changes; `POST /{id}/activate`,
//! `POST /{id}/retire`.

use serde::{Deserialize, Serialize};
use viworks_domain::{
    Millis,
    ids::PolicyId,
    policy::{CountryRule, Document, Window},
};

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

/// What screens show of a policy: what it is called and what it allows, without the addresses behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicySummary {
    pub id: PolicyId,
    pub version: u32,
    pub state: PolicyState,
    pub name: String,
    /// IANA name; windows are read on this zone's clock.
    pub time_zone: String,
    /// Empty: any time.
    pub windows: Vec<Window>,
    pub not_after: Option<Millis>,
    pub countries: CountryRule,
    /// Labels of what it lets people reach.
    pub resources: Vec<String>,
    pub max_minutes: u32,
    pub changed_at: Millis,
}
