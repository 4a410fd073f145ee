//! Who may reach what, when, from where, with what: versioned documents and their pure evaluation.

mod command;
mod document;
mod evaluate;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use document::{
    Country, CountryRule, Document, Grant, InvalidDocument, KeyProtection, PostureRule, Protocol, Resource,
    Weekday, Window,
};
pub use evaluate::{
    Facts, Finding, Gate, LocalTime, PostureValues, Rule, Standing, Verdict, evaluate, window_end,
};
pub use event::{Activated, Changed, Drafted, Event, Retired};
pub use refusal::Refusal;
pub use state::{Phase, Policy};

use crate::ids::PolicyId;
use serde::{Deserialize, Serialize};

/// One version of one policy: what every verdict names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyRef {
    pub id: PolicyId,
    /// Counts activations-relevant changes from 1: every `drafted` and `changed` makes a new version.
    pub version: u32,
}
