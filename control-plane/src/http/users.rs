//! `/v1/users`, for operators.

use super::{
    call::{Answer, Call},
    guard::{ManageUsers, Permit, Read},
    own_policy::OwnPolicy,
    reading::{OF_LISTS, OF_ROWS},
    route::Id,
    rows,
};
use crate::{
    app::{App, Asker},
    clock, entropy,
    error::{ApiError, Rejection},
    keys::{Keys, OneUse, Username},
    password,
};
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use viworks_api::{
    Accepted, Created,
    device::EnrolmentPayload,
    user::{CreateRequest, Instead, PhoneOffer, RetryStepRequest},
};
use viworks_domain::{
    aggregate::Known,
    bytes,
    command::WireCommand,
    decision::Refusal as _,
    device::{self, Device, OFFER_LIFETIME, Phase},
    directory::Directory,
    gateway::{self, Gateway},
    ids::{DeviceId, Digest, GatewayId, OfferId, PolicyId, UserId},
    personal::{Personal, Profile},
    policy::{self, Policy},
    user::{self, Command, User},
};
use viworks_projections::UserFilter;

/// What one user may be given; more is a mistake.
const MOST_ASSIGNED: usize = 16;

/// `POST /v1/users`. The route seals what is personal; the log never sees it open.
pub async fn create(mut call: Call, permit: Permit<ManageUsers>, (): ()) -> Answer {
    let mut request: CreateRequest = call.json().await?;
    let asker = call.asker(permit.actor())?;
    let app = &call.app;
    let Some(username) = Username::parse(&request.username) else {
        return Err(Rejection::Malformed(
            "username: give 1 to 64 ASCII letters, digits, dots, underscores or hyphens, beginning with a letter \
             or digit",
        )
        .into());
    };
    let digest = digest_of(&app.keys, &username, &request);
    let own = match request.instead.take().filter(|instead| *instead != Instead::default()) {
        Some(instead) => Some(OwnPolicy::new(app, &asker, digest, &permit.also()?, &request, instead)?),
        None => None,
    };
    let id = UserId(app.keys.new_id(asker.command()));
    let accepted = make(app, &asker, id, &username, request, own.as_ref(), digest).await?;
    if let Some(own) = &own {
        own.activate(app, id).await?;
    }
    call.ok(&Created { id, accepted })
}

/// What was asked, without what the route draws at random.
pub fn digest_of(keys: &Keys, username: &Username, request: &CreateRequest) -> Digest {
    let CreateRequest { username: _, password, policies, gateways, instead } = request;
    let asked = (b"user.create", username.as_str(), password, policies, gateways, instead);
    keys.request_digest(&bytes::encode(&asked))
}

async fn make(
    app: &App,
    asker: &Asker,
    id: UserId,
    username: &Username,
    request: CreateRequest,
    own: Option<&OwnPolicy>,
    digest: Digest,
) -> Result<Accepted, ApiError> {
    let password = SecretString::from(request.password);
    if let Some(what) = password::unfit(&password, password::SHORTEST_FOR_USERS) {
        return Err(ApiError::Unreadable(what));
    }
    let name = app.keys.name(username);
    let mut policies = request.policies;
    // What was decided once is answered as it was, whatever has become of policies, gateways and names since.
    let is_new = app.fold::<User>(id).await?.known(&asker.command(), &digest) == Known::New;
    if is_new {
        assignable(app, &policies, &request.gateways).await?;
        // The claim is the directory step's business; this only spares the admin a user that cannot come to be.
        let holder = app.fold::<Directory>(name).await?.state.holder;
        if holder.is_some_and(|holder| holder != id) {
            return Err(Rejection::NameTaken.into());
        }
    }
    let hash = app.passwords.hash(password).await?;
    let key = app.data_keys.create(id).await.map_err(ApiError::fault("a data key could not be made"))?;
    if let Some(own) = own.filter(|_| is_new) {
        policies = vec![own.draft(app, username.as_str()).await?];
    }
    let profile = Profile { username: username.as_str().to_owned() };
    let command = Command::Create {
        name,
        profile: Personal::seal(&profile, id, &key, entropy::bytes()),
        password: Personal::seal(&hash, id, &key, entropy::bytes()),
        policies,
        gateways: request.gateways,
    };
    app.ask(asker, id, WireCommand::User(command), Some(digest)).await
}

/// Policies and gateways that are there; what is wrong is said before anything exists.
async fn assignable(app: &App, policies: &[PolicyId], gateways: &[GatewayId]) -> Result<(), ApiError> {
    if policies.len() > MOST_ASSIGNED || gateways.len() > MOST_ASSIGNED {
        return Err(Rejection::Malformed("give at most 16 policies and 16 gateways").into());
    }
    for id in policies {
        if app.fold::<Policy>(*id).await?.version == 0 {
            return Err(ApiError::Refused(policy::Refusal::NotFound.stored()));
        }
    }
    for id in gateways {
        match app.fold::<Gateway>(*id).await?.state.phase {
            gateway::Phase::Absent => return Err(ApiError::Refused(gateway::Refusal::NotFound.stored())),
            gateway::Phase::Retired => return Err(ApiError::Refused(gateway::Refusal::Retired.stored())),
            gateway::Phase::Invited | gateway::Phase::Enrolled | gateway::Phase::Draining => {}
        }
    }
    Ok(())
}

/// `POST /v1/users/{id}/retry-step`
pub async fn retry_step(mut call: Call, permit: Permit<ManageUsers>, id: Id<UserId>) -> Answer {
    let request: RetryStepRequest = call.json().await?;
    act(call, &permit, id, Command::RetryStep { step: request.step }).await
}

/// `POST /v1/users/{id}/suspend`
pub async fn suspend(mut call: Call, permit: Permit<ManageUsers>, id: Id<UserId>) -> Answer {
    call.nothing().await?;
    act(call, &permit, id, Command::Suspend).await
}

/// `POST /v1/users/{id}/resume`
pub async fn resume(mut call: Call, permit: Permit<ManageUsers>, id: Id<UserId>) -> Answer {
    call.nothing().await?;
    act(call, &permit, id, Command::Resume).await
}

async fn act(mut call: Call, permit: &Permit<ManageUsers>, Id(id): Id<UserId>, command: Command) -> Answer {
    let asker = call.asker(permit.actor())?;
    let accepted = call.app.ask(&asker, id, WireCommand::User(command), None).await?;
    call.ok(&accepted)
}

/// `POST /v1/users/{id}/phone`: what the QR code holds. A new offer voids the one before: as long as no phone
/// has used it, it is the same device that is offered again.
pub async fn offer_phone(mut call: Call, permit: Permit<ManageUsers>, Id(user): Id<UserId>) -> Answer {
    call.nothing().await?;
    let asker = call.asker(permit.actor())?;
    let app = &call.app;
    let root = app.fold::<User>(user).await?;
    match root.state.status() {
        None => return Err(ApiError::Refused(user::Refusal::NotFound.stored())),
        Some(user::Status::Deleting | user::Status::Deleted | user::Status::Erased) => {
            return Err(ApiError::Refused(user::Refusal::Gone.stored()));
        }
        Some(user::Status::Provisioning | user::Status::Active | user::Status::Suspended) => {}
    }
    let command = asker.command();
    let device = match waiting_device(app, &root.state.devices).await? {
        Some(device) => device,
        None => DeviceId(app.keys.new_id(command)),
    };
    let mut offer = [0; 16];
    offer.copy_from_slice(&app.keys.one_use(OneUse::PhoneOffer, command)[..16]);
    let offer = OfferId(offer);
    let secret = app.keys.one_use(OneUse::PhoneSecret, command);
    let expires_at = clock::now().plus(OFFER_LIFETIME);
    let offering = device::Command::Offer { user, offer, secret: Digest(Sha256::digest(secret).into()) };
    app.ask(&asker, device, WireCommand::Device(offering), None).await?;
    let add = WireCommand::User(Command::AddDevice { device });
    let accepted = app.ask(&asker.also("add"), user, add, None).await?;
    let payload = EnrolmentPayload {
        url: app.config.public_url.clone(),
        ca: app.authorities.https.fingerprint().0.to_vec().into(),
        device,
        offer,
        secret: secret.to_vec().into(),
    };
    call.ok(&PhoneOffer { device, payload: payload.to_text(), expires_at, accepted })
}

/// The user's device that was offered and has not been enrolled.
async fn waiting_device(app: &App, devices: &[DeviceId]) -> Result<Option<DeviceId>, ApiError> {
    for device in devices.iter().rev() {
        if app.fold::<Device>(*device).await?.state.phase == Phase::Offered {
            return Ok(Some(*device));
        }
    }
    Ok(None)
}

/// `GET /v1/users?text=&state=&policy=&gateway=`
pub async fn list(call: Call, _: Permit<Read>, (): ()) -> Answer {
    call.only(&[OF_LISTS.as_slice(), &["text", "state", "policy", "gateway"]].concat())?;
    call.caught_up().await?;
    let filter = UserFilter {
        id: None,
        text: call.query("text")?,
        state: call.word("state")?.map(rows::user_state),
        policy: call.query("policy")?,
        gateway: call.query("gateway")?,
    };
    call.rows(call.app.queries.users(&filter, &call.page()?).await?, rows::user)
}

/// `GET /v1/users/{id}`
pub async fn show(call: Call, _: Permit<Read>, Id(id): Id<UserId>) -> Answer {
    call.only(&OF_ROWS)?;
    call.caught_up().await?;
    let seq = call.app.queries.seq().await?;
    call.row(seq, call.app.queries.user(id).await?, rows::user)
}
