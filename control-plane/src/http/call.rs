//! A request as handlers see it.

use super::{cookie, problem};
use crate::{
    app::{App, Asker},
    config::LONGEST_WAIT,
    entropy,
    error::{ApiError, Rejection},
};
use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header, uri::Authority};
use serde::{
    Serialize,
    de::{self, DeserializeOwned, IntoDeserializer as _},
};
use std::{net::IpAddr, pin::Pin, str::FromStr, sync::Arc, time::Duration};
use viworks_api::IDEMPOTENCY_KEY;
use viworks_domain::{actor::Actor, ids::CorrelationId};
use warp::reply::Response;

/// No request of ours comes near it.
const LARGEST_BODY: usize = 64 * 1024;
/// A body that trickles in holds memory and a connection.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer keys are no keys.
const LONGEST_KEY: usize = 128;

/// Who is at the other end of the connection; the accept loop puts it into every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub address: IpAddr,
}

pub type Body = Pin<Box<dyn Stream<Item = Result<Bytes, warp::Error>> + Send + Sync>>;

/// A request without its body.
pub struct Head {
    pub peer: Peer,
    pub method: Method,
    pub host: Option<Authority>,
    pub headers: HeaderMap,
    pub query: String,
}

pub struct Call {
    pub app: Arc<App>,
    pub peer: Peer,
    /// What the answer, the log and the command know this request under.
    pub correlation: CorrelationId,
    pub method: Method,
    /// Whom the client thinks it is talking to: `Host`, or `:authority` over HTTP/2.
    pub host: Option<Authority>,
    pub headers: HeaderMap,
    query: Vec<(String, String)>,
    key: Option<Vec<u8>>,
    body: Option<Body>,
}

pub type Answer = Result<Response, ApiError>;

impl Call {
    pub fn new(app: Arc<App>, head: Head, body: Body) -> Self {
        let Head { peer, method, host, headers, query } = head;
        // Who asks: the header or, without one, the cookie.
        let authorization = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let presented = authorization.or(cookie::value(&headers).map(str::as_bytes)).unwrap_or_default();
        let correlation = match headers.get(IDEMPOTENCY_KEY) {
            Some(key) => app.keys.correlation(key.as_bytes(), presented),
            None => CorrelationId(entropy::bytes()),
        };
        let query = pairs(&query);
        Self { app, peer, correlation, method, host, headers, query, key: None, body: Some(body) }
    }

    /// The body as JSON of exactly this shape.
    pub async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let kind = self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        let kind = kind.split(';').next().unwrap_or("").trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Rejection::Unsupported.into());
        }
        // Nothing here is sent compressed; a body that says so is a bomb or a mistake.
        if self.headers.contains_key(header::CONTENT_ENCODING) {
            return Err(Rejection::Unsupported.into());
        }
        let body = self.bytes().await?;
        serde_json::from_slice(&body).map_err(|error| ApiError::Unreadable(in_our_words(&error)))
    }

    /// For routes that say everything in their path: nothing, or an empty object.
    pub async fn nothing(&mut self) -> Result<(), ApiError> {
        let body = self.bytes().await?;
        let empty = body.is_empty()
            || serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&body)
                .is_ok_and(|object| object.is_empty());
        if empty { Ok(()) } else { Err(Rejection::Malformed("this route takes no body").into()) }
    }

    async fn bytes(&mut self) -> Result<Bytes, ApiError> {
        let announced = self.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        if announced.and_then(|text| text.parse::<u64>().ok()).is_some_and(|n| n > LARGEST_BODY as u64) {
            return Err(Rejection::TooLarge.into());
        }
        let Some(mut body) = self.body.take() else { return Ok(Bytes::new()) };
        let read = async {
            let mut all = BytesMut::new();
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|_| Rejection::Malformed("the body ended early"))?;
                if all.len() + chunk.remaining() > LARGEST_BODY {
                    return Err(Rejection::TooLarge.into());
                }
                all.extend_from_slice(&chunk);
            }
            Ok(all.freeze())
        };
        tokio::time::timeout(BODY_TIMEOUT, read)
            .await
            .unwrap_or_else(|_| Err(Rejection::Malformed("the body took too long").into()))
    }

    /// One query parameter, of the type wanted.
    pub fn query<T: FromStr>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some((_, text)) = self.query.iter().find(|(known, _)| known == name) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| ApiError::Unreadable(format!("?{name}= cannot be read")))
    }

    /// One query parameter that is one of a few words.
    pub fn word<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ApiError> {
        let Some(text) = self.query::<String>(name)? else { return Ok(None) };
        let word = T::deserialize(text.as_str().into_deserializer());
        word.map(Some).map_err(|_: de::value::Error| ApiError::Unreadable(format!("?{name}= cannot be read")))
    }

    /// `?wait=` in seconds, at most the longest we hold a request.
    pub fn wait(&self) -> Result<Duration, ApiError> {
        Ok(self.query("wait")?.map_or(Duration::ZERO, Duration::from_secs).min(LONGEST_WAIT))
    }

    /// Queries that no route of ours has are mistakes, and say so.
    pub fn only(&self, names: &[&str]) -> Result<(), ApiError> {
        match self.query.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some(_) => Err(ApiError::Unreadable(format!("only these may be asked: {}", names.join(", ")))),
            None => Ok(()),
        }
    }

    /// The client's name for what it asks; without one the request is an act of its own.
    pub fn idempotency_key(&mut self) -> Result<Vec<u8>, ApiError> {
        if let Some(key) = &self.key {
            return Ok(key.clone());
        }
        let key = match self.headers.get(IDEMPOTENCY_KEY) {
            Some(value) if (1..=LONGEST_KEY).contains(&value.len()) => value.as_bytes().to_vec(),
            Some(_) => return Err(Rejection::Malformed("an idempotency key has 1 to 128 bytes").into()),
            None => entropy::bytes::<16>().to_vec(),
        };
        self.key = Some(key.clone());
        Ok(key)
    }

    /// Whoever is asking, for the commands that this request makes.
    pub fn asker(&mut self, actor: Actor) -> Result<Asker, ApiError> {
        Ok(Asker { actor, correlation: self.correlation, key: self.idempotency_key()? })
    }

    /// 200 with this body.
    pub fn ok(&self, body: &impl Serialize) -> Answer {
        Ok(problem::json(StatusCode::OK, body, self.correlation))
    }
}

/// What is wrong with a body, without repeating any value of it: it may be a password in the wrong place.
fn in_our_words(error: &serde_json::Error) -> String {
    let text = error.to_string();
    // An unknown variant is a value.
    let names_a_field = ["missing field", "unknown field", "duplicate field"];
    if names_a_field.iter().any(|start| text.starts_with(start)) {
        return text.chars().take(200).collect();
    }
    let what = if error.is_data() { "a value of the wrong type or out of its range" } else { "not JSON" };
    format!("{what}, at line {} column {}", error.line(), error.column())
}

/// `a=b&c=d`, percent-decoded; what does not decode stands as it is and fails to parse later.
fn pairs(query: &str) -> Vec<(String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &str) -> String {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let pair = [bytes.next().unwrap_or(b'!'), bytes.next().unwrap_or(b'!')];
                match data_encoding::HEXLOWER_PERMISSIVE.decode(&pair).as_deref() {
                    Ok([byte]) => *byte,
                    _ => b'%',
                }
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap_or_else(|_| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_cannot_be_read_is_not_repeated() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Shape {
            #[expect(dead_code, reason = "only its type matters")]
            port: u16,
            #[expect(dead_code, reason = "only its type matters")]
            role: Option<Role>,
        }
        #[derive(Debug, serde::Deserialize)]
        enum Role {
            Owner,
        }
        let words = |body: &str| in_our_words(&serde_json::from_str::<Shape>(body).expect_err("wrong"));
        for body in [
            r#"{"port":"hunter2"}"#,
            r#"{"port":99999}"#,
            r#"{"port":1} hunter2"#,
            "hunter2",
            r#"{"port":1,"role":"hunter2"}"#,
        ] {
            let words = words(body);
            assert!(!words.contains("hunter2") && !words.contains("99999"), "{words}");
        }
        assert!(words("{}").contains("missing field `port`"));
        assert!(words(r#"{"colour":1}"#).contains("unknown field `colour`"));
    }

    #[test]
    fn queries_are_pairs_and_decode() {
        assert_eq!(
            pairs("a=1&b=x%20y+z&&c"),
            [("a".into(), "1".into()), ("b".into(), "x y z".into()), ("c".into(), String::new())]
        );
        assert_eq!(decoded("%zz%"), "%%");
        assert_eq!(decoded("%ff"), "%ff");
    }
}
