//! Operators: the first owner, signing in and out, and a lost password.

use crate::{
    app::{self, App, Asker},
    entropy,
    error::{ApiError, Rejection},
    keys::{Keys, OneUse, Username},
    keystore::DataKeys,
    password::Passwords,
};
use data_encoding::BASE32_NOPAD;
use secrecy::{ExposeSecret as _, SecretString};
use std::{net::IpAddr, sync::Arc};
use viworks_api::{
    operator::SignInRequest,
    token::{Bearer, Token},
};
use viworks_domain::{
    Millis, Root,
    actor::Actor,
    aggregate::LogIdentity,
    command::WireCommand,
    ids::{CorrelationId, OperatorId, UserId},
    operator::{Command, Operator},
    permission::Role,
    personal::Personal,
    user::PasswordHash,
};
use viworks_nats::{command_bus::CommandSender, folds::Folds};

/// What it takes to look after operators, whether the whole control plane runs here or one command.
#[derive(Clone, Copy)]
pub struct Desk<'a> {
    pub log: LogIdentity,
    pub keys: &'a Keys,
    pub folds: &'a Folds,
    pub commands: &'a CommandSender,
    pub data_keys: &'a DataKeys,
    pub passwords: &'a Passwords,
}

impl App {
    pub fn desk(&self) -> Desk<'_> {
        Desk {
            log: self.log,
            keys: &self.keys,
            folds: &self.folds,
            commands: &self.commands,
            data_keys: &self.data_keys,
            passwords: &self.passwords,
        }
    }
}

impl Desk<'_> {
    async fn fold(self, operator: OperatorId) -> Result<Arc<Root<Operator>>, ApiError> {
        self.folds.fresh(operator).await.map_err(ApiError::fault("an operator could not be read"))
    }

    async fn ask(self, asker: &Asker, operator: OperatorId, command: Command) -> Result<(), ApiError> {
        let (aggregate, body) = (operator.into(), WireCommand::Operator(command));
        let digest = body.digest(&aggregate);
        app::ask(self.commands, self.log, asker, aggregate, body, digest).await.map(drop)
    }
}

/// The name of the first start's owner.
pub const OWNER: &str = "owner";

/// The key store and `Personal` know people by user id; an operator's data key stands under the operator's.
const fn as_user(operator: OperatorId) -> UserId {
    UserId(operator.0)
}

/// Makes the owner if there is none, and gives the one-time password to print once.
pub async fn ensure_owner(desk: Desk<'_>) -> Result<Option<SecretString>, ApiError> {
    let name = Username::parse(OWNER).ok_or(Rejection::NotFound)?;
    let owner = desk.keys.operator(&name);
    let root = desk.fold(owner).await?;
    // A password is set in a second command: a first start that was killed in between begins here again.
    if root.state.password.is_some() {
        return Ok(None);
    }
    if root.version == 0 {
        invite(desk, &name, Role::Owner).await?;
    }
    set_drawn_password(desk, &machine(), owner).await.map(Some)
}

/// An operator without a password yet.
///
/// # Errors
/// The name has an operator, or the bus is away.
pub async fn invite(desk: Desk<'_>, name: &Username, role: Role) -> Result<(), ApiError> {
    let command = Command::Invite { name: name.as_str().to_owned(), role };
    desk.ask(&machine(), desk.keys.operator(name), command).await
}

/// A new password for an operator, for whoever is on the machine itself; every sign-in with the old one ends.
/// None when there is no operator of that name.
pub async fn recover(desk: Desk<'_>, name: &Username) -> Result<Option<SecretString>, ApiError> {
    let operator = desk.keys.operator(name);
    if desk.fold(operator).await?.version == 0 {
        return Ok(None);
    }
    set_drawn_password(desk, &machine(), operator).await.map(Some)
}

fn machine() -> Asker {
    Asker {
        actor: Actor::Machine,
        correlation: CorrelationId(entropy::bytes()),
        key: entropy::bytes::<16>().to_vec(),
    }
}

async fn set_drawn_password(
    desk: Desk<'_>,
    asker: &Asker,
    operator: OperatorId,
) -> Result<SecretString, ApiError> {
    // 100 bits, in 20 characters that are read aloud and typed without mistakes.
    let mut text = BASE32_NOPAD.encode(&entropy::bytes::<13>()).to_ascii_lowercase();
    text.truncate(20);
    let password = SecretString::from(text);
    set_password(desk, asker, operator, &password).await?;
    Ok(password)
}

/// Sealed before it travels.
async fn set_password(
    desk: Desk<'_>,
    asker: &Asker,
    operator: OperatorId,
    password: &SecretString,
) -> Result<(), ApiError> {
    let hash = desk.passwords.hash(password.clone()).await?;
    let key = desk
        .data_keys
        .create(as_user(operator))
        .await
        .map_err(ApiError::fault("the key store did not answer"))?;
    let password = Personal::seal(&hash, as_user(operator), &key, entropy::bytes());
    desk.ask(&asker.also("password"), operator, Command::SetPassword { password }).await
}

/// Who has just signed in.
pub struct SignedIn {
    pub token: Token,
    pub operator: OperatorId,
    pub name: String,
    pub role: Role,
    pub expires_at: Millis,
}

/// By name and password.
///
/// # Errors
/// `Rejection::SignIn` for a wrong password and an unknown name alike, after the same work.
pub async fn sign_in(
    app: &App,
    asker: &Asker,
    peer: IpAddr,
    request: SignInRequest,
) -> Result<SignedIn, ApiError> {
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
            Ok(SignedIn { token, operator, name: root.state.name.clone(), role, expires_at })
        }
        _ => Err(Rejection::SignIn.into()),
    }
}

/// What is printed once.
pub fn exposed(password: &SecretString) -> &str {
    password.expose_secret()
}
