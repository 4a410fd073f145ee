use crate::{
    batch::{Batch, run},
    column::{millis, word},
    rows::Topic,
};
use viworks_domain::{decision::RecordedEvent, ids::OperatorId, operator::Event};

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    operator: &Event,
) -> Result<(), sqlx::Error> {
    let id = OperatorId(event.decision.aggregate.id);
    let at = millis(event.decision.at);
    match operator {
        Event::Invited(e) => {
            run!(
                batch,
                "INSERT INTO operators (id, name, role, state, invited_at) \
                 VALUES ($1, $2, $3, 'invited', $4)",
                id.to_string(),
                e.name.as_str(),
                word(&e.role),
                at,
            )?;
        }
        Event::PasswordSet(_) => {
            run!(batch, "UPDATE operators SET state = 'active' WHERE id = $1", id.to_string())?;
        }
        Event::RoleChanged(e) => {
            run!(batch, "UPDATE operators SET role = $1 WHERE id = $2", word(&e.role), id.to_string())?;
        }
        Event::SignedIn(_) => {
            run!(batch, "UPDATE operators SET signed_in_at = $1 WHERE id = $2", at, id.to_string())?;
        }
        Event::Disabled(_) => {
            run!(batch, "UPDATE operators SET state = 'disabled' WHERE id = $1", id.to_string())?;
        }
        // In the audit alone.
        Event::SignInFailed(_) | Event::SignedOut(_) => {}
    }
    batch.changed(event.seq, Topic::Operators, id);
    Ok(())
}
