//! The machine's own administrator: the first start makes an owner, and a lost password is replaced on the
//! machine itself, by whoever may read its keys.

use crate::{
    app::{self, Asker},
    entropy,
    error::ApiError,
    keys::{Keys, Username},
    keystore::DataKeys,
    password::Passwords,
};
use data_encoding::BASE32_NOPAD;
use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use viworks_domain::{
    actor::Actor,
    aggregate::LogIdentity,
    command::WireCommand,
    ids::{CorrelationId, Digest, OperatorId},
    operator::{self, OWNER, Operator},
    user::PasswordHash,
};
use viworks_nats::{command_bus::CommandSender, folds::Folds};
use zeroize::Zeroizing;

/// The first start's owner.
pub const NAME: &str = "owner";

/// What it takes, whether the whole control plane runs here or only this command.
#[derive(Clone, Copy)]
pub struct Machine<'a> {
    pub log: LogIdentity,
    pub keys: &'a Keys,
    pub folds: &'a Folds,
    pub commands: &'a CommandSender,
    pub data_keys: &'a DataKeys,
    pub passwords: &'a Passwords,
}

/// A password that was just set; it is shown once and stored nowhere.
pub type Shown = Zeroizing<String>;

/// At the first start, and after one that died in between: the owner exists and has a password. Returns it if
/// it was made now.
///
/// # Errors
/// The bus is away, or a worker refuses.
pub async fn ensure(machine: Machine<'_>) -> Result<Option<Shown>, ApiError> {
    let Some(name) = Username::parse(NAME) else { return Ok(None) };
    let id = machine.keys.operator(&name);
    let root = fold(machine, id).await?;
    if root.version == 0 {
        let invite = operator::Command::Invite { name: NAME.to_owned(), role: OWNER };
        machine.ask(id, invite).await?;
    }
    if fold(machine, id).await?.state.credential_version == 0 {
        return set_password(machine, id).await.map(Some);
    }
    Ok(None)
}

/// A new password for an operator; every sign-in with the old one ends. None when there is no such operator.
///
/// # Errors
/// The bus is away, no worker decides, or the operator is disabled.
pub async fn recover(machine: Machine<'_>, name: &Username) -> Result<Option<Shown>, ApiError> {
    let id = machine.keys.operator(name);
    if fold(machine, id).await?.version == 0 {
        return Ok(None);
    }
    set_password(machine, id).await.map(Some)
}

async fn set_password(machine: Machine<'_>, id: OperatorId) -> Result<Shown, ApiError> {
    // 160 bits in eight groups of four: long, but it can be read aloud and typed.
    let text = BASE32_NOPAD.encode(&entropy::bytes::<20>()).to_ascii_lowercase();
    let groups: Vec<&str> = (0..text.len()).step_by(4).map(|at| &text[at..at + 4]).collect();
    let password = Zeroizing::new(groups.join("-"));
    let hash = machine.passwords.hash(SecretString::from(password.as_str())).await?;
    let digest = digest(&hash);
    machine
        .data_keys
        .keep_operator_password(id, digest, &hash)
        .await
        .map_err(ApiError::fault("an operator's password could not be kept"))?;
    machine.ask(id, operator::Command::SetPassword { password: digest }).await?;
    Ok(password)
}

/// What the log holds of an operator's password.
pub fn digest(hash: &PasswordHash) -> Digest {
    Digest(Sha256::digest(hash.0.as_bytes()).into())
}

async fn fold(
    machine: Machine<'_>,
    id: OperatorId,
) -> Result<std::sync::Arc<viworks_domain::Root<Operator>>, ApiError> {
    machine.folds.fresh::<Operator>(id).await.map_err(ApiError::fault("the log could not be read"))
}

impl Machine<'_> {
    async fn ask(self, id: OperatorId, command: operator::Command) -> Result<(), ApiError> {
        let asker = Asker {
            actor: Actor::Machine,
            correlation: CorrelationId(entropy::bytes()),
            key: entropy::bytes::<16>().to_vec(),
        };
        let body = WireCommand::Operator(command);
        app::ask(self.commands, self.log, &asker, id.into(), body, None).await.map(drop)
    }
}
