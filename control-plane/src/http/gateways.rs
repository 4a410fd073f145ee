//! `/v1/gateways`, for operators.

use super::{
    call::{Answer, Call},
    guard::{ManageGateways, Permit, Read},
    reading::{OF_LISTS, OF_ROWS},
    route::Id,
    rows,
};
use crate::{app::App, clock, error::ApiError, keys::OneUse};
use sha2::{Digest as _, Sha256};
use viworks_api::gateway::{EnrolmentToken, GatewayRow, InviteRequest, InviteResponse};
use viworks_domain::{
    command::WireCommand,
    decision::Refusal as _,
    gateway::{Command, INVITATION_LIFETIME, Refusal},
    ids::{Digest, GatewayId},
};

/// `POST /v1/gateways`. Asking again with the same key shows the same token; it still enrols only once.
pub async fn invite(mut call: Call, permit: Permit<ManageGateways>, (): ()) -> Answer {
    let request: InviteRequest = call.json().await?;
    let asker = call.asker(permit.actor())?;
    let app = &call.app;
    let id = GatewayId(app.keys.new_id(asker.command()));
    let secret = app.keys.one_use(OneUse::GatewaySecret, asker.command());
    let command = Command::Invite {
        name: request.name,
        endpoint: request.endpoint,
        secret: Digest(Sha256::digest(secret).into()),
    };
    let expires_at = clock::now().plus(INVITATION_LIFETIME);
    let accepted = app.ask(&asker, id, WireCommand::Gateway(command), None).await?;
    let token = EnrolmentToken {
        url: app.config.public_url.clone(),
        ca: app.authorities.https.fingerprint().0.to_vec().into(),
        gateway: id,
        secret: secret.to_vec().into(),
    };
    call.ok(&InviteResponse { id, token: token.to_text(), expires_at, accepted })
}

/// `POST /v1/gateways/{id}/drain`: it keeps what it has and takes nothing new.
pub async fn drain(mut call: Call, permit: Permit<ManageGateways>, Id(id): Id<GatewayId>) -> Answer {
    call.nothing().await?;
    let asker = call.asker(permit.actor())?;
    let accepted = call.app.ask(&asker, id, WireCommand::Gateway(Command::Drain), None).await?;
    call.ok(&accepted)
}

/// `POST /v1/gateways/{id}/retire`: decided first, then cut off from the bus. Asking again cuts again.
pub async fn retire(mut call: Call, permit: Permit<ManageGateways>, Id(id): Id<GatewayId>) -> Answer {
    call.nothing().await?;
    let asker = call.asker(permit.actor())?;
    let decided = call.app.ask(&asker, id, WireCommand::Gateway(Command::Retire), None).await;
    let retired = match &decided {
        Ok(_) => true,
        Err(ApiError::Refused(refused)) => refused.code == Refusal::Retired.code(),
        Err(_) => false,
    };
    if retired {
        call.app
            .gateways
            .revoke(id)
            .await
            .map_err(ApiError::fault("a gateway could not be cut off the bus"))?;
    }
    call.ok(&decided?)
}

/// `GET /v1/gateways`
pub async fn list(call: Call, _: Permit<Read>, (): ()) -> Answer {
    call.only(&OF_LISTS)?;
    call.caught_up().await?;
    call.rows(call.app.queries.gateways().await?, |row| with_telemetry(&call.app, row))
}

/// `GET /v1/gateways/{id}`
pub async fn show(call: Call, _: Permit<Read>, Id(id): Id<GatewayId>) -> Answer {
    call.only(&OF_ROWS)?;
    call.caught_up().await?;
    let seq = call.app.queries.seq().await?;
    call.row(seq, call.app.queries.gateway(id).await?, |row| with_telemetry(&call.app, row))
}

/// What the gateway says of itself lives in this node's memory, not in the log.
pub fn with_telemetry(app: &App, row: viworks_projections::GatewayRow) -> GatewayRow {
    let telemetry = app.gateways.account(row.id).ok().and_then(|account| app.telemetry.of(&account));
    rows::gateway(row, telemetry)
}
