use super::{failure::Failure, shown::Shown};
use crate::{
    config::Config,
    keys::{Keys, RootKey, Username},
    keystore::DataKeys,
    log_identity, operators,
    password::Passwords,
    serve,
    state::StateDir,
};
use secrecy::ExposeSecret as _;
use std::{error::Error, path::PathBuf};
use viworks_domain::actor::Origin;
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
}

pub async fn run(command: Command) -> Result<Shown, Failure> {
    let Command::Recover { data, user } = command;
    let name =
        Username::parse(&user).ok_or_else(|| Failure::Usage(format!("{user:?} is no operator's name")))?;
    let config = Config::load(&data)?;
    let password = recover(&data, &config, &name).await.map_err(Failure::Recover)?;
    let Some(password) = password else {
        return Err(Failure::Usage(format!("there is no operator {user:?}")));
    };
    let shown = serde_json::json!({ "user": user, "password": password.expose_secret() });
    let text =
        format!("{user} password: {}\nEvery sign-in with the old one has ended.", password.expose_secret());
    Ok(Shown::new(&shown, text))
}

async fn recover(
    data: &std::path::Path,
    config: &Config,
    name: &Username,
) -> Result<Option<secrecy::SecretString>, Box<dyn Error + Send + Sync>> {
    let state = StateDir::open(data)?;
    let keys = Keys::derive(&RootKey::load(&state)?.0);
    let log = log_identity::read(&state)?;
    let bus = serve::bus(&state, &serve::link(&state, config)?, BusRole::Api).await?;
    let desk = operators::Desk {
        log,
        keys: &keys,
        folds: &Folds::new(EventStore::new(bus.clone())),
        commands: &serve::sender(&bus, Origin::Api, &keys).await?,
        data_keys: &DataKeys::new(key_value::DataKeys::open(&bus).await?, keys.wrapping.clone()),
        passwords: &Passwords::new(keys.pepper.clone(), 1),
    };
    Ok(operators::recover(desk, name).await?)
}
