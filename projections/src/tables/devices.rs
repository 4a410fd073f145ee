use crate::{
    batch::{Batch, run},
    column::{json, millis, word},
    rows::Topic,
};
use viworks_domain::{
    decision::RecordedEvent,
    device::Event,
    ids::{DeviceId, UserId},
    policy::Verdict,
};

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    device: &Event,
) -> Result<(), sqlx::Error> {
    let id = DeviceId(event.decision.aggregate.id);
    let at = millis(event.decision.at);
    match device {
        Event::Offered(e) => {
            run!(
                batch,
                "INSERT INTO devices (id, user_id, state, offered_at) VALUES ($1, $2, 'offered', $3) \
                 ON CONFLICT (id) DO UPDATE SET user_id = $2, state = 'offered', offered_at = $3",
                id.to_string(),
                e.user.to_string(),
                at,
            )?;
        }
        Event::Enrolled(e) => {
            run!(
                batch,
                "UPDATE devices SET state = 'enrolled', protection = $1, enrolled_at = $2 WHERE id = $3",
                word(&e.keys.protection),
                at,
                id.to_string(),
            )?;
        }
        Event::PostureSeen(e) => {
            run!(
                batch,
                "UPDATE devices SET reported_at = $1 WHERE id = $2",
                millis(e.reported_at),
                id.to_string(),
            )?;
        }
        Event::Revoked(_) => {
            run!(batch, "UPDATE devices SET state = 'revoked' WHERE id = $1", id.to_string())?;
        }
    }
    let user: Option<UserId> = batch.owner_of_device(id).await?;
    // Phones are shown with their user.
    if let Some(user) = user {
        batch.changed(event.seq, Topic::Users, user);
    }
    Ok(())
}

/// What a policy found in the phone's last report.
pub async fn judged(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    device: DeviceId,
    verdict: &Verdict,
) -> Result<(), sqlx::Error> {
    run!(batch, "UPDATE devices SET verdict = $1 WHERE id = $2", json(verdict), device.to_string())?;
    if let Some(user) = batch.owner_of_device(device).await? {
        batch.changed(event.seq, Topic::Users, user);
    }
    Ok(())
}
