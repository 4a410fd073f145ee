//! `/v1/devices/enrol` and `/v1/device/*`: the phone.

use super::stage;
use crate::{
    app::{App, Asker},
    entropy,
    error::{ApiError, Rejection},
};
use sha2::{Digest as _, Sha256};
use std::{sync::Arc, time::Duration};
use subtle::ConstantTimeEq;
use viworks_api::{
    Accepted,
    device::{DeviceView, EnrolRequest, EnrolResponse, PostureRequest, WaitingSession},
    token::{Bearer, Token},
};
use viworks_domain::{
    Root,
    actor::Actor,
    command::WireCommand,
    decision::Refusal as _,
    device::{self, Device, DeviceKeys},
    ids::{DeviceId, Digest, SessionId, UserId},
    session::{self, EndReason, Refusal, Session},
    user::User,
};

/// `POST /v1/devices/enrol`. What proves the phone is its signature; `decide` verifies it.
pub async fn enrol(app: &App, asker: &Asker, request: EnrolRequest) -> Result<EnrolResponse, ApiError> {
    let token = Token { bearer: Bearer::Device(request.device), secret: entropy::bytes() };
    let enrol = WireCommand::Device(device::Command::Enrol {
        offer: request.offer,
        secret: request.secret,
        keys: DeviceKeys {
            sign: request.sign_key.0,
            agree: request.agree_key.0,
            protection: request.protection,
        },
        signature: request.signature.0,
        token: Digest(Sha256::digest(token.secret).into()),
    });
    app.ask(&asker.as_actor(Actor::Stranger), request.device, enrol, None).await?;
    let root = app.fold::<Device>(request.device).await?;
    match root.state.user {
        Some(user) if root.state.is_enrolled() => {
            Ok(EnrolResponse { device: request.device, user, token: token.expose() })
        }
        // A copied code: the second phone's claim has revoked both.
        _ => Err(ApiError::Refused(device::Refusal::OfferUnusable.stored())),
    }
}

/// A phone that has shown its token.
pub struct DevicePermit {
    device: DeviceId,
    user: UserId,
}

impl DevicePermit {
    /// # Errors
    /// `NotSignedIn`, whatever was wrong with the token.
    pub async fn check(app: &App, token: &Token) -> Result<Self, ApiError> {
        let denied = ApiError::Rejected(Rejection::NotSignedIn);
        let Bearer::Device(device) = token.bearer else { return Err(denied) };
        let root = app.fold::<Device>(device).await?;
        let given = Sha256::digest(token.secret);
        let fits = root.state.token.is_some_and(|known| bool::from(known.0.ct_eq(given.as_slice())));
        match root.state.user {
            Some(user) if fits && root.state.is_enrolled() => Ok(Self { device, user }),
            _ => Err(denied),
        }
    }
}

/// `GET /v1/device/session?after=&wait=`: the newest sign-in that waits for this phone.
pub async fn view(
    app: &App,
    permit: &DevicePermit,
    after: u64,
    wait: Duration,
) -> Result<DeviceView, ApiError> {
    let deadline = tokio::time::sleep(wait);
    tokio::pin!(deadline);
    let mut head = app.log_head.clone();
    loop {
        head.mark_unchanged();
        let (seq, newest) = newest(app, permit).await?;
        if seq > after {
            return waiting(app, permit, seq, newest).await;
        }
        tokio::select! {
            () = &mut deadline => return waiting(app, permit, seq, newest).await,
            changed = head.changed() => if changed.is_err() {
                return waiting(app, permit, seq, newest).await;
            },
        }
    }
}

type Newest = Option<(SessionId, Arc<Root<Session>>)>;

async fn newest(app: &App, permit: &DevicePermit) -> Result<(u64, Newest), ApiError> {
    let user = app.fold::<User>(permit.user).await?;
    let mut seq = user.last_seq;
    for id in user.state.sessions.iter().rev() {
        let root = app.fold::<Session>(*id).await?;
        seq = seq.max(root.last_seq);
        if root.state.origin.as_ref().is_some_and(|origin| origin.device == permit.device) {
            return Ok((seq, Some((*id, root))));
        }
    }
    Ok((seq, None))
}

async fn waiting(app: &App, permit: &DevicePermit, seq: u64, newest: Newest) -> Result<DeviceView, ApiError> {
    let Some((id, root)) = newest else { return Ok(DeviceView { seq, session: None }) };
    let Some(origin) = &root.state.origin else { return Ok(DeviceView { seq, session: None }) };
    let key =
        app.data_keys.get(permit.user).await.map_err(ApiError::fault("the key store did not answer"))?;
    let from = key.and_then(|key| origin.whereabouts.open(permit.user, &key).ok());
    let session = WaitingSession {
        session: id,
        stage: stage::for_device(&root.state),
        challenge: origin.challenge.to_vec().into(),
        desktop_key: origin.desktop.session_key,
        desktop_name: from.as_ref().map(|from| from.desktop_name.clone()).unwrap_or_default(),
        from: from.map(|from| from.address.to_string()).unwrap_or_default(),
        answer_by: origin.answer_by,
    };
    Ok(DeviceView { seq, session: Some(session) })
}

/// `POST /v1/device/sessions/{id}/posture`.
pub async fn posture(
    app: &App,
    asker: &Asker,
    permit: &DevicePermit,
    session: SessionId,
    request: PostureRequest,
) -> Result<Accepted, ApiError> {
    let record = session::WireCommand::RecordPosture {
        device: permit.device,
        report: request.report.0,
        signature: request.signature.0,
    };
    act(app, asker, permit, session, record).await
}

/// `POST /v1/device/sessions/{id}/code`: another one, the one before is void.
pub async fn another_code(
    app: &App,
    asker: &Asker,
    permit: &DevicePermit,
    session: SessionId,
) -> Result<Accepted, ApiError> {
    act(app, asker, permit, session, session::WireCommand::IssueCode { device: permit.device }).await
}

/// `POST /v1/device/sessions/{id}/deny`: "this is not me".
pub async fn deny(
    app: &App,
    asker: &Asker,
    permit: &DevicePermit,
    session: SessionId,
) -> Result<Accepted, ApiError> {
    let end = session::WireCommand::RequestEnd { reason: EndReason::DeniedOnPhone };
    act(app, asker, permit, session, end).await
}

async fn act(
    app: &App,
    asker: &Asker,
    permit: &DevicePermit,
    session: SessionId,
    body: session::WireCommand,
) -> Result<Accepted, ApiError> {
    let root = app.fold::<Session>(session).await?;
    if root.state.origin.as_ref().is_none_or(|origin| origin.device != permit.device) {
        // Another's session and none at all look the same.
        return Err(ApiError::Refused(Refusal::NotFound.stored()));
    }
    let asker = asker.as_actor(Actor::Device { id: permit.device });
    app.ask(&asker, session, WireCommand::Session(body), None).await
}
