//! What a connection proves itself with: a user's nkey and the JWT that an account issued for it.

use super::nkey::{InvalidSeed, KeyPair, Kind};
use futures_util::future::BoxFuture;
use std::{fmt, sync::Arc};

/// No JWT could be had; connecting is tried again later.
#[derive(Debug, thiserror::Error)]
#[error("no bus credential could be had: {0}")]
pub struct NotMinted(pub String);

/// Gives a valid JWT for the user; asked at every connect, so that short-lived ones are renewed.
pub type Mint = Arc<dyn Fn() -> BoxFuture<'static, Result<String, NotMinted>> + Send + Sync>;

#[derive(Clone)]
pub struct Credentials {
    pub user: KeyPair,
    pub mint: Mint,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credentials({})", self.user.public())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCredentials {
    #[error("a credentials file holds a JWT and a user seed")]
    Incomplete,
    #[error(transparent)]
    Seed(#[from] InvalidSeed),
}

impl Credentials {
    /// A JWT that stays as it is.
    pub fn fixed(user: KeyPair, jwt: String) -> Self {
        Self {
            user,
            mint: Arc::new(move || {
                let jwt = jwt.clone();
                Box::pin(async move { Ok(jwt) })
            }),
        }
    }

    /// From the text of a `.creds` file, as NATS' own tools write it.
    pub fn from_text(text: &str) -> Result<Self, InvalidCredentials> {
        let after = |mark: &str| {
            let mut lines = text.lines().skip_while(move |line| !line.contains(mark)).skip(1);
            lines.next().map(str::trim).filter(|line| !line.is_empty())
        };
        let jwt = after("BEGIN NATS USER JWT").ok_or(InvalidCredentials::Incomplete)?;
        let seed = after("BEGIN USER NKEY SEED").ok_or(InvalidCredentials::Incomplete)?;
        Ok(Self::fixed(KeyPair::from_seed(Kind::User, seed)?, jwt.to_owned()))
    }
}

/// The text of a `.creds` file.
pub fn to_text(user: &KeyPair, jwt: &str) -> zeroize::Zeroizing<String> {
    zeroize::Zeroizing::new(format!(
        "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
         -----BEGIN USER NKEY SEED-----\n{}\n------END USER NKEY SEED------\n",
        user.seed().as_str()
    ))
}
