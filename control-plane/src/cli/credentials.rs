//! Where the command line keeps its token: `$VIWORKS_HOME/credentials`, 0600, refused when wider.

use super::failure::Failure;
use crate::{entropy, state};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use viworks_api::{
    Accepted,
    client::{Ca, Client, IdempotencyKey, LONGEST_WAIT, Newer, PageRequest},
};
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub url: String,
    /// PEM.
    pub ca: String,
    pub token: String,
    /// The newest decision of our own: what is read afterwards is no older.
    #[serde(default)]
    pub seen: u64,
}

impl Credentials {
    /// # Errors
    /// There are none, or others may read them.
    pub fn load() -> Result<Self, Failure> {
        let path = path()?;
        if !path.exists() {
            return Err(Failure::NotSignedIn);
        }
        let bytes = state::read_secret(&path)?;
        serde_json::from_slice(&bytes).map_err(|_| Failure::NotSignedIn)
    }

    pub fn save(&self) -> Result<(), Failure> {
        let path = path()?;
        if let Some(parent) = path.parent() {
            state::StateDir::make(parent)?;
        }
        let bytes = Zeroizing::new(serde_json::to_vec(self).unwrap_or_default());
        state::replace(&path, &bytes)?;
        Ok(())
    }

    pub fn forget() -> Result<(), Failure> {
        let path = path()?;
        match std::fs::remove_file(&path) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::File { verb: "remove", path, source })
            }
            _ => Ok(()),
        }
    }

    pub fn client(&self) -> Result<Client, Failure> {
        let ca = Ca::from_pem(self.ca.as_bytes())?;
        Ok(Client::new(&self.url, &ca)?.with_token(&self.token)?)
    }
}

/// Whoever is signed in, with what they have done last.
pub struct Signed {
    pub api: Client,
    credentials: Credentials,
}

impl Signed {
    pub fn in_() -> Result<Self, Failure> {
        let credentials = Credentials::load()?;
        Ok(Self { api: credentials.client()?, credentials })
    }

    /// Reads that come after show this decision.
    pub fn did(mut self, accepted: &Accepted) -> Result<(), Failure> {
        self.credentials.seen = self.credentials.seen.max(accepted.seq);
        self.credentials.save()
    }

    pub const fn newer(&self) -> Newer {
        Newer { after: self.after(), wait: Some(LONGEST_WAIT) }
    }

    pub const fn page(&self, limit: u32) -> PageRequest {
        PageRequest { after: self.after(), cursor: None, limit: Some(limit) }
    }

    const fn after(&self) -> Option<u64> {
        if self.credentials.seen == 0 { None } else { Some(self.credentials.seen) }
    }
}

/// One act of this command line; asked again inside the client, it is the same act.
pub fn key() -> IdempotencyKey {
    IdempotencyKey::from_random(entropy::bytes())
}

fn path() -> Result<PathBuf, Failure> {
    let home = std::env::var_os("VIWORKS_HOME").map(PathBuf::from).or_else(|| {
        let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
        let config =
            config.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
        config.map(|config| config.join("viworks"))
    });
    match home {
        Some(home) => Ok(home.join("credentials")),
        None => Err(Failure::Usage(
            "set VIWORKS_HOME or HOME, so that there is a place for the credentials".into(),
        )),
    }
}
