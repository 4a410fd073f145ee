use crate::{
    batch::{Batch, run},
    column::{int, json, millis},
    rows::{Notice, Topic, UserState},
};
use viworks_domain::{decision::RecordedEvent, ids::UserId, user::Event};

/// Active once every step has been done at the same time; a gateway that is added later takes nothing away.
const PROVISIONED: &str = "UPDATE users SET provisioned = 1, \
     state = CASE WHEN state = 'provisioning' THEN 'active' ELSE state END, seq = $1 \
     WHERE id = $2 AND provisioned = 0 AND state IN ('provisioning', 'suspended') \
     AND NOT EXISTS (SELECT 1 FROM user_steps WHERE user_id = $2 AND assigned = 1 AND state <> 'done')";

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    user: &Event,
) -> Result<(), sqlx::Error> {
    let id = UserId(event.decision.aggregate.id);
    let (seq, at) = (int(event.seq), millis(event.decision.at));
    match user {
        Event::Created(e) => {
            let username = batch.usernames.get(&id).cloned();
            let search = username.as_deref().map(str::to_ascii_lowercase);
            run!(
                batch,
                "INSERT INTO users (id, username, search, state, provisioned, policies, gateways, created_at, \
                 seq) VALUES ($1, $2, $3, 'provisioning', 0, $4, $5, $6, $7)",
                id.to_string(),
                username,
                search,
                json(&e.policies),
                json(&e.gateways),
                at,
                seq,
            )?;
        }
        Event::StepFinished(_) => provisioned(batch, event, id).await?,
        Event::StepFailed(_) => {
            // What cannot be taken away from a user who goes is an alert; nobody waits for it to be provisioned.
            if !is_going(batch, id).await? {
                batch.changed(event.seq, Topic::Notices, Notice::ProvisioningFailed(id));
            }
        }
        Event::GatewaysAssigned(e) => {
            run!(
                batch,
                "UPDATE users SET gateways = $1, seq = $2 WHERE id = $3",
                json(&e.gateways),
                seq,
                id.to_string(),
            )?;
            provisioned(batch, event, id).await?;
        }
        Event::PoliciesAssigned(e) => {
            run!(
                batch,
                "UPDATE users SET policies = $1, seq = $2 WHERE id = $3",
                json(&e.policies),
                seq,
                id.to_string(),
            )?;
        }
        Event::LoginSucceeded(_) => {
            run!(
                batch,
                "UPDATE users SET last_login_at = $1, seq = $2 WHERE id = $3",
                at,
                seq,
                id.to_string()
            )?;
        }
        Event::Suspended(_) => state(batch, id, UserState::Suspended, seq).await?,
        Event::Resumed(_) => {
            run!(
                batch,
                "UPDATE users SET state = CASE WHEN provisioned = 1 THEN 'active' ELSE 'provisioning' END, \
                 seq = $1 WHERE id = $2",
                seq,
                id.to_string(),
            )?;
        }
        Event::DeletionRequested(_) => state(batch, id, UserState::Deleting, seq).await?,
        Event::Deleted(_) => state(batch, id, UserState::Deleted, seq).await?,
        Event::Erased(_) => {
            batch.erased = true;
            run!(
                batch,
                "UPDATE users SET state = 'erased', username = NULL, search = NULL, seq = $1 WHERE id = $2",
                seq,
                id.to_string(),
            )?;
            batch.changed(event.seq, Topic::Erasures, id);
        }
        // Shown in the steps, the devices or the audit; the row stays as it is.
        Event::StepRetried(_)
        | Event::PasswordSet(_)
        | Event::DeviceAdded(_)
        | Event::LoginFailed(_)
        | Event::AttemptReserved(_)
        | Event::AttemptRefunded(_) => {}
    }
    batch.changed(event.seq, Topic::Users, id);
    if changes_steps(user) {
        batch.composite_changed(event.seq, id);
    }
    Ok(())
}

/// The audit's one row of a provisioning holds the steps as they are.
const fn changes_steps(event: &Event) -> bool {
    match event {
        Event::StepFinished(_)
        | Event::StepFailed(_)
        | Event::StepRetried(_)
        | Event::GatewaysAssigned(_)
        | Event::DeletionRequested(_) => true,
        Event::Created(_)
        | Event::PasswordSet(_)
        | Event::PoliciesAssigned(_)
        | Event::DeviceAdded(_)
        | Event::LoginFailed(_)
        | Event::LoginSucceeded(_)
        | Event::AttemptReserved(_)
        | Event::AttemptRefunded(_)
        | Event::Suspended(_)
        | Event::Resumed(_)
        | Event::Deleted(_)
        | Event::Erased(_) => false,
    }
}

async fn provisioned(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    id: UserId,
) -> Result<(), sqlx::Error> {
    let done = run!(batch, PROVISIONED, int(event.seq), id.to_string())?;
    if done.rows_affected() > 0 {
        batch.changed(event.seq, Topic::Notices, Notice::Provisioned(id));
    }
    Ok(())
}

async fn is_going(batch: &mut Batch<'_>, id: UserId) -> Result<bool, sqlx::Error> {
    let going =
        sqlx::query("SELECT id FROM users WHERE id = $1 AND state IN ('deleting', 'deleted', 'erased')")
            .bind(id.to_string())
            .fetch_optional(&mut *batch.tx)
            .await?;
    Ok(going.is_some())
}

async fn state(batch: &mut Batch<'_>, id: UserId, state: UserState, seq: i64) -> Result<(), sqlx::Error> {
    run!(batch, "UPDATE users SET state = $1, seq = $2 WHERE id = $3", state.as_str(), seq, id.to_string())?;
    Ok(())
}
