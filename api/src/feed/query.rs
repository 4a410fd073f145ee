//! What a window asks. The same conditions stand in the routes' query strings, in SQL, and here: a row that
//! comes live is in a window exactly when the next page that is read would hold it.

use super::Change;
use crate::{
    audit::AuditRow,
    session::SessionRow,
    user::{UserRow, UserState},
};
use serde::{Deserialize, Serialize};
use viworks_domain::ids::{CorrelationId, GatewayId, PolicyId, SessionId, UserId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Query {
    /// Newest first.
    Users(UserQuery),
    /// Newest first.
    Sessions(SessionQuery),
    /// By name, with telemetry and its history.
    Gateways,
    /// Newest change first.
    Policies,
    /// Newest first.
    Audit(AuditQuery),
}

/// Every condition that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct UserQuery {
    /// One user, whatever else they are.
    pub id: Option<UserId>,
    /// Part of the name, in any case.
    pub text: Option<String>,
    pub state: Option<UserState>,
    pub policy: Option<PolicyId>,
    pub gateway: Option<GatewayId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SessionQuery {
    /// One session, whatever else it is.
    pub id: Option<SessionId>,
    /// `true`: not ended, denied or expired; `false`: one of these.
    pub active: Option<bool>,
    /// Part of the user's name, in any case.
    pub text: Option<String>,
    pub user: Option<UserId>,
    pub gateway: Option<GatewayId>,
    pub policy: Option<PolicyId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AuditQuery {
    pub user: Option<UserId>,
    /// With everything that belongs to it.
    pub session: Option<SessionId>,
    /// With everything that belongs to it.
    pub correlation: Option<CorrelationId>,
    /// `<aggregate>.<past tense>`, exactly.
    pub kind: Option<String>,
}

fn holds<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

/// As the database does it: ASCII letters in any case, other characters exactly.
fn contains(text: Option<&String>, name: Option<&String>) -> bool {
    let Some(text) = text else { return true };
    // ASCII letters are as long in any case, so a longer text is in no name: it is not folded for every change.
    name.is_some_and(|name| {
        text.len() <= name.len() && name.to_ascii_lowercase().contains(&text.to_ascii_lowercase())
    })
}

impl UserQuery {
    pub fn matches(&self, row: &UserRow) -> bool {
        self.concerns(row)
            && holds(self.state.as_ref(), &row.state)
            && self.policy.is_none_or(|policy| row.policies.contains(&policy))
            && self.gateway.is_none_or(|gateway| row.gateways.contains(&gateway))
    }

    /// What can never change for a row: when this does not hold, the row was never in the window either.
    pub fn concerns(&self, row: &UserRow) -> bool {
        holds(self.id.as_ref(), &row.id) && contains(self.text.as_ref(), row.username.as_ref())
    }
}

impl SessionQuery {
    pub fn matches(&self, row: &SessionRow) -> bool {
        self.concerns(row)
            && self.active.is_none_or(|active| active == row.state.is_active())
            && self.gateway.is_none_or(|gateway| row.gateway == Some(gateway))
    }

    /// As [`UserQuery::concerns`].
    pub fn concerns(&self, row: &SessionRow) -> bool {
        holds(self.id.as_ref(), &row.id)
            && holds(self.user.as_ref(), &row.user)
            && holds(self.policy.as_ref(), &row.policy)
            && contains(self.text.as_ref(), row.username.as_ref())
    }
}

impl AuditQuery {
    /// Parts of a composite row are listed where one session, one correlation or one kind is asked for.
    pub fn matches(&self, row: &AuditRow) -> bool {
        let detailed = self.session.is_some() || self.correlation.is_some() || self.kind.is_some();
        (detailed || !row.part)
            && self.user.is_none_or(|user| row.user == Some(user))
            && self.session.is_none_or(|session| row.session == Some(session))
            && holds(self.correlation.as_ref(), &row.correlation)
            && holds(self.kind.as_ref(), &row.kind)
    }
}

impl Query {
    /// Whether the row is in the window as it is now.
    pub fn matches(&self, change: &Change) -> bool {
        match (self, change) {
            (Self::Users(query), Change::User(row)) => query.matches(row),
            (Self::Sessions(query), Change::Session(row)) => query.matches(row),
            (Self::Gateways, Change::Gateway(_)) | (Self::Policies, Change::Policy(_)) => true,
            (Self::Audit(query), Change::Audit(row)) => query.matches(row),
            _ => false,
        }
    }

    /// Whether the row is, was or could be in the window: what the server sends. A row that has left the window
    /// is sent too, so that the client takes it out.
    pub fn concerns(&self, change: &Change) -> bool {
        match (self, change) {
            (Self::Users(query), Change::User(row)) => query.concerns(row),
            (Self::Sessions(query), Change::Session(row)) => query.concerns(row),
            _ => self.matches(change),
        }
    }
}
