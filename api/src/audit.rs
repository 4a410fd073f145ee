//! `GET /v1/audit?user=&session=&correlation=&kind=&cursor=&limit=`: newest first.

use crate::json::Json;
use serde::{Deserialize, Serialize};
use viworks_domain::{
    Millis,
    actor::Actor,
    ids::{CorrelationId, SessionId, UserId},
};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    pub seq: u64,
    /// Position within the decision.
    pub n: u32,
    pub at: Millis,
    pub correlation: CorrelationId,
    pub actor: Actor,
    /// The actor's name, of an operator alone: it is their work identity, and stands open.
    pub operator: Option<String>,
    /// `<aggregate>.<past tense>`, or `command.refused` / `command.expired`.
    pub kind: String,
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    /// Shown inside a composite row (a user's provisioning steps), not in a list of everything.
    pub part: bool,
    /// One sentence, without personal data, addresses or secrets.
    pub summary: String,
    /// No more of these than the sentence has. For composite rows (`user.created`): its steps as they stand now. Otherwise the event's findings and the
    /// like, as JSON.
    pub details: Json,
}
