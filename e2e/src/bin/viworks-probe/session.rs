//! Sign-in, code and bootstrap, by the typed client, one request at a time.

use super::{Fault, door::Offer, entropy};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use std::path::Path;
use viworks_api::{
    client::{ApiError, Client, IdempotencyKey, OpenSession},
    desktop::{AnswerRequest, BootstrapRequest, OpenRequest},
};
use viworks_desktop::connect::identity::{InstallKey, SessionKey, install_key};

/// A person at an installation.
pub struct Desk {
    client: Client,
    user: String,
    password: SecretString,
    install: InstallKey,
}

/// One sign-in.
pub struct Session {
    open: OpenSession,
    key: SessionKey,
}

fn fresh() -> IdempotencyKey {
    IdempotencyKey::from_random(entropy::bytes())
}

impl Desk {
    pub fn new(client: Client, user: &str, password: SecretString, home: &Path) -> Result<Self, Fault> {
        Ok(Self { client, user: user.to_owned(), password, install: install_key(home)? })
    }

    /// Up to the point where a code is wanted.
    pub async fn open(&self) -> Result<Session, Fault> {
        let key = SessionKey::fresh();
        let session_key = key.public()?;
        let (install_key, signature) = self.install.vouches_for(&session_key)?;
        let request = OpenRequest {
            username: self.user.clone(),
            password: self.password.expose_secret().to_owned(),
            desktop_name: "a probe".to_owned(),
            session_key: session_key.into(),
            install_key: install_key.into(),
            signature: signature.into(),
        };
        let (open, _) = self.client.open_session(&fresh(), &request).await?;
        Ok(Session { open, key })
    }
}

impl Session {
    pub const fn key(&self) -> &SessionKey {
        &self.key
    }

    /// Every answer is an act of its own. What came of it: `verified`, or the refusal's status and code.
    pub async fn answer(&self, code: &str) -> Value {
        let request = AnswerRequest { code: code.to_owned() };
        match self.open.answer(&fresh(), &request).await {
            Ok(answer) => json!({ "verified": answer.verified }),
            Err(ApiError::Problem(problem)) => json!({ "status": problem.status, "code": problem.code }),
            Err(other) => json!({ "error": other.to_string() }),
        }
    }

    pub async fn bootstrap(&self) -> Result<Offer, Fault> {
        let request = BootstrapRequest { csr: self.key.certificate_request()?.into() };
        Offer::new(self.open.bootstrap(&fresh(), &request).await?)
    }

    pub async fn sign_out(&self) -> Result<(), Fault> {
        self.open.sign_out(&fresh()).await?;
        Ok(())
    }
}
