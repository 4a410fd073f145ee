//! A desktop's way: one sign-in, one session, one token that knows no other.

use super::{ApiError, Client, IdempotencyKey, Newer, session_text};
use crate::{
    Accepted,
    desktop::{
        AnswerRequest, AnswerResponse, Bootstrap, BootstrapRequest, DesktopView, OpenRequest, OpenResponse,
    },
};
use reqwest::Method;
use viworks_domain::ids::SessionId;

/// A session that was opened, with its token in the client.
#[derive(Clone, Debug)]
pub struct OpenSession {
    client: Client,
    id: SessionId,
}

/// Every method fails as [`ApiError`] says.
impl Client {
    /// The password; a wrong one and an unknown name get the same answer. Asked once: the server makes a new
    /// token for every request, so that a lost answer means a new key and another session.
    pub async fn open_session(
        &self,
        key: &IdempotencyKey,
        request: &OpenRequest,
    ) -> Result<(OpenSession, DesktopView), ApiError> {
        let opened: OpenResponse =
            self.change_once(Method::POST, &["desktop", "sessions"], key, request).await?;
        let client = self.with_token(&opened.token)?;
        let view = DesktopView { seq: opened.seq, stage: opened.view };
        Ok((OpenSession { client, id: opened.session }, view))
    }
}

/// Every method fails as [`ApiError`] says.
impl OpenSession {
    #[cfg(test)]
    pub(super) const fn for_tests(client: Client) -> Self {
        Self { client, id: SessionId([1; 16]) }
    }

    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// The session's stage, as soon as it is newer than asked for, or when the wait is over.
    pub async fn view(&self, newer: Newer) -> Result<DesktopView, ApiError> {
        self.client
            .get(&["desktop", "sessions", &session_text(self.id)], &newer.query(), newer.longest())
            .await
    }

    pub async fn answer(
        &self,
        key: &IdempotencyKey,
        request: &AnswerRequest,
    ) -> Result<AnswerResponse, ApiError> {
        self.post("answer", key, request).await
    }

    /// Asked once: a lost answer is not repeated by the server, and a new one is asked for with a new key.
    pub async fn bootstrap(
        &self,
        key: &IdempotencyKey,
        request: &BootstrapRequest,
    ) -> Result<Bootstrap, ApiError> {
        let path = ["desktop", "sessions", &session_text(self.id), "bootstrap"];
        self.client.change_once(Method::POST, &path, key, request).await
    }

    pub async fn sign_out(&self, key: &IdempotencyKey) -> Result<Accepted, ApiError> {
        self.client.act(&["desktop", "sessions", &session_text(self.id), "sign-out"], key).await
    }

    async fn post<T: serde::de::DeserializeOwned>(
        &self,
        verb: &str,
        key: &IdempotencyKey,
        body: &(impl serde::Serialize + Sync),
    ) -> Result<T, ApiError> {
        let path = ["desktop", "sessions", &session_text(self.id), verb];
        self.client.change(Method::POST, &path, key, body).await
    }
}
