//! `/v1/gateways/enrol` and `/v1/gateways/credentials`: a gateway takes its place, with keys it made itself.

use crate::{
    app::{App, Asker},
    error::{ApiError, Rejection},
    gateway_accounts::is_bus_user,
};
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest as _, Sha256};
use std::time::Duration;
use viworks_api::gateway::{
    CredentialsRequest, CredentialsResponse, EnrolRequest, EnrolResponse, credentials_input,
};
use viworks_domain::{
    actor::Actor,
    command::WireCommand,
    decision::Refusal as _,
    gateway::{self, Gateway, Identity, Refusal},
    ids::Digest,
};

/// A signed request for credentials is good for this long around its time.
const CREDENTIALS_SKEW: Duration = Duration::from_secs(60);

/// `POST /v1/gateways/enrol`. The token is spent first; what follows from it can be asked for again by the
/// same gateway, and by nobody else.
pub async fn enrol(app: &App, asker: &Asker, request: EnrolRequest) -> Result<EnrolResponse, ApiError> {
    let malformed = |what| ApiError::Rejected(Rejection::Malformed(what));
    let id = request.gateway;
    let secret = request.secret.array::<32>().ok_or_else(|| malformed("secret"))?;
    let report_key = request.report_key.array::<32>().ok_or_else(|| malformed("report_key"))?;
    VerifyingKey::from_bytes(&report_key).map_err(|_| malformed("report_key"))?;
    p256::PublicKey::from_sec1_bytes(&request.opening_key.0).map_err(|_| malformed("opening_key"))?;
    if !is_bus_user(&request.bus_user) {
        return Err(malformed("bus_user"));
    }
    let now = app.now();
    let ca = &app.authorities;
    let tls = ca.gateway.gateway_server(&request.tls_csr.0, id, now).map_err(|_| malformed("tls_csr"))?;
    let vpn = ca.gateway.gateway_server(&request.vpn_csr.0, id, now).map_err(|_| malformed("vpn_csr"))?;
    let bus = ca.bus.bus_client(&request.bus_csr.0, id, now).map_err(|_| malformed("bus_csr"))?;

    let account = app.gateways.account(id).map_err(ApiError::fault("a bus account could not be named"))?;
    let identity = Identity {
        account,
        bus_user: request.bus_user.clone(),
        opening_key: request.opening_key.0.clone(),
        report_key,
        server_key: tls.key,
    };
    let claim = WireCommand::Gateway(gateway::Command::Enrol {
        secret: Digest(Sha256::digest(secret).into()),
        identity: identity.clone(),
    });
    app.ask(&asker.as_actor(Actor::Stranger), id, claim, None).await?;
    let root = app.fold::<Gateway>(id).await?;
    let endpoint = match (&root.state.identity, root.state.endpoint) {
        (Some(standing), Some(endpoint)) if *standing == identity && root.state.is_enrolled() => endpoint,
        _ => return Err(ApiError::Refused(Refusal::TokenUnusable.stored())),
    };
    let account =
        app.gateways.admit(id).await.map_err(ApiError::fault("a gateway's bus account could not be made"))?;
    let bus_jwt = app
        .gateways
        .user(id, &request.bus_user)
        .map_err(ApiError::fault("a gateway's bus credentials could not be minted"))?;
    Ok(EnrolResponse {
        gateway: id,
        log_id: app.log.log_id,
        epoch: app.log.epoch,
        bus_urls: app.config.bus.advertise.clone(),
        account,
        bus_jwt,
        bus_ca: ca.bus.pem().to_owned(),
        bus_certificate: bus.pem,
        tls_certificate: tls.pem,
        vpn_certificate: vpn.pem,
        gateway_ca: ca.gateway.pem().to_owned(),
        session_ca: ca.session.pem().to_owned(),
        root_key: app.trust.root.as_bytes().to_vec().into(),
        keys: app.trust.keys.clone(),
        endpoint,
    })
}

/// `POST /v1/gateways/credentials`: signed with the report key, so that a stolen id alone gets nothing.
pub async fn credentials(app: &App, request: &CredentialsRequest) -> Result<CredentialsResponse, ApiError> {
    let denied = || ApiError::Rejected(Rejection::NotSignedIn);
    let now = app.now();
    if now.since(request.at) > CREDENTIALS_SKEW || request.at.since(now) > CREDENTIALS_SKEW {
        return Err(denied());
    }
    let root = app.fold::<Gateway>(request.gateway).await?;
    let identity = root.state.identity.as_ref().filter(|_| root.state.is_enrolled()).ok_or_else(denied)?;
    let key = VerifyingKey::from_bytes(&identity.report_key).map_err(|_| denied())?;
    let signature = Signature::from_slice(&request.signature.0).map_err(|_| denied())?;
    key.verify_strict(&credentials_input(request.gateway, request.at), &signature).map_err(|_| denied())?;
    let bus_jwt = app
        .gateways
        .user(request.gateway, &identity.bus_user)
        .map_err(ApiError::fault("a gateway's bus credentials could not be minted"))?;
    Ok(CredentialsResponse { bus_jwt })
}
