//! The audit as stories: what follows from one person's act stands together under one sentence.

mod details;
mod prose;
#[cfg(test)]
mod tests;

pub use details::{Details, of as details};
pub use prose::summary;

use crate::{format, words};
use std::collections::HashMap;
use viworks_api::{audit::AuditRow, feed::AuditQuery};
use viworks_domain::{
    Millis,
    actor::Actor,
    ids::{CorrelationId, SessionId, UserId},
};

/// The address's parameters.
pub const USER: &str = "user";
pub const SESSION: &str = "session";
pub const CORRELATION: &str = "correlation";
pub const KIND: &str = "kind";

/// An entry's place in the log: the sequence and the position within the decision.
pub type Place = (u64, u32);

/// One act and what has followed from it, as far as it is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub correlation: CorrelationId,
    /// Newest first; never empty.
    pub entries: Vec<Place>,
    pub first_at: Millis,
    pub last_at: Millis,
    /// Who began it, as far as it is loaded.
    pub actor: Actor,
    /// Their name, of an operator.
    pub operator: Option<String>,
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub about: About,
    /// It goes on from something earlier, which is not here.
    pub continues: bool,
}

/// What a story is about, for its head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// A session, with how far it has come.
    Session(&'static str),
    /// A sign-in that has not come as far as a session.
    SignIn(&'static str),
    /// Anything else: what happened last that says more than a step.
    Other(String),
}

/// Gathers entries into stories.
pub struct Groups {
    /// A moment on the reader's clock.
    local: fn(Millis) -> format::Local,
    groups: Vec<Group>,
    heads: Vec<Head>,
    places: HashMap<CorrelationId, usize>,
}

impl Groups {
    pub fn new(local: fn(Millis) -> format::Local) -> Self {
        Self { local, groups: Vec::new(), heads: Vec::new(), places: HashMap::new() }
    }

    /// The next entry, in any order; one that was seen already says nothing.
    pub fn see(&mut self, row: &AuditRow) {
        let at = *self.places.entry(row.correlation).or_insert_with(|| {
            self.groups.push(Group::of(row));
            self.heads.push(Head::default());
            self.groups.len() - 1
        });
        if let (Some(group), Some(head)) = (self.groups.get_mut(at), self.heads.get_mut(at)) {
            group.take(row);
            head.see(row, self.local);
        }
    }

    /// Whether an entry of this story was seen.
    pub fn has(&self, correlation: CorrelationId) -> bool {
        self.places.contains_key(&correlation)
    }

    /// The story with the newest entry first.
    pub fn finish(mut self) -> Vec<Group> {
        for (group, head) in self.groups.iter_mut().zip(self.heads) {
            group.entries.sort_unstable_by(|a, b| b.cmp(a));
            group.entries.dedup();
            group.actor = head.actor.clone().unwrap_or(Actor::Stranger);
            group.operator.clone_from(&head.operator);
            group.continues = !begins(&head.kind);
            group.about = head.about();
        }
        self.groups.sort_unstable_by(|a, b| b.entries.first().cmp(&a.entries.first()));
        self.groups
    }
}

impl Group {
    fn of(row: &AuditRow) -> Self {
        Self {
            correlation: row.correlation,
            entries: Vec::new(),
            first_at: row.at,
            last_at: row.at,
            actor: Actor::Stranger,
            operator: None,
            user: None,
            session: None,
            about: About::Other(String::new()),
            continues: false,
        }
    }

    fn take(&mut self, row: &AuditRow) {
        self.entries.push((row.seq, row.n));
        self.first_at = self.first_at.min(row.at);
        self.last_at = self.last_at.max(row.at);
        self.user = self.user.or(row.user);
        self.session = self.session.or(row.session);
    }
}

/// What the head's sentence is made from.
#[derive(Default)]
struct Head {
    stage: Option<(&'static str, u8)>,
    sign_in: Option<&'static str>,
    was_refused: bool,
    oldest: Option<Place>,
    // Of the oldest entry: what began it, and who.
    cause: String,
    kind: String,
    actor: Option<Actor>,
    operator: Option<String>,
}

impl Head {
    fn see(&mut self, row: &AuditRow, local: fn(Millis) -> format::Local) {
        if let Some(stage) = stage(&row.kind)
            && self.stage.is_none_or(|(_, rank)| stage.1 > rank)
        {
            self.stage = Some(stage);
        }
        match row.kind.as_str() {
            "user.login_succeeded" => self.sign_in = Some("passed the password"),
            "user.login_failed" => self.sign_in = Some("failed: wrong password"),
            "command.refused" => self.was_refused = true,
            _ => {}
        }
        if self.oldest.is_none_or(|oldest| (row.seq, row.n) < oldest) {
            self.oldest = Some((row.seq, row.n));
            self.cause = summary(row, local);
            self.kind.clone_from(&row.kind);
            self.actor = Some(row.actor.clone());
            self.operator.clone_from(&row.operator);
        }
    }
}

impl Head {
    fn about(&self) -> About {
        match (self.stage, self.sign_in) {
            (Some((stage, _)), _) => About::Session(stage),
            (None, Some(_)) if self.was_refused => About::SignIn("was refused"),
            (None, Some(stage)) => About::SignIn(stage),
            (None, None) => About::Other(words::sentence(&self.cause)),
        }
    }
}

/// How far a session has come by this entry; the furthest counts.
fn stage(kind: &str) -> Option<(&'static str, u8)> {
    Some(match kind {
        "session.opened" => ("is signing in", 0),
        "session.code_issued" => ("was sent a code", 1),
        "session.answer_refused" => ("gave a wrong code", 2),
        "session.verified" => ("is verified", 3),
        "session.bootstrap_issued" | "session.admitted" => ("is connecting", 4),
        "session.admission_refused" => ("was refused by the gateway", 5),
        "session.bootstrap_consumed" | "session.connected" => ("is connected", 6),
        "session.ending" => ("is ending", 7),
        "session.receipts_overdue" => ("is ending, receipts are overdue", 8),
        "session.expired" => ("has expired", 9),
        "session.denied" => ("was denied by policy", 9),
        "session.ended" => ("has ended", 9),
        _ => return None,
    })
}

/// Whether a story can begin with such an entry; one that cannot has an earlier one.
fn begins(kind: &str) -> bool {
    match kind.split_once('.') {
        Some(("session", what)) => matches!(what, "opened" | "denied" | "ending"),
        Some(("user", what)) => !matches!(
            what,
            "step_finished" | "step_failed" | "attempt_reserved" | "attempt_refunded" | "device_added"
        ),
        Some(("directory", _)) => false,
        _ => true,
    }
}

/// What an address asks for, by its parameters. An id that is none is nobody's: a mistyped address shows nothing
/// rather than everything.
pub fn asked(value: impl Fn(&str) -> Option<String>) -> AuditQuery {
    AuditQuery {
        user: value(USER).map(|id| id.parse().unwrap_or(UserId([0; 16]))),
        session: value(SESSION).map(|id| id.parse().unwrap_or(SessionId([0; 16]))),
        correlation: value(CORRELATION).map(|id| id.parse().unwrap_or(CorrelationId([0; 16]))),
        kind: value(KIND),
    }
}

/// The same question on the command line.
pub fn command(query: &AuditQuery) -> String {
    let mut text = "viworks audit timeline".to_owned();
    let conditions = [
        ("user", query.user.map(|id| id.to_string())),
        ("session", query.session.map(|id| id.to_string())),
        ("correlation", query.correlation.map(|id| id.to_string())),
        ("kind", query.kind.clone()),
    ];
    for (name, value) in conditions {
        if let Some(value) = value {
            text.push_str(&format!(" --{name} {}", quoted(&value)));
        }
    }
    text
}

/// As a POSIX shell reads it back.
fn quoted(value: &str) -> String {
    let is_plain =
        !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if is_plain { value.to_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
