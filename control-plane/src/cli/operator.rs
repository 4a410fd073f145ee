use super::{failure::Failure, shown::Shown};
use crate::{
    config::Config,
    error::ApiError,
    keys::{Keys, RootKey, Username},
    keystore::DataKeys,
    log_identity, operators,
    password::Passwords,
    serve,
    state::StateDir,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::{
    error::Error,
    path::{Path, PathBuf},
};
use viworks_domain::{actor::Origin, decision::Refusal as _, operator::Refusal, permission::Role};
use viworks_nats::{event_store::EventStore, folds::Folds, identity::role::BusRole, key_value};

#[derive(clap::Subcommand)]
pub enum Command {
    /// Give an operator a new password, shown once; `viworks serve` must be running on this machine's bus
    Recover {
        /// The state directory of this machine's control plane
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[arg(long, value_name = "NAME", default_value = operators::OWNER)]
        user: String,
    },
    /// Make another operator with a password that is shown once
    Invite {
        /// The state directory of this machine's control plane
        #[arg(long, value_name = "DIR")]
        data: PathBuf,
        #[arg(long, value_name = "NAME")]
        user: String,
        #[arg(long, value_parser = role)]
        role: Role,
    },
}

fn role(text: &str) -> Result<Role, String> {
    match text {
        "owner" => Ok(Role::Owner),
        "viewer" => Ok(Role::Viewer),
        _ => Err("give owner or viewer".to_owned()),
    }
}

pub async fn run(command: Command) -> Result<Shown, Failure> {
    let (data, user, new) = match command {
        Command::Recover { data, user } => (data, user, None),
        Command::Invite { data, user, role } => (data, user, Some(role)),
    };
    let name = Username::parse(&user).ok_or_else(|| {
        Failure::Usage(format!("{user:?} is no operator's name: give ASCII letters and digits"))
    })?;
    let config = Config::load(&data)?;
    let password = at_desk(&data, &config, &name, new).await.map_err(Failure::Desk)?;
    let Some(password) = password else {
        return Err(Failure::Usage(match new {
            Some(_) => format!(
                "there is an operator {user:?} already: `viworks operator recover` gives a new password"
            ),
            None => format!("there is no operator {user:?}"),
        }));
    };
    let shown = serde_json::json!({ "user": name.as_str(), "password": password.expose_secret() });
    let ended = if new.is_none() { "\nEvery sign-in with the old one has ended." } else { "" };
    let text = format!("{} password: {}{ended}", name.as_str(), password.expose_secret());
    Ok(Shown::new(&shown, text))
}

/// Without the API: whoever may read this machine's keys is its administrator. None when there is no such operator,
/// or one already that was to be new.
async fn at_desk(
    data: &Path,
    config: &Config,
    name: &Username,
    new: Option<Role>,
) -> Result<Option<SecretString>, Box<dyn Error + Send + Sync>> {
    let state = StateDir::open(data)?;
    let keys = Keys::derive(&RootKey::load(&state)?.0);
    let bus = serve::bus(&serve::bus_operator(&state)?, &serve::link(&state, config)?, BusRole::Api).await?;
    let desk = operators::Desk {
        log: log_identity::read(&state)?,
        keys: &keys,
        folds: &Folds::new(EventStore::new(bus.clone())),
        commands: &serve::sender(&bus, Origin::Api, &keys).await?,
        data_keys: &DataKeys::new(key_value::DataKeys::open(&bus).await?, keys.wrapping.clone()),
        passwords: &Passwords::new(keys.pepper.clone(), 1),
    };
    if let Some(role) = new {
        match operators::invite(desk, name, role).await {
            Err(ApiError::Refused(refused)) if refused == Refusal::AlreadyExists.stored() => return Ok(None),
            invited => invited?,
        }
    }
    Ok(operators::recover(desk, name).await?)
}
