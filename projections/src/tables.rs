//! One file per table: how each event changes its rows. Every event of a table's aggregate stands in its match,
//! so that a new one does not compile until each table has decided about it.

pub mod alerts;
pub mod audit;
pub mod devices;
pub mod gateways;
pub mod operators;
pub mod policies;
pub mod sessions;
pub mod user_steps;
pub mod users;

use crate::{batch::Batch, error::ProjectError};
use viworks_domain::{
    decision::{Recorded, RecordedEvent},
    event::AnyEvent,
};

pub async fn project(batch: &mut Batch<'_>, recorded: &Recorded) -> Result<(), ProjectError> {
    let events =
        recorded.events().map_err(|source| ProjectError::Unreadable { seq: recorded.seq, source })?;
    for event in &events {
        project_event(batch, event).await?;
        alerts::project(batch, event).await?;
        audit::project(batch, event).await?;
    }
    audit::project_outcome(batch, recorded).await?;
    alerts::project_outcome(batch, recorded).await?;
    Ok(())
}

async fn project_event(batch: &mut Batch<'_>, event: &RecordedEvent<'_>) -> Result<(), ProjectError> {
    match &event.event {
        // A name's claim shows as its user's directory step.
        AnyEvent::Directory(_) => {}
        AnyEvent::User(e) => {
            user_steps::project(batch, event, e).await?;
            users::project(batch, event, e).await?;
        }
        AnyEvent::Device(e) => devices::project(batch, event, e).await?,
        AnyEvent::Policy(e) => policies::project(batch, event, e).await?,
        AnyEvent::Gateway(e) => gateways::project(batch, event, e).await?,
        AnyEvent::Session(e) => sessions::project(batch, event, e).await?,
        AnyEvent::Operator(e) => operators::project(batch, event, e).await?,
    }
    Ok(())
}
