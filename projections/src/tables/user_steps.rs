use crate::{
    batch::{Batch, run},
    column::{millis, word},
};
use viworks_domain::{
    decision::RecordedEvent,
    ids::{GatewayId, UserId},
    user::{Event, Step},
};

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    user: &Event,
) -> Result<(), sqlx::Error> {
    let id = UserId(event.decision.aggregate.id).to_string();
    let at = millis(event.decision.at);
    match user {
        Event::Created(e) => begin(batch, &id, &e.steps, at).await?,
        Event::GatewaysAssigned(e) => {
            begin(batch, &id, &e.steps, at).await?;
            leave_out(batch, &id, &e.gateways).await?;
        }
        Event::StepFinished(e) => settle(batch, &id, e.step, "done", None, e.attempt, at).await?,
        Event::StepFailed(e) => {
            settle(batch, &id, e.step, "failed", Some(word(&e.reason)), e.attempt, at).await?;
        }
        Event::StepRetried(e) => settle(batch, &id, e.step, "pending", None, e.attempt, at).await?,
        // The same steps, the other way round, under attempts of their own.
        Event::DeletionRequested(_) => {
            run!(
                batch,
                "UPDATE user_steps SET state = 'pending', reason = NULL, attempt = attempt + 1, \
                 changed_at = $1 WHERE user_id = $2",
                at,
                id,
            )?;
        }
        Event::PasswordSet(_)
        | Event::PoliciesAssigned(_)
        | Event::DeviceAdded(_)
        | Event::LoginFailed(_)
        | Event::LoginSucceeded(_)
        | Event::AttemptReserved(_)
        | Event::AttemptRefunded(_)
        | Event::Suspended(_)
        | Event::Resumed(_)
        | Event::Deleted(_)
        | Event::Erased(_) => {}
    }
    Ok(())
}

/// A step that was there before (its gateway was taken away and given back) starts its next attempt.
async fn begin(batch: &mut Batch<'_>, user: &str, steps: &[Step], at: i64) -> Result<(), sqlx::Error> {
    for step in steps {
        run!(
            batch,
            "INSERT INTO user_steps (user_id, step, state, reason, attempt, assigned, changed_at) \
             VALUES ($1, $2, 'pending', NULL, 1, 1, $3) ON CONFLICT (user_id, step) DO UPDATE SET \
             state = 'pending', reason = NULL, attempt = user_steps.attempt + 1, changed_at = $3",
            user,
            key(*step),
            at,
        )?;
    }
    Ok(())
}

/// What is no longer assigned is neither shown nor waited for.
async fn leave_out(batch: &mut Batch<'_>, user: &str, gateways: &[GatewayId]) -> Result<(), sqlx::Error> {
    run!(batch, "UPDATE user_steps SET assigned = 0 WHERE user_id = $1 AND step <> 'directory'", user,)?;
    for gateway in gateways {
        for step in [Step::Vpn { gateway: *gateway }, Step::Panel { gateway: *gateway }] {
            run!(
                batch,
                "UPDATE user_steps SET assigned = 1 WHERE user_id = $1 AND step = $2",
                user,
                key(step),
            )?;
        }
    }
    Ok(())
}

async fn settle(
    batch: &mut Batch<'_>,
    user: &str,
    step: Step,
    state: &'static str,
    reason: Option<String>,
    attempt: u32,
    at: i64,
) -> Result<(), sqlx::Error> {
    run!(
        batch,
        "UPDATE user_steps SET state = $1, reason = $2, attempt = $3, changed_at = $4 \
         WHERE user_id = $5 AND step = $6",
        state,
        reason,
        i64::from(attempt),
        at,
        user,
        key(step),
    )?;
    Ok(())
}

/// `directory`, `vpn:<gateway>` or `panel:<gateway>`.
pub fn key(step: Step) -> String {
    match step {
        Step::Directory => "directory".into(),
        Step::Vpn { gateway } => format!("vpn:{gateway}"),
        Step::Panel { gateway } => format!("panel:{gateway}"),
    }
}

pub fn from_key(key: &str) -> Option<Step> {
    match key.split_once(':') {
        None if key == "directory" => Some(Step::Directory),
        Some(("vpn", gateway)) => gateway.parse().ok().map(|gateway| Step::Vpn { gateway }),
        Some(("panel", gateway)) => gateway.parse().ok().map(|gateway| Step::Panel { gateway }),
        _ => None,
    }
}
