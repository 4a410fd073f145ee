use crate::{
    batch::{Batch, run},
    column::{Columns, millis, word},
    rows::{Notice, Topic},
};
use viworks_domain::{
    decision::RecordedEvent,
    gateway::{Event, Health},
    ids::GatewayId,
};

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    gateway: &Event,
) -> Result<(), sqlx::Error> {
    let id = GatewayId(event.decision.aggregate.id);
    let at = millis(event.decision.at);
    match gateway {
        Event::Invited(e) => {
            run!(
                batch,
                "INSERT INTO gateways (id, name, state, invited_at) VALUES ($1, $2, 'invited', $3) \
                 ON CONFLICT (id) DO UPDATE SET name = $2, invited_at = $3",
                id.to_string(),
                e.name.as_str(),
                at,
            )?;
        }
        Event::Enrolled(_) => {
            run!(
                batch,
                "UPDATE gateways SET state = 'enrolled', enrolled_at = $1 WHERE id = $2",
                at,
                id.to_string(),
            )?;
        }
        Event::IncarnationSeen(_) => {
            run!(batch, "UPDATE gateways SET started_at = $1 WHERE id = $2", at, id.to_string())?;
        }
        Event::HealthChanged(e) => {
            if let Some(notice) = worth_a_word(batch, id, e.health).await? {
                batch.changed(event.seq, Topic::Notices, notice);
            }
            run!(batch, "UPDATE gateways SET health = $1 WHERE id = $2", word(&e.health), id.to_string())?;
        }
        Event::Draining(_) => {
            run!(batch, "UPDATE gateways SET state = 'draining' WHERE id = $1", id.to_string())?;
        }
        Event::Retired(_) => {
            run!(batch, "UPDATE gateways SET state = 'retired' WHERE id = $1", id.to_string())?;
        }
        // Bookkeeping of the intake: nothing that a person sees changes.
        Event::ReportAccepted(_) => return Ok(()),
    }
    batch.changed(event.seq, Topic::Gateways, id);
    Ok(())
}

/// Down, and up again; what is degraded still works.
async fn worth_a_word(
    batch: &mut Batch<'_>,
    id: GatewayId,
    now: Health,
) -> Result<Option<Notice>, sqlx::Error> {
    let row = sqlx::query("SELECT health FROM gateways WHERE id = $1")
        .bind(id.to_string())
        .fetch_optional(&mut *batch.tx)
        .await?;
    let before = match &row {
        Some(row) => {
            Columns(row).maybe_word::<Health>("health").map_err(|e| sqlx::Error::Decode(e.into()))?
        }
        None => None,
    };
    Ok(match (before, now) {
        (None | Some(Health::Up | Health::Degraded), Health::Down) => Some(Notice::GatewayDown(id)),
        (None | Some(Health::Down), Health::Up) => Some(Notice::GatewayUp(id)),
        _ => None,
    })
}
