//! `/v1/commands/{id}`: what became of a command whose answer was 202, from the log.

use super::{
    call::{Answer, Call},
    guard::{BeSignedIn, Permit},
    route::Id,
};
use crate::{
    app::App,
    asked::Asked,
    error::{ApiError, Rejection},
};
use viworks_api::Accepted;
use viworks_domain::{
    Aggregate, aggregate::Known, decision::Outcome, device::Device, directory::Directory,
    event::AggregateKind, gateway::Gateway, ids::CommandId, operator::Operator, policy::Policy,
    session::Session, user::User,
};

/// Ids are unguessable hashes of who asked and their key, so knowing one is the right to ask.
pub async fn outcome(call: Call, _: Permit<BeSignedIn>, Id(command): Id<CommandId>) -> Answer {
    let asked = call.app.asked.of(command).ok_or(Rejection::NotFound)?;
    let known = match asked.aggregate.kind {
        AggregateKind::Directory => known::<Directory>(&call.app, command, asked).await?,
        AggregateKind::User => known::<User>(&call.app, command, asked).await?,
        AggregateKind::Device => known::<Device>(&call.app, command, asked).await?,
        AggregateKind::Policy => known::<Policy>(&call.app, command, asked).await?,
        AggregateKind::Gateway => known::<Gateway>(&call.app, command, asked).await?,
        AggregateKind::Session => known::<Session>(&call.app, command, asked).await?,
        AggregateKind::Operator => known::<Operator>(&call.app, command, asked).await?,
    };
    match known {
        Known::New => Err(ApiError::Pending(command)),
        Known::Reused => Err(Rejection::NotFound.into()),
        Known::Decided { outcome: Outcome::Accepted, seq } => {
            call.ok(&Accepted { command, correlation: asked.correlation, seq })
        }
        Known::Decided { outcome: Outcome::Refused(refused), .. } => Err(ApiError::Refused(refused)),
        Known::Decided { outcome: Outcome::Expired, .. } => Err(Rejection::Unavailable.into()),
    }
}

async fn known<A: Aggregate>(app: &App, command: CommandId, asked: Asked) -> Result<Known, ApiError> {
    Ok(app.fold::<A>(asked.aggregate).await?.known(&command, &asked.digest))
}
