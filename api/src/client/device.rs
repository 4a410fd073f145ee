//! A phone's way: enrolled once, then asked about the session that waits for it.

use super::{ApiError, Client, IdempotencyKey, Newer, session_text};
use crate::{
    Accepted,
    device::{DeviceView, EnrolRequest, EnrolResponse, PostureRequest},
};
use reqwest::Method;
use viworks_domain::ids::SessionId;

/// A client that carries an enrolled phone's token.
#[derive(Clone, Debug)]
pub struct EnrolledDevice(Client);

/// Every method fails as [`ApiError`] says.
impl Client {
    /// With what the QR code held; needs no token. Asked once: the server makes a new token for every request, so
    /// that a lost answer means a new QR code.
    pub async fn enrol_device(
        &self,
        key: &IdempotencyKey,
        request: &EnrolRequest,
    ) -> Result<EnrolResponse, ApiError> {
        self.change_once(Method::POST, &["devices", "enrol"], key, request).await
    }

    /// # Errors
    /// The text is not a token.
    pub fn as_device(&self, token: &str) -> Result<EnrolledDevice, super::SetupError> {
        self.with_token(token).map(EnrolledDevice)
    }
}

/// Every method fails as [`ApiError`] says.
impl EnrolledDevice {
    /// The session that waits for this phone, as soon as something is newer, or when the wait is over.
    pub async fn session(&self, newer: Newer) -> Result<DeviceView, ApiError> {
        self.0.get(&["device", "session"], &newer.query(), newer.longest()).await
    }

    pub async fn post_posture(
        &self,
        session: SessionId,
        key: &IdempotencyKey,
        request: &PostureRequest,
    ) -> Result<Accepted, ApiError> {
        let path = ["device", "sessions", &session_text(session), "posture"];
        self.0.change(Method::POST, &path, key, request).await
    }

    /// Another code, when the one before has expired.
    pub async fn another_code(&self, session: SessionId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.0.act(&["device", "sessions", &session_text(session), "code"], key).await
    }

    /// "This is not me."
    pub async fn deny(&self, session: SessionId, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.0.act(&["device", "sessions", &session_text(session), "deny"], key).await
    }
}
