use crate::{
    batch::{Batch, run},
    column::{json, millis},
    rows::Topic,
};
use viworks_domain::{
    decision::RecordedEvent,
    ids::PolicyId,
    policy::{Document, Event},
};

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    policy: &Event,
) -> Result<(), sqlx::Error> {
    let id = PolicyId(event.decision.aggregate.id);
    let at = millis(event.decision.at);
    match policy {
        Event::Drafted(e) => version(batch, id, 1, &e.document, at).await?,
        Event::Changed(e) => version(batch, id, e.version, &e.document, at).await?,
        Event::Activated(_) => state(batch, id, "active", at).await?,
        Event::Retired(_) => state(batch, id, "retired", at).await?,
    }
    batch.changed(event.seq, Topic::Policies, id);
    Ok(())
}

/// A new version leaves the policy as it stands: a draft, or active.
async fn version(
    batch: &mut Batch<'_>,
    id: PolicyId,
    version: u32,
    document: &Document,
    at: i64,
) -> Result<(), sqlx::Error> {
    run!(
        batch,
        "INSERT INTO policies (id, name, version, state, document, changed_at) \
         VALUES ($1, $2, $3, 'draft', $4, $5) \
         ON CONFLICT (id) DO UPDATE SET name = $2, version = $3, document = $4, changed_at = $5",
        id.to_string(),
        document.name.as_str(),
        i64::from(version),
        json(document),
        at,
    )?;
    Ok(())
}

async fn state(batch: &mut Batch<'_>, id: PolicyId, state: &'static str, at: i64) -> Result<(), sqlx::Error> {
    run!(batch, "UPDATE policies SET state = $1, changed_at = $2 WHERE id = $3", state, at, id.to_string(),)?;
    Ok(())
}
