//! A typed client of `viworks`: it trusts exactly one CA, carries one bearer token, and turns problem details
//! into typed errors.
//!
//! It never follows a redirect, never uses a proxy (the server must see the desktop's own address: the door
//! opens for that one), keeps no cookies, reads no more than [`MAX_ANSWER`] bytes, and draws no randomness:
//! every mutating request takes the caller's [`IdempotencyKey`], and asking again with it is the same command.

mod desktop;
mod device;
mod error;
mod gateway;
mod operator;
mod transport;
mod trust;

pub use desktop::OpenSession;
pub use device::EnrolledDevice;
pub use error::{ApiError, SetupError};
pub use operator::AuditQuery;
pub use trust::Ca;

use data_encoding::BASE32_NOPAD;
use reqwest::{Url, header::HeaderValue};
use std::{fmt, time::Duration};
use viworks_domain::ids::SessionId;

/// Longer than any page of rows; what is longer is not ours.
pub const MAX_ANSWER: usize = 4 * 1024 * 1024;
/// The server's own bound on `?wait=`.
pub const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a change may take: the server itself waits 25 s for a gateway to admit.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long a question may take beyond the wait it asks for.
const READ_PATIENCE: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a mutating request that got 202 is asked again; each time the server waits for the decision.
const ASKED_AGAIN: u32 = 4;

/// One server, as one caller. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    /// `Bearer ...`, marked sensitive: no log shows it.
    authorization: Option<HeaderValue>,
}

/// The caller's name for one act: the same act asked again carries the same key.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

/// Where the log must stand before the server answers, and how long it may wait for that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Newer {
    pub after: Option<u64>,
    pub wait: Option<Duration>,
}

/// Which page of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// The answer is no older than this sequence.
    pub after: Option<u64>,
    pub cursor: Option<String>,
    pub limit: Option<u32>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({}, signed in: {})", self.base, self.authorization.is_some())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl IdempotencyKey {
    /// A key of 128 random bits that the caller drew.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(BASE32_NOPAD.encode(&random).to_ascii_lowercase())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Newer {
    /// Answers as soon as something is newer than `after`, or when `wait` is over.
    pub const fn than(after: u64, wait: Duration) -> Self {
        Self { after: Some(after), wait: Some(wait) }
    }
}

impl Client {
    /// # Errors
    /// The URL is not `https://host[:port]`, or TLS cannot be set up.
    pub fn new(url: &str, ca: &Ca) -> Result<Self, SetupError> {
        let base = transport::base_url(url)?;
        let http = transport::http(ca.tls_config()?)?;
        Ok(Self { http, base, authorization: None })
    }

    /// The same server, as the bearer of `token`.
    ///
    /// # Errors
    /// The text has bytes that no header carries.
    pub fn with_token(&self, token: &str) -> Result<Self, SetupError> {
        let mut value =
            HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| SetupError::NotAToken)?;
        value.set_sensitive(true);
        Ok(Self { authorization: Some(value), ..self.clone() })
    }

    pub fn url(&self) -> &str {
        self.base.as_str()
    }

    /// `GET /v1/commands/{id}`: a command's outcome, once it has one. A refused command is an
    /// [`ApiError::Problem`], one that is not decided an [`ApiError::Pending`].
    ///
    /// # Errors
    /// See [`ApiError`].
    pub async fn command(&self, id: viworks_domain::ids::CommandId) -> Result<crate::Accepted, ApiError> {
        self.get(&["commands", &id.to_string()], &[], Duration::ZERO).await
    }
}

fn session_text(id: SessionId) -> String {
    id.to_string()
}

#[cfg(test)]
mod tests;
