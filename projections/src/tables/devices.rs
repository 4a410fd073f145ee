use crate::{
    batch::{Batch, run},
    column::{millis, word},
    rows::Topic,
};
use viworks_domain::{
    decision::RecordedEvent,
    device::Event,
    ids::{DeviceId, UserId},
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
    batch.changed(event.seq, Topic::Devices, id);
    if let Some(user) = user {
        batch.changed(event.seq, Topic::Users, user);
    }
    Ok(())
}
