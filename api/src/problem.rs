//! Errors as people and programs read them: RFC 9457 problem details, neutral by construction.

use serde::{Deserialize, Serialize};
use viworks_domain::ids::CorrelationId;

pub const CONTENT_TYPE: &str = "application/problem+json";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:viworks:problem:<code>`.
    #[serde(rename = "type")]
    pub kind: String,
    pub title: String,
    pub status: u16,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub detail: Option<String>,
    /// `<aggregate>.<reason>` or one of [`code`].
    pub code: String,
    /// Tell an administrator this; the log knows the rest.
    pub correlation: CorrelationId,
}

/// Codes that no aggregate's refusal gives.
pub mod code {
    pub const SIGN_IN: &str = "sign_in";
    pub const NOT_SIGNED_IN: &str = "not_signed_in";
    pub const FORBIDDEN: &str = "forbidden";
    pub const NOT_FOUND: &str = "not_found";
    pub const MALFORMED: &str = "malformed";
    pub const TOO_LARGE: &str = "too_large";
    pub const TOO_MANY: &str = "too_many";
    pub const UNSUPPORTED: &str = "unsupported";
    pub const METHOD: &str = "method";
    pub const NOT_CAUGHT_UP: &str = "not_caught_up";
    pub const UNAVAILABLE: &str = "unavailable";
    pub const INTERNAL: &str = "internal";
}
