//! What somebody should look at, until it is over.

use crate::{
    batch::{Batch, run},
    column::{int, millis},
    rows::{AlertKind, Topic},
    telling,
};
use viworks_domain::{
    Millis,
    actor::Actor,
    decision::{Outcome, Recorded, RecordedEvent, Refusal as _},
    device,
    event::AnyEvent,
    gateway::{self, Health},
    session, user,
};

pub async fn project(batch: &mut Batch<'_>, event: &RecordedEvent<'_>) -> Result<(), sqlx::Error> {
    use gateway::Event as G;
    use session::Event as S;
    use user::Event as U;
    let subject = event.decision.aggregate.id_text();
    let by_stranger = event.decision.actor == Actor::Stranger;
    match &event.event {
        AnyEvent::Session(S::ReceiptsOverdue(_)) => {
            raise(batch, event, AlertKind::ReceiptsOverdue, &subject).await
        }
        AnyEvent::Session(S::Ended(_)) => {
            resolve(batch, AlertKind::ReceiptsOverdue, &subject, event.seq, event.decision.at).await
        }
        AnyEvent::Gateway(G::HealthChanged(e)) if e.health == Health::Up => {
            resolve(batch, AlertKind::GatewayDown, &subject, event.seq, event.decision.at).await
        }
        AnyEvent::Gateway(G::HealthChanged(_)) => raise(batch, event, AlertKind::GatewayDown, &subject).await,
        // Retired by whoever enrols, not by an operator: its token was used twice.
        AnyEvent::Gateway(G::Retired(_)) if by_stranger => {
            raise(batch, event, AlertKind::TokenUsedTwice, &subject).await
        }
        AnyEvent::Gateway(G::Retired(_)) => {
            resolve(batch, AlertKind::GatewayDown, &subject, event.seq, event.decision.at).await
        }
        AnyEvent::Device(device::Event::Revoked(_)) if by_stranger => {
            raise(batch, event, AlertKind::TokenUsedTwice, &subject).await
        }
        AnyEvent::User(U::StepFailed(_)) => raise(batch, event, AlertKind::StepFailed, &subject).await,
        AnyEvent::User(U::StepFinished(_) | U::GatewaysAssigned(_)) => {
            let failed = sqlx::query(
                "SELECT step FROM user_steps WHERE user_id = $1 AND assigned = 1 AND state = 'failed'",
            )
            .bind(&subject)
            .fetch_optional(&mut *batch.tx)
            .await?;
            if failed.is_some() {
                return Ok(());
            }
            resolve(batch, AlertKind::StepFailed, &subject, event.seq, event.decision.at).await
        }
        AnyEvent::User(U::DeviceAdded(_)) => {
            resolve(batch, AlertKind::AttemptsSpent, &subject, event.seq, event.decision.at).await
        }
        _ => Ok(()),
    }
}

pub async fn project_outcome(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), sqlx::Error> {
    let decision = &recorded.decision;
    match &decision.outcome {
        Outcome::Refused(refused) if refused.code == user::Refusal::TooManyAttempts.code() => {
            write(
                batch,
                AlertKind::AttemptsSpent,
                &decision.aggregate.id_text(),
                recorded.seq,
                decision.at,
                "a user has spent a day's answers",
            )
            .await
        }
        _ => Ok(()),
    }
}

async fn raise(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    kind: AlertKind,
    subject: &str,
) -> Result<(), sqlx::Error> {
    let summary = telling::summary(&event.event);
    write(batch, kind, subject, event.seq, event.decision.at, &summary).await
}

async fn write(
    batch: &mut Batch<'_>,
    kind: AlertKind,
    subject: &str,
    seq: u64,
    at: Millis,
    summary: &str,
) -> Result<(), sqlx::Error> {
    run!(
        batch,
        "INSERT INTO alerts (kind, subject, raised_seq, raised_at, resolved_at, summary) \
         VALUES ($1, $2, $3, $4, NULL, $5) ON CONFLICT (kind, subject) DO UPDATE SET \
         raised_seq = $3, raised_at = $4, resolved_at = NULL, summary = $5",
        kind.as_str(),
        subject,
        int(seq),
        millis(at),
        summary,
    )?;
    batch.changed(seq, Topic::Alerts, subject);
    Ok(())
}

async fn resolve(
    batch: &mut Batch<'_>,
    kind: AlertKind,
    subject: &str,
    seq: u64,
    at: Millis,
) -> Result<(), sqlx::Error> {
    let done = run!(
        batch,
        "UPDATE alerts SET resolved_at = $1 WHERE kind = $2 AND subject = $3 AND resolved_at IS NULL",
        millis(at),
        kind.as_str(),
        subject,
    )?;
    if done.rows_affected() > 0 {
        batch.changed(seq, Topic::Alerts, subject);
    }
    Ok(())
}
