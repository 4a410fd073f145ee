//! What the console asks over HTTP, and what it makes of the answers.

use crate::words;
use std::fmt::Write as _;
use viworks_api::{
    audit::AuditRow,
    feed::{AuditQuery, Query, SessionQuery, UserQuery},
    policy::PolicySummary,
    problem::Problem,
    session::SessionRow,
    user::UserRow,
};

/// A person's act, by a name that asking again repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(random.iter().fold(String::with_capacity(32), |mut text, byte| {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why an answer is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server's own words, with what to do.
    Problem(Box<Problem>),
    /// Nothing came back: the network, or the server is down.
    Unreachable,
    /// Something came back that this console cannot read: it is of another version than the server.
    NotUnderstood,
    /// Durable, but not decided within the time that a person waits.
    StillPending,
}

impl Failure {
    pub fn is_signed_out(&self) -> bool {
        matches!(self, Self::Problem(problem) if problem.code == viworks_api::problem::code::NOT_SIGNED_IN)
    }

    /// What happened, in a few words.
    pub fn title(&self) -> String {
        match self {
            Self::Problem(problem) => sentence(&problem.title),
            Self::Unreachable => "The server cannot be reached".into(),
            Self::NotUnderstood => "The server's answer was not understood".into(),
            Self::StillPending => "Not done yet".into(),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Problem(problem) => problem.detail.as_deref().map(sentence),
            Self::Unreachable => Some("Check the network and try again; nothing is done twice.".into()),
            Self::NotUnderstood => Some("Reload the page; the server may have been updated.".into()),
            Self::StillPending => {
                Some("It is safely stored and will be done; the list shows it then.".into())
            }
        }
    }
}

/// First letter large, a full stop never.
fn sentence(text: &str) -> String {
    words::sentence(text.trim_end_matches('.'))
}

/// Rows that are paged over HTTP, by the same conditions as the feed's windows.
pub trait Paged: crate::list::Row {
    const PATH: &'static str;
    /// The conditions as a query string's pairs; none for questions about other rows.
    fn pairs(query: &Query) -> Vec<(&'static str, String)>;
    /// Where the page behind this row begins, as the server's own cursors say it.
    fn cursor(&self) -> String;
}

impl Paged for UserRow {
    const PATH: &'static str = "/v1/users";
    fn pairs(query: &Query) -> Vec<(&'static str, String)> {
        let Query::Users(UserQuery { id: _, text, state, policy, gateway }) = query else { return vec![] };
        given([
            ("text", text.clone()),
            ("state", state.map(|state| words::of(&state))),
            ("policy", policy.map(|id| id.to_string())),
            ("gateway", gateway.map(|id| id.to_string())),
        ])
    }

    fn cursor(&self) -> String {
        format!("{}.{}", self.created_at.0, self.id)
    }
}

impl Paged for SessionRow {
    const PATH: &'static str = "/v1/sessions";
    fn pairs(query: &Query) -> Vec<(&'static str, String)> {
        let Query::Sessions(SessionQuery { id: _, active, text, user, gateway, policy }) = query else {
            return vec![];
        };
        given([
            ("active", active.map(|active| active.to_string())),
            ("text", text.clone()),
            ("user", user.map(|id| id.to_string())),
            ("gateway", gateway.map(|id| id.to_string())),
            ("policy", policy.map(|id| id.to_string())),
        ])
    }

    fn cursor(&self) -> String {
        format!("{}.{}", self.opened_at.0, self.id)
    }
}

impl Paged for AuditRow {
    const PATH: &'static str = "/v1/audit";
    fn pairs(query: &Query) -> Vec<(&'static str, String)> {
        let Query::Audit(AuditQuery { user, session, correlation, kind }) = query else { return vec![] };
        given([
            ("user", user.map(|id| id.to_string())),
            ("session", session.map(|id| id.to_string())),
            ("correlation", correlation.map(|id| id.to_string())),
            ("kind", kind.clone()),
        ])
    }

    fn cursor(&self) -> String {
        format!("{}.{}", self.seq, self.n)
    }
}

impl Paged for PolicySummary {
    const PATH: &'static str = "/v1/policies/summaries";
    fn pairs(_: &Query) -> Vec<(&'static str, String)> {
        vec![]
    }

    fn cursor(&self) -> String {
        format!("{}.{}", self.changed_at.0, self.id)
    }
}

fn given<const N: usize>(pairs: [(&'static str, Option<String>); N]) -> Vec<(&'static str, String)> {
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// `/v1/users?text=a%20b&limit=200`
pub fn address(path: &str, pairs: &[(&str, String)]) -> String {
    let mut text = path.to_owned();
    for (n, (name, value)) in pairs.iter().enumerate() {
        text.push(if n == 0 { '?' } else { '&' });
        text.push_str(name);
        text.push('=');
        encode(value, &mut text);
    }
    text
}

/// RFC 3986: what is not unreserved is percent-encoded.
fn encode(value: &str, out: &mut String) {
    for byte in value.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            // Writing to a string does not fail.
            other => drop(write!(out, "%{other:02X}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_api::user::UserState;
    use viworks_domain::ids::PolicyId;

    #[test]
    fn an_address_carries_any_text() {
        let pairs = [("text", "a&b=c d/ü".to_owned()), ("limit", "200".to_owned())];
        assert_eq!(address("/v1/users", &pairs), "/v1/users?text=a%26b%3Dc%20d%2F%C3%BC&limit=200");
        assert_eq!(address("/v1/users", &[]), "/v1/users");
    }

    #[test]
    fn a_page_is_asked_by_the_conditions_of_its_window() {
        let query =
            UserQuery { text: Some("al".into()), state: Some(UserState::Active), ..UserQuery::default() };
        let pairs = UserRow::pairs(&Query::Users(query));
        assert_eq!(pairs, [("text", "al".to_owned()), ("state", "active".to_owned())]);
    }

    #[test]
    fn policies_are_paged_where_everybody_may_read_them_from_their_last_change_on() {
        let row: PolicySummary = serde_json::from_value(serde_json::json!({
            "id": PolicyId([1; 16]), "version": 1, "state": "active", "name": "Office", "time_zone": "UTC",
            "windows": [], "not_after": null, "countries": { "allow": [], "deny": [] }, "resources": [],
            "max_minutes": 60, "changed_at": 7,
        }))
        .expect("a row");
        assert_eq!(
            (PolicySummary::PATH, PolicySummary::pairs(&Query::Policies).len()),
            ("/v1/policies/summaries", 0)
        );
        assert_eq!(row.cursor(), format!("7.{}", row.id));
    }

    #[test]
    fn every_key_is_another() {
        assert_eq!(IdempotencyKey::from_random([0xab; 16]).as_str(), "ab".repeat(16));
        assert_ne!(IdempotencyKey::from_random([1; 16]), IdempotencyKey::from_random([2; 16]));
    }
}
