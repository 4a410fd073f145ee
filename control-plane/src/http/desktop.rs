//! `/v1/desktop/*`: from the password to the bootstrap. Everything a person reads here is neutral.

use super::stage;
use crate::{
    app::{App, Asker},
    entropy,
    error::{ApiError, Rejection},
    keys::Username,
    seal,
};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use p256::pkcs8::DecodePublicKey;
use sha2::{Digest as _, Sha256};
use std::{net::IpAddr, sync::Arc, time::Duration};
use subtle::ConstantTimeEq;
use viworks_api::{
    Accepted,
    desktop::{
        AnswerRequest, AnswerResponse, Bootstrap, BootstrapRequest, DesktopView, OpenRequest, OpenResponse,
        open_input,
    },
    token::{Bearer, Token},
};
use viworks_domain::{
    Root,
    actor::Actor,
    bootstrap::{self, Secrets},
    bytes,
    command::WireCommand,
    decision::Refusal as _,
    directory::Directory,
    gateway::Gateway,
    ids::{AttemptId, BootstrapId, CommandId, Digest, SessionId, UserId},
    label::Label,
    otp::{self, Digits},
    personal::{Personal, Whereabouts},
    policy::Policy,
    session::{self, BOOTSTRAP_LIFETIME, DesktopIdentity, EndReason, Refusal, Session, Stage},
    user::{self, User},
};

/// The worker's clock may be this far ahead of ours without the bootstrap being too long for its rule.
const CLOCK_MARGIN: Duration = Duration::from_secs(2);
/// Container and path have to be made; a gateway that needs longer is not available.
const ADMISSION_WAIT: Duration = Duration::from_secs(25);
/// What a phone shows of a desktop's own name.
const LONGEST_NAME: usize = 64;

/// `POST /v1/desktop/sessions`.
///
/// # Errors
/// `Rejection::SignIn` for a wrong password and an unknown name alike, after the same work.
pub async fn open(
    app: &App,
    asker: &Asker,
    peer: IpAddr,
    request: OpenRequest,
) -> Result<OpenResponse, ApiError> {
    let desktop = desktop_identity(&request)?;
    if request.desktop_name.len() > LONGEST_NAME || request.desktop_name.chars().any(char::is_control) {
        return Err(Rejection::Malformed("desktop_name: give at most 64 bytes of text").into());
    }
    let (user, known) = find(app, &request.username).await?;
    let source = app.keys.address(peer);
    let key = app.data_keys.get(user).await.map_err(ApiError::fault("the key store did not answer"))?;
    let hash = known
        .as_ref()
        .zip(key.as_ref())
        .and_then(|(root, key)| root.state.password.as_ref()?.open(user, key).ok());
    let right = app.passwords.verify(request.password, hash.map(|hash| hash.0)).await?;
    let (Some(root), Some(key), true) = (known, key, right) else {
        // An unknown name makes the same command and the same decision: a refused one on nobody's aggregate.
        let failed = WireCommand::User(user::Command::RecordFailedLogin { source });
        let stranger = asker.as_actor(Actor::Stranger);
        return match app.ask(&stranger, user, failed, None).await {
            Ok(_) | Err(ApiError::Refused(_) | ApiError::Pending(_)) => Err(Rejection::SignIn.into()),
            Err(fault) => Err(fault),
        };
    };

    let session = SessionId(entropy::bytes());
    let token = Token { bearer: Bearer::Session(session), secret: entropy::bytes() };
    let credential_version = root.state.credential_version;
    let asker = asker.as_actor(Actor::User { id: user });
    let login = WireCommand::User(user::Command::RecordLogin { session, credential_version });
    app.ask(&asker.also("login"), user, login, None).await?;
    let whereabouts = Whereabouts { address: peer, desktop_name: request.desktop_name };
    let opening = WireCommand::Session(session::WireCommand::Open {
        user,
        credential_version,
        desktop,
        token: Digest(Sha256::digest(token.secret).into()),
        whereabouts: Personal::seal(&whereabouts, user, &key, entropy::bytes()),
        address: source,
    });
    app.ask(&asker.also("open"), session, opening, None).await?;
    let root = app.fold::<Session>(session).await?;
    Ok(OpenResponse {
        session,
        token: token.expose(),
        seq: root.last_seq,
        view: stage::for_desktop(&root.state),
    })
}

/// The user of that name; for a name that nobody has, an id that stands in for one.
async fn find(app: &App, username: &str) -> Result<(UserId, Option<Arc<Root<User>>>), ApiError> {
    let Some(name) = Username::parse(username) else {
        return Ok((UserId(entropy::bytes()), None));
    };
    let name = app.keys.name(&name);
    let claim = app.fold::<Directory>(name).await?;
    match claim.state.holder {
        Some(user) => Ok((user, Some(app.fold::<User>(user).await?))),
        None => {
            let nobody = UserId(name.0);
            app.fold::<User>(nobody).await?;
            Ok((nobody, None))
        }
    }
}

fn desktop_identity(request: &OpenRequest) -> Result<DesktopIdentity, ApiError> {
    const BAD: ApiError = ApiError::Rejected(Rejection::Malformed("session_key, install_key or signature"));
    let install = VerifyingKey::from_public_key_der(&request.install_key.0).map_err(|_| BAD)?;
    VerifyingKey::from_public_key_der(&request.session_key.0).map_err(|_| BAD)?;
    let signature = Signature::from_slice(&request.signature.0).map_err(|_| BAD)?;
    let input = open_input(&request.session_key.0, &request.install_key.0);
    install.verify(&input, &signature).map_err(|_| BAD)?;
    Ok(DesktopIdentity {
        session_key: Digest(Sha256::digest(&request.session_key.0).into()),
        install_key: Digest(Sha256::digest(&request.install_key.0).into()),
    })
}

/// A desktop that has shown the token of this session.
pub struct DesktopPermit {
    session: SessionId,
    root: Arc<Root<Session>>,
}

impl DesktopPermit {
    /// # Errors
    /// `NotSignedIn`, whatever was wrong with the token.
    pub async fn check(app: &App, token: &Token, session: SessionId) -> Result<Self, ApiError> {
        let denied = ApiError::Rejected(Rejection::NotSignedIn);
        if token.bearer != Bearer::Session(session) {
            return Err(denied);
        }
        let root = app.fold::<Session>(session).await?;
        let given = Sha256::digest(token.secret);
        let fits = root.state.origin.as_ref().is_some_and(|o| bool::from(o.token.0.ct_eq(given.as_slice())));
        if fits { Ok(Self { session, root }) } else { Err(denied) }
    }

    /// Reading why a session is over is all that its token is still good for.
    fn live(&self) -> Result<&session::Origin, ApiError> {
        match &self.root.state.origin {
            Some(origin) if self.root.state.token_is_live() => Ok(origin),
            _ => Err(ApiError::Refused(Refusal::Over.stored())),
        }
    }
}

/// `GET /v1/desktop/sessions/{id}?after=&wait=`.
pub async fn view(
    app: &App,
    permit: &DesktopPermit,
    after: u64,
    wait: Duration,
) -> Result<DesktopView, ApiError> {
    let root = app.fold_after::<Session>(permit.session, after, wait).await?;
    Ok(DesktopView { seq: root.last_seq, stage: stage::for_desktop(&root.state) })
}

/// `POST /v1/desktop/sessions/{id}/answer`. The user's attempt is paid before the code is judged.
pub async fn answer(
    app: &App,
    asker: &Asker,
    permit: &DesktopPermit,
    request: &AnswerRequest,
) -> Result<AnswerResponse, ApiError> {
    let origin = permit.live()?;
    let digits = Digits::parse(&request.code)
        .map_err(|_| Rejection::Malformed("code: type the six digits that the phone shows"))?;
    let code = match &permit.root.state.stage {
        Stage::CodeIssued(Some(code)) => code.id,
        // Expired in between: nothing is judged and nothing is paid.
        Stage::CodeIssued(None) => return answered(app, permit.session).await,
        _ => return Err(ApiError::Refused(Refusal::NotNow.stored())),
    };
    let correlation = permit.root.correlation.unwrap_or(asker.correlation);
    let asker = Asker { correlation, ..asker.as_actor(Actor::User { id: origin.user }) };
    let attempt = AttemptId(CommandId::of_request(&asker.actor, &asker.key).0);
    let reserve = user::Command::ReserveAttempt { attempt, session: permit.session, code };
    app.ask(&asker.also("reserve"), origin.user, WireCommand::User(reserve), None).await?;
    let mac =
        otp::mac(&app.keys.otp, permit.session, origin.device, code, origin.desktop.session_key, &digits);
    let judge = WireCommand::Session(session::WireCommand::Answer { code, mac, attempt });
    app.ask(&asker.also("answer"), permit.session, judge, None).await?;
    answered(app, permit.session).await
}

async fn answered(app: &App, session: SessionId) -> Result<AnswerResponse, ApiError> {
    let root = app.fold::<Session>(session).await?;
    Ok(AnswerResponse {
        seq: root.last_seq,
        verified: matches!(root.state.stage, Stage::Verified(_)),
        stage: stage::for_desktop(&root.state),
    })
}

/// `POST /v1/desktop/sessions/{id}/bootstrap`. The secrets are made here, travel sealed to the gateway, and are
/// released to the desktop once the gateway has confirmed; no copy is kept.
pub async fn bootstrap(
    app: &App,
    asker: &Asker,
    peer: IpAddr,
    permit: &DesktopPermit,
    request: &BootstrapRequest,
) -> Result<Bootstrap, ApiError> {
    let origin = permit.live()?;
    let Stage::Verified(verified) = &permit.root.state.stage else {
        return Err(ApiError::Refused(Refusal::NotNow.stored()));
    };
    let gateway = app.fold::<Gateway>(origin.gateway).await?;
    let (Some(identity), Some(endpoint)) = (&gateway.state.identity, gateway.state.endpoint) else {
        return Err(Rejection::GatewayUnavailable.into());
    };
    let now = app.now();
    let issued = app
        .authorities
        .session
        .session_client(&request.csr.0, permit.session, now, verified.ends_at)
        .map_err(|_| Rejection::Malformed("csr: not a request for this session's key"))?;
    if issued.key != origin.desktop.session_key {
        return Err(ApiError::Refused(Refusal::OtherKey.stored()));
    }

    let id = BootstrapId(entropy::bytes());
    let use_before = now.plus(BOOTSTRAP_LIFETIME - CLOCK_MARGIN);
    let secrets = Secrets { spa_key: entropy::bytes(), path: entropy::bytes(), client_address: peer };
    let aad = bootstrap::sealed_aad(origin.gateway, permit.session, id, use_before);
    let plain = zeroize::Zeroizing::new(bytes::encode(&secrets));
    let sealed = seal::seal(&identity.opening_key, Label::SealBootstrap, &aad, &plain)
        .map_err(ApiError::fault("a bootstrap could not be sealed"))?;
    let issue = WireCommand::Session(session::WireCommand::IssueBootstrap(session::Bootstrap {
        bootstrap: id,
        sealed,
        certificate: issued.fingerprint,
        session_key: issued.key,
        address: app.keys.address(peer),
        use_before,
    }));
    let asker = asker.as_actor(Actor::User { id: origin.user });
    app.ask(&asker, permit.session, issue, None).await?;

    // Released only when the gateway holds everything ready: a knock that comes too early is a lost second.
    let root = app
        .fold_until::<Session>(permit.session, ADMISSION_WAIT, |root| match &root.state.stage {
            Stage::Verified(v) => v
                .bootstrap
                .as_ref()
                .is_some_and(|b| b.id != id || b.admitted.is_some() || b.refused.is_some() || b.expired),
            _ => true,
        })
        .await?;
    let Stage::Verified(verified) = &root.state.stage else {
        return Err(ApiError::Refused(Refusal::Over.stored()));
    };
    let admitted = verified.bootstrap.as_ref().filter(|b| b.id == id && !b.expired).and_then(|b| b.admitted);
    let address = admitted.ok_or(Rejection::GatewayUnavailable)?;
    let policy = app.fold::<Policy>(origin.policy.id).await?;
    let resources =
        policy.state.document.iter().flat_map(|d| &d.resources).map(|r| r.label.clone()).collect();
    Ok(Bootstrap {
        bootstrap: id,
        gateway: origin.gateway,
        gateway_address: endpoint.address,
        spa_port: endpoint.spa_port,
        tls_port: endpoint.tls_port,
        gateway_key: identity.server_key,
        spa_key: secrets.spa_key.to_vec().into(),
        client_address: peer,
        certificate: issued.pem,
        gateway_ca: app.authorities.gateway.pem().to_owned(),
        address,
        page: format!(
            "http://{}/s/{}/",
            bootstrap::gateway_in_tunnel(address),
            bootstrap::path_text(&secrets.path)
        ),
        resources,
        server_time: app.now(),
        use_before,
        ends_at: verified.ends_at,
    })
}

/// `POST /v1/desktop/sessions/{id}/sign-out`.
pub async fn sign_out(app: &App, asker: &Asker, permit: &DesktopPermit) -> Result<Accepted, ApiError> {
    let origin = permit.live()?;
    let asker = asker.as_actor(Actor::User { id: origin.user });
    let end = WireCommand::Session(session::WireCommand::RequestEnd { reason: EndReason::SignedOut });
    app.ask(&asker, permit.session, end, None).await
}
