//! From a request to a WebSocket. warp's own has buffers of 128 KiB for each connection, filled or not; thousands of
//! consoles are looked at and seldom spoken to.

use http::{HeaderMap, HeaderValue, StatusCode, header};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use warp::{Filter, reply::Response};

pub type WebSocket = WebSocketStream<TokioIo<Upgraded>>;

/// A request that may become a WebSocket.
pub struct Upgrade {
    pending: OnUpgrade,
    accept: HeaderValue,
}

impl Upgrade {
    /// The answer that makes it one; `serve` gets it once the client has heard.
    pub fn accept<F>(
        self,
        config: WebSocketConfig,
        serve: impl FnOnce(WebSocket) -> F + Send + 'static,
    ) -> Response
    where
        F: Future<Output = ()> + Send,
    {
        let pending = self.pending;
        tokio::spawn(async move {
            match pending.await {
                Ok(upgraded) => {
                    let io = TokioIo::new(upgraded);
                    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
                    serve(socket).await;
                }
                Err(error) => tracing::debug!(%error, "a client left before its upgrade"),
            }
        });
        let mut response = Response::default();
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, self.accept);
        response
    }
}

/// None for a request that asks for no upgrade, or not as RFC 6455 section 4.2.1 has it.
pub fn upgrade()
-> impl Filter<Extract = (Option<Upgrade>,), Error = std::convert::Infallible> + Clone + Send + Sync + 'static
{
    warp::ext::optional::<OnUpgrade>().and(warp::header::headers_cloned()).map(
        |pending: Option<OnUpgrade>, headers: HeaderMap| {
            let accept = accept_of(&headers)?;
            Some(Upgrade { pending: pending?, accept })
        },
    )
}

fn accept_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let says = |name, wanted: &str| {
        let lines = headers.get_all(name).into_iter().filter_map(|line| line.to_str().ok());
        lines.flat_map(|line| line.split(',')).any(|word| word.trim().eq_ignore_ascii_case(wanted))
    };
    let asked = says(header::CONNECTION, "upgrade")
        && says(header::UPGRADE, "websocket")
        && says(header::SEC_WEBSOCKET_VERSION, "13");
    let key = headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asked)?;
    HeaderValue::from_str(&derive_accept_key(key.as_bytes())).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6455 section 1.3.
    fn asking() -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONNECTION, HeaderValue::from_static("keep-alive, Upgrade"));
        headers.insert(header::UPGRADE, HeaderValue::from_static("WebSocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        headers.insert(header::SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        headers
    }

    #[test]
    fn the_answer_to_a_key_is_the_standards() {
        let accept = accept_of(&asking()).expect("an answer");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_lacks_a_word_is_no_upgrade() {
        for name in
            [header::CONNECTION, header::UPGRADE, header::SEC_WEBSOCKET_VERSION, header::SEC_WEBSOCKET_KEY]
        {
            let mut headers = asking();
            headers.remove(&name);
            assert!(accept_of(&headers).is_none(), "{name}");
        }
        let mut older = asking();
        older.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("8"));
        assert!(accept_of(&older).is_none());
    }
}
