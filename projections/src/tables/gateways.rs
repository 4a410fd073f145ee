use crate::{
    batch::{Batch, run},
    column::{millis, word},
    rows::Topic,
};
use viworks_domain::{decision::RecordedEvent, gateway::Event, ids::GatewayId};

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
