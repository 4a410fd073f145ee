//! Operators: the first owner, signing in and out, and a lost password.

use crate::{
    app::{App, Asker},
    entropy,
    error::{ApiError, Rejection},
    keys::{OneUse, Username},
};
use data_encoding::BASE32_NOPAD;
use secrecy::{ExposeSecret as _, SecretString};
use std::net::IpAddr;
use viworks_api::{
    operator::{SignInRequest, SignInResponse},
    token::{Bearer, Token},
};
use viworks_domain::{
    actor::Actor,
    command::WireCommand,
    ids::{CorrelationId, OperatorId, UserId},
    operator::{Command, Operator},
    permission::Role,
    personal::Personal,
    user::PasswordHash,
};

/// The name of the first start's owner.
pub const OWNER: &str = "owner";

/// The key store and `Personal` know people by user id; an operator's data key stands under the operator's.
const fn as_user(operator: OperatorId) -> UserId {
    UserId(operator.0)
}

/// Makes the owner if there is none, and gives the one-time password to print once.
pub async fn ensure_owner(app: &App) -> Result<Option<SecretString>, ApiError> {
    let owner = owner(app)?;
    let root = app.fold::<Operator>(owner).await?;
    // A password is set in a second command: a first start that was killed in between begins here again.
    if root.state.password.is_some() {
        return Ok(None);
    }
    let asker = machine();
    if root.version == 0 {
        let invite = Command::Invite { name: OWNER.to_owned(), role: Role::Owner };
        app.ask(&asker.also("invite"), owner, WireCommand::Operator(invite), None).await?;
    }
    set_drawn_password(app, &asker, owner).await.map(Some)
}

/// A new password for the owner, for whoever is on the machine itself. Every sign-in of the owner ends.
pub async fn recover_owner(app: &App) -> Result<SecretString, ApiError> {
    let owner = owner(app)?;
    set_drawn_password(app, &machine(), owner).await
}

fn owner(app: &App) -> Result<OperatorId, ApiError> {
    let name = Username::parse(OWNER).ok_or(Rejection::NotFound)?;
    Ok(app.keys.operator(&name))
}

fn machine() -> Asker {
    Asker {
        actor: Actor::Machine,
        correlation: CorrelationId(entropy::bytes()),
        key: entropy::bytes::<16>().to_vec(),
    }
}

async fn set_drawn_password(app: &App, asker: &Asker, operator: OperatorId) -> Result<SecretString, ApiError> {
    // 100 bits, in 20 characters that are read aloud and typed without mistakes.
    let mut text = BASE32_NOPAD.encode(&entropy::bytes::<13>()).to_ascii_lowercase();
    text.truncate(20);
    let password = SecretString::from(text);
    set_password(app, asker, operator, &password).await?;
    Ok(password)
}

/// Sealed before it travels.
pub async fn set_password(
    app: &App,
    asker: &Asker,
    operator: OperatorId,
    password: &SecretString,
) -> Result<(), ApiError> {
    let hash = app.passwords.hash(password.clone()).await?;
    let key = app
        .data_keys
        .create(as_user(operator))
        .await
        .map_err(ApiError::fault("the key store did not answer"))?;
    let password = Personal::seal(&hash, as_user(operator), &key, entropy::bytes());
    let set = WireCommand::Operator(Command::SetPassword { password });
    app.ask(&asker.also("password"), operator, set, None).await?;
    Ok(())
}

/// `POST /v1/operator/sign-in`.
///
/// # Errors
/// `Rejection::SignIn` for a wrong password and an unknown name alike, after the same work.
pub async fn sign_in(
    app: &App,
    asker: &Asker,
    peer: IpAddr,
    request: SignInRequest,
) -> Result<SignInResponse, ApiError> {
    let operator = match Username::parse(&request.name) {
        Some(name) => app.keys.operator(&name),
        None => OperatorId(entropy::bytes()),
    };
    let root = app.fold::<Operator>(operator).await?;
    let key = app
        .data_keys
        .get(as_user(operator))
        .await
        .map_err(ApiError::fault("the key store did not answer"))?;
    let hash: Option<PasswordHash> = key
        .as_ref()
        .zip(root.state.password.as_ref())
        .and_then(|(key, sealed)| sealed.open(as_user(operator), key).ok());
    let right = app.passwords.verify(request.password, hash.map(|hash| hash.0)).await?;
    let asker = asker.as_actor(Actor::Stranger);
    if !right || root.state.disabled {
        let source = app.keys.address(peer);
        let failed = WireCommand::Operator(Command::RecordFailedSignIn { source });
        return match app.ask(&asker.also("failed"), operator, failed, None).await {
            Ok(_) | Err(ApiError::Refused(_) | ApiError::Pending(_)) => Err(Rejection::SignIn.into()),
            Err(fault) => Err(fault),
        };
    }
    // The same for the same request: an answer that was lost can be asked for again.
    let secret = app.keys.one_use(OneUse::OperatorToken, asker.command());
    let token = Token { bearer: Bearer::Operator(operator), secret };
    let digest = crate::http::token_digest(&token);
    let credential_version = root.state.credential_version;
    let sign_in = WireCommand::Operator(Command::SignIn { credential_version, token: digest });
    app.ask(&asker, operator, sign_in, None).await?;
    let root = app.fold::<Operator>(operator).await?;
    let live = root.state.live(app.now()).find(|live| live.token == digest).map(|live| live.expires_at);
    match (root.state.standing_role(), live) {
        (Some(role), Some(expires_at)) => {
            Ok(SignInResponse { token: token.expose(), operator, role, expires_at })
        }
        _ => Err(Rejection::SignIn.into()),
    }
}

/// What is printed once.
pub fn exposed(password: &SecretString) -> &str {
    password.expose_secret()
}
