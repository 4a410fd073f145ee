//! The audit as stories: what follows from one person's act stands together under one sentence.

mod details;
mod prose;
#[cfg(test)]
mod tests;

pub use details::{Details, of as details};
pub use prose::summary;

use crate::words;
use std::collections::HashMap;
use viworks_api::{audit::AuditRow, feed::AuditQuery};
use viworks_domain::{
    Millis,
    actor::Actor,
    ids::{CorrelationId, SessionId, UserId},
};

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
    /// Anything else: what happened last that says more than a step.
    Other(String),
}

/// The stories of entries that come newest first; the story with the newest entry first.
pub fn groups<'a>(rows: impl IntoIterator<Item = &'a AuditRow>) -> Vec<Group> {
    let mut groups = Vec::<Group>::new();
    let mut places = HashMap::<CorrelationId, usize>::new();
    let mut heads = Vec::<Head>::new();
    for row in rows {
        let at = *places.entry(row.correlation).or_insert_with(|| {
            groups.push(Group {
                correlation: row.correlation,
                entries: Vec::new(),
                first_at: row.at,
                last_at: row.at,
                actor: row.actor.clone(),
                user: None,
                session: None,
                about: About::Other(String::new()),
                continues: false,
            });
            heads.push(Head::default());
            groups.len() - 1
        });
        if let (Some(group), Some(head)) = (groups.get_mut(at), heads.get_mut(at)) {
            group.entries.push((row.seq, row.n));
            group.first_at = group.first_at.min(row.at);
            group.last_at = group.last_at.max(row.at);
            // The oldest entry is seen last: whoever stands there began it.
            group.actor = row.actor.clone();
            group.user = group.user.or(row.user);
            group.session = group.session.or(row.session);
            group.continues = !begins(&row.kind);
            head.see(row);
        }
    }
    for (group, head) in groups.iter_mut().zip(heads) {
        group.about = head.about();
    }
    groups
}

/// What the head's sentence is made from.
#[derive(Default)]
struct Head {
    stage: Option<(&'static str, u8)>,
    /// The oldest entry: what began it.
    cause: String,
}

impl Head {
    fn see(&mut self, row: &AuditRow) {
        if let Some(stage) = stage(&row.kind)
            && self.stage.is_none_or(|(_, rank)| stage.1 > rank)
        {
            self.stage = Some(stage);
        }
        self.cause = summary(row, &|_| 0);
    }

    fn about(self) -> About {
        match self.stage {
            Some((stage, _)) => About::Session(stage),
            None => About::Other(words::sentence(&self.cause)),
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
