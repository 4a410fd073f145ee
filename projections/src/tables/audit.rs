//! The timeline: every event in one sentence, and every refusal of what a person asked for.

use crate::{
    batch::{AuditEntry, Batch},
    rows::Topic,
    telling,
};
use serde_json::{Value, json};
use viworks_domain::{
    actor::Actor,
    decision::{Decision, Outcome, Recorded, RecordedEvent},
    device, directory,
    event::{AggregateKind, AnyEvent},
    gateway,
    ids::{DeviceId, SessionId, UserId},
    operator, session, user,
};

pub async fn project(batch: &mut Batch<'_>, event: &RecordedEvent<'_>) -> Result<(), sqlx::Error> {
    let (user, session) = about(batch, event.decision, Some(&event.event)).await?;
    let part = is_part(&event.event);
    let mut summary = telling::summary(&event.event);
    if !part
        && !tells_name(&event.event)
        && let Some(name) = batch.name_of(event.decision.aggregate).await?
    {
        summary = format!("{summary}: {name}");
    }
    push(
        batch,
        AuditEntry {
            seq: event.seq,
            n: event.n,
            at: event.decision.at,
            correlation: event.decision.correlation,
            actor: event.decision.actor.clone(),
            kind: event.event.name(),
            user,
            session,
            part,
            summary,
            details: telling::details(&event.event),
        },
    );
    Ok(())
}

/// Processes and gateways are refused all the time (a deadline that rang early, a report that came twice);
/// what a person was refused is for the audit.
pub async fn project_outcome(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), sqlx::Error> {
    let decision = &recorded.decision;
    let by_person = matches!(
        decision.actor,
        Actor::Operator { .. } | Actor::User { .. } | Actor::Device { .. } | Actor::Machine | Actor::Stranger
    );
    let (kind, summary, details) = match &decision.outcome {
        Outcome::Accepted => return Ok(()),
        Outcome::Refused(_) if !by_person => return Ok(()),
        Outcome::Refused(refused) => (
            "command.refused",
            format!("refused: {}", refused.code),
            json!({ "code": refused.code, "class": refused.class }),
        ),
        Outcome::Expired => ("command.expired", "expired before it was decided".to_owned(), Value::Null),
    };
    let (user, session) = about(batch, decision, None).await?;
    push(
        batch,
        AuditEntry {
            seq: recorded.seq,
            n: 0,
            at: decision.at,
            correlation: decision.correlation,
            actor: decision.actor.clone(),
            kind,
            user,
            session,
            part: false,
            summary,
            details,
        },
    );
    Ok(())
}

fn push(batch: &mut Batch<'_>, entry: AuditEntry) {
    batch.changed(entry.seq, Topic::Audit, format_args!("{}.{}", entry.seq, entry.n));
    batch.audit.push(entry);
}

/// Sentences that are about a name have it already.
fn tells_name(event: &AnyEvent) -> bool {
    matches!(
        event,
        AnyEvent::Gateway(gateway::Event::Invited(_)) | AnyEvent::Operator(operator::Event::Invited(_))
    )
}

/// What stands inside a composite row, or is bookkeeping that only a whole story needs.
fn is_part(event: &AnyEvent) -> bool {
    match event {
        AnyEvent::Directory(e) => match e {
            directory::Event::Claimed(_)
            | directory::Event::Released(_)
            | directory::Event::ClaimRefused(_) => true,
        },
        AnyEvent::User(e) => matches!(
            e,
            user::Event::StepFinished(_)
                | user::Event::StepFailed(_)
                | user::Event::AttemptReserved(_)
                | user::Event::AttemptRefunded(_)
        ),
        AnyEvent::Device(e) => matches!(e, device::Event::PostureSeen(_)),
        AnyEvent::Gateway(e) => matches!(e, gateway::Event::ReportAccepted(_)),
        AnyEvent::Session(e) => {
            matches!(e, session::Event::LeaseRenewed(_) | session::Event::ReceiptRecorded(_))
        }
        AnyEvent::Policy(_) | AnyEvent::Operator(_) => false,
    }
}

/// Which user and which session it is about.
async fn about(
    batch: &mut Batch<'_>,
    decision: &Decision,
    event: Option<&AnyEvent>,
) -> Result<(Option<UserId>, Option<SessionId>), sqlx::Error> {
    let id = decision.aggregate.id;
    Ok(match decision.aggregate.kind {
        AggregateKind::User => (Some(UserId(id)), session_of(event)),
        AggregateKind::Device => (batch.owner_of_device(DeviceId(id)).await?, None),
        AggregateKind::Session => (batch.owner_of_session(SessionId(id)).await?, Some(SessionId(id))),
        AggregateKind::Directory => (claimant(event), None),
        AggregateKind::Policy | AggregateKind::Gateway | AggregateKind::Operator => (None, None),
    })
}

fn session_of(event: Option<&AnyEvent>) -> Option<SessionId> {
    match event {
        Some(AnyEvent::User(user::Event::LoginSucceeded(e))) => Some(e.session),
        Some(AnyEvent::User(user::Event::AttemptReserved(e))) => Some(e.session),
        _ => None,
    }
}

fn claimant(event: Option<&AnyEvent>) -> Option<UserId> {
    match event {
        Some(AnyEvent::Directory(directory::Event::Claimed(e))) => Some(e.user),
        Some(AnyEvent::Directory(directory::Event::Released(e))) => Some(e.user),
        Some(AnyEvent::Directory(directory::Event::ClaimRefused(e))) => Some(e.user),
        _ => None,
    }
}
