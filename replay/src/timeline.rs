//! One story out of the log: given decisions, the lines that belong to it. Pure.

use crate::{
    failure::unreadable,
    names::{Names, Who, aggregate_of},
    personal::PersonalKeys,
};
use serde::Serialize;
use serde_json::Value;
use std::collections::HashSet;
use viworks_domain::{
    aggregate::CannotFold,
    decision::{Decision, Outcome, Recorded, RecordedEvent, refusal_text},
    device, directory,
    event::{AggregateKind, AggregateRef, AnyEvent},
    ids::{CorrelationId, SessionId, UserId},
    personal::Whereabouts,
    session, user,
};
use viworks_projections::telling;

/// One event of a decision, or its refusal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub seq: u64,
    /// Position within the decision.
    pub n: u32,
    /// RFC 3339, UTC.
    pub at: String,
    pub correlation: CorrelationId,
    /// The sequence of the decision that this one followed from, when one caused it.
    pub cause: Option<u64>,
    pub actor: Who,
    /// What it happened to.
    pub aggregate: &'static str,
    pub id: String,
    /// `<aggregate>.<past tense>`, or `command.accepted`, `command.refused`, `command.expired` where a decision
    /// made no event.
    pub kind: &'static str,
    pub summary: String,
    #[serde(skip_serializing_if = "Value::is_null")]
    pub details: Value,
    /// Where the sign-in came from, when the user's data key was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub whereabouts: Option<Whereabouts>,
}

/// What belongs together: everything under its correlations, and everything about its subject.
#[derive(Debug)]
pub struct Story {
    subject: Option<AggregateRef>,
    correlations: HashSet<CorrelationId>,
    names: Names,
    keys: PersonalKeys,
}

impl Story {
    /// `known`: the decisions on every aggregate that has this id; with none, it is a correlation.
    pub fn about(id: [u8; 16], known: &[Recorded], keys: PersonalKeys) -> Self {
        let subject = known.first().map(|recorded| recorded.decision.aggregate);
        let mut correlations = HashSet::from([CorrelationId(id)]);
        // A gateway speaks in every session's story: its own is only what happens to itself.
        if subject.is_none_or(|subject| subject.kind != AggregateKind::Gateway) {
            correlations.extend(known.iter().map(|recorded| recorded.decision.correlation));
        }
        Self { subject, correlations, names: Names::default(), keys }
    }

    /// The lines that this decision adds to the story: none when it is not part of it.
    pub fn tell(&mut self, recorded: &Recorded) -> Result<Vec<Row>, CannotFold> {
        let events = recorded.events().map_err(unreadable(recorded))?;
        for event in &events {
            self.names.learn(event, &self.keys);
        }
        if !self.holds(&recorded.decision, &events) {
            return Ok(vec![]);
        }
        if events.is_empty() {
            let (kind, summary) = without_events(&recorded.decision.outcome);
            return Ok(vec![self.row(recorded, 0, kind, summary)]);
        }
        let rows = events.iter().map(|event| Row {
            details: telling::details(&event.event),
            whereabouts: self.whereabouts(event),
            ..self.row(recorded, event.n, event.event.name(), telling::summary(&event.event))
        });
        Ok(rows.collect())
    }

    fn holds(&self, decision: &Decision, events: &[RecordedEvent<'_>]) -> bool {
        if self.correlations.contains(&decision.correlation) {
            return true;
        }
        let Some(subject) = self.subject else { return false };
        let acted = subject.kind != AggregateKind::Gateway && aggregate_of(&decision.actor) == Some(subject);
        acted || decision.aggregate == subject || events.iter().any(|event| names(&event.event, subject))
    }

    fn row(&self, recorded: &Recorded, n: u32, kind: &'static str, summary: String) -> Row {
        let decision = &recorded.decision;
        Row {
            seq: recorded.seq,
            n,
            at: decision.at.to_string(),
            correlation: decision.correlation,
            cause: decision.causation,
            actor: self.names.who(&decision.actor),
            aggregate: decision.aggregate.kind.as_str(),
            id: decision.aggregate.id_text(),
            kind,
            summary,
            details: Value::Null,
            whereabouts: None,
        }
    }

    fn whereabouts(&self, event: &RecordedEvent<'_>) -> Option<Whereabouts> {
        match &event.event {
            AnyEvent::Session(session::Event::Opened(e)) => self.keys.open(e.user, &e.whereabouts),
            _ => None,
        }
    }
}

fn without_events(outcome: &Outcome) -> (&'static str, String) {
    match outcome {
        Outcome::Accepted => ("command.accepted", "accepted; nothing had to change".to_owned()),
        Outcome::Refused(refused) => {
            let text = refusal_text(&refused.code).unwrap_or("for a reason that this build does not know");
            ("command.refused", format!("refused: {text} ({})", refused.code))
        }
        Outcome::Expired => ("command.expired", "expired: it came too late to be decided".to_owned()),
    }
}

/// Whether an event of another aggregate is about this user or session.
fn names(event: &AnyEvent, subject: AggregateRef) -> bool {
    let user = |id: UserId| subject == AggregateRef::from(id);
    let session = |id: SessionId| subject == AggregateRef::from(id);
    match event {
        AnyEvent::Directory(event) => match event {
            directory::Event::Claimed(e) => user(e.user),
            directory::Event::Released(e) => user(e.user),
            directory::Event::ClaimRefused(e) => user(e.user),
        },
        AnyEvent::Device(event) => match event {
            device::Event::Offered(e) => user(e.user),
            device::Event::Enrolled(e) => user(e.user),
            device::Event::PostureSeen(e) => session(e.session),
            device::Event::Revoked(_) => false,
        },
        AnyEvent::User(user::Event::LoginSucceeded(e)) => session(e.session),
        AnyEvent::User(user::Event::AttemptReserved(e)) => session(e.session),
        AnyEvent::Session(session::Event::Opened(e)) => user(e.user),
        AnyEvent::Session(session::Event::Denied(e)) => user(e.user),
        AnyEvent::User(_)
        | AnyEvent::Session(_)
        | AnyEvent::Policy(_)
        | AnyEvent::Gateway(_)
        | AnyEvent::Operator(_) => false,
    }
}

#[cfg(test)]
mod tests;
