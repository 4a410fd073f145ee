//! Requests out, typed answers in: the one place that knows HTTP.

use super::{
    ASKED_AGAIN, ApiError, CONNECT_TIMEOUT, Client, IdempotencyKey, MAX_ANSWER, Newer, PATIENCE, PageRequest,
    READ_PATIENCE, SetupError,
};
use crate::{IDEMPOTENCY_KEY, Pending, problem::Problem};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url, header};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;
use zeroize::Zeroizing;

/// `?name=value` pairs.
pub(super) type Query<'a> = [(&'a str, String)];

pub(super) fn base_url(url: &str) -> Result<Url, SetupError> {
    let parsed = Url::parse(url).map_err(|_| SetupError::BadUrl)?;
    let plain = parsed.scheme() == "https"
        && parsed.host().is_some()
        && parsed.username().is_empty()
        && parsed.password().is_none()
        && matches!(parsed.path(), "" | "/")
        && parsed.query().is_none()
        && parsed.fragment().is_none();
    if plain { Ok(parsed) } else { Err(SetupError::BadUrl) }
}

pub(super) fn http(tls: rustls::ClientConfig) -> Result<reqwest::Client, SetupError> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .https_only(true)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("viworks/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|_| SetupError::Tls)
}

pub(super) async fn fetch_text(
    http: &reqwest::Client,
    base: &Url,
    path: &str,
) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let url = base.join(path).map_err(|_| SetupError::BadUrl)?;
    let response = http.get(url).timeout(PATIENCE).send().await?;
    let status = response.status();
    let body = read(response).await?;
    if status == StatusCode::OK { Ok(body) } else { Err(refused(status, &body)) }
}

impl Newer {
    pub(super) fn query(self) -> Vec<(&'static str, String)> {
        let after = self.after.map(|seq| ("after", seq.to_string()));
        let wait = self.wait.map(|wait| ("wait", wait.as_secs().to_string()));
        after.into_iter().chain(wait).collect()
    }

    pub(super) fn longest(self) -> Duration {
        self.wait.unwrap_or_default()
    }
}

impl PageRequest {
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let after = self.after.map(|seq| ("after", seq.to_string()));
        let cursor = self.cursor.clone().map(|cursor| ("cursor", cursor));
        let limit = self.limit.map(|limit| ("limit", limit.to_string()));
        [after, cursor, limit].into_iter().flatten().collect()
    }
}

impl Client {
    /// `GET /v1/<path>`; `waits`: how long the server was asked to wait.
    pub(super) async fn get<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &Query<'_>,
        waits: Duration,
    ) -> Result<T, ApiError> {
        let request = self.request(Method::GET, path, query)?.timeout(waits + READ_PATIENCE);
        answer(request.send().await?).await
    }

    /// A mutating request. A 202 is asked again with the same key: that is the same command.
    pub(super) async fn change<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        key: &IdempotencyKey,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ApiError> {
        let mut asked = 0;
        loop {
            match self.change_once(method.clone(), path, key, body).await {
                Err(ApiError::Pending(_)) if asked < ASKED_AGAIN => asked += 1,
                answer => return answer,
            }
        }
    }

    pub(super) async fn change_once<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        key: &IdempotencyKey,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ApiError> {
        let request = self.request(method, path, &[])?.header(IDEMPOTENCY_KEY, key.as_str()).json(body);
        answer(request.timeout(PATIENCE).send().await?).await
    }

    /// A mutating request that says all in its path: an empty object stands for its body.
    pub(super) async fn act<T: DeserializeOwned>(
        &self,
        path: &[&str],
        key: &IdempotencyKey,
    ) -> Result<T, ApiError> {
        self.change(Method::POST, path, key, &serde_json::Map::new()).await
    }

    fn request(&self, method: Method, path: &[&str], query: &Query<'_>) -> Result<RequestBuilder, ApiError> {
        let mut url = self.base.clone();
        url.path_segments_mut().map_err(|()| SetupError::BadUrl)?.clear().push("v1").extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.http.request(method, url).header(header::ACCEPT, "application/json");
        Ok(match &self.authorization {
            Some(value) => request.header(header::AUTHORIZATION, value.clone()),
            None => request,
        })
    }
}

async fn answer<T: DeserializeOwned>(response: Response) -> Result<T, ApiError> {
    let status = response.status();
    let body = read(response).await?;
    match status {
        StatusCode::ACCEPTED => Err(serde_json::from_slice::<Pending>(&body)
            .map_or(ApiError::Unintelligible { status: 202 }, ApiError::Pending)),
        // A route without an answer's body is read as `null`.
        _ if status.is_success() => serde_json::from_slice(if body.is_empty() { b"null" } else { &body })
            .map_err(|_| ApiError::Unintelligible { status: status.as_u16() }),
        _ => Err(refused(status, &body)),
    }
}

fn refused(status: StatusCode, body: &[u8]) -> ApiError {
    serde_json::from_slice::<Problem>(body)
        .map_or(ApiError::Unintelligible { status: status.as_u16() }, ApiError::Problem)
}

/// Zeroized when dropped: tokens and bootstraps come this way.
async fn read(mut response: Response) -> Result<Zeroizing<Vec<u8>>, ApiError> {
    let mut body = Zeroizing::new(Vec::new());
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_ANSWER {
            return Err(ApiError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
