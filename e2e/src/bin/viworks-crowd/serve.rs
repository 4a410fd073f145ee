//! TLS with a key of its own, the console's files, two answers of the API, and the feed.

use crate::{Arguments, clock, crowd::Crowd, feed};
use http_body_util::Full;
use hyper::{
    Method, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header,
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest as _, Sha256};
use std::{
    cell::RefCell,
    convert::Infallible,
    path::{Component, Path},
    rc::Rc,
    sync::Arc,
};
use tokio::{net::TcpListener, task::LocalSet};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{handshake::derive_accept_key, protocol::Role},
};
use viworks_api::{Page, feed as wire};

type Fault = Box<dyn std::error::Error>;

struct Served {
    arguments: Arguments,
    crowd: Rc<RefCell<Crowd>>,
}

/// Prints one JSON line when it can be reached, then serves for ever.
pub async fn run(arguments: Arguments) -> Result<(), Fault> {
    let (acceptor, spki) = acceptor()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    println!("{}", serde_json::json!({ "url": url, "spki": spki }));
    let crowd = Rc::new(RefCell::new(Crowd::of(arguments.rows, clock::now())));
    let served = Rc::new(Served { arguments, crowd });
    let tasks = LocalSet::new();
    tasks
        .run_until(async {
            loop {
                let (stream, _) = listener.accept().await?;
                let _ = stream.set_nodelay(true);
                let (acceptor, served) = (acceptor.clone(), Rc::clone(&served));
                tokio::task::spawn_local(async move {
                    // A browser opens connections that it never uses.
                    let Ok(stream) = acceptor.accept(stream).await else { return };
                    let service = service_fn(move |request| {
                        let served = Rc::clone(&served);
                        async move { Ok::<_, Infallible>(served.answer(request)) }
                    });
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    let _ = connection.with_upgrades().await;
                });
            }
        })
        .await
}

/// A key of this run, and its digest as Chromium wants it.
fn acceptor() -> Result<(TlsAcceptor, String), Fault> {
    let made = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
    let spki = Sha256::digest(rcgen::PublicKeyData::subject_public_key_info(&made.signing_key));
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)?;
    Ok((TlsAcceptor::from(Arc::new(config)), data_encoding::BASE64.encode(&spki)))
}

impl Served {
    fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        match request.uri().path() {
            wire::PATH => self.upgrade(request),
            "/v1/operator/me" => json(&feed::me()),
            "/v1/sessions" => {
                let asked = request.uri().query().unwrap_or_default();
                let value = |name: &str| {
                    asked
                        .split('&')
                        .filter_map(|pair| pair.split_once('='))
                        .find(|(n, _)| *n == name)
                        .map(|(_, v)| v)
                };
                let limit = value("limit").and_then(|text| text.parse().ok()).unwrap_or(50);
                let (rows, next) = self.crowd.borrow().page(value("cursor"), limit);
                json(&Page { seq: 1, rows, next })
            }
            path if path.starts_with("/v1/") => said(StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
            path => file(&self.arguments.console, path),
        }
    }

    fn upgrade(&self, mut request: Request<Incoming>) -> Response<Full<Bytes>> {
        let key =
            request.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
        let (Some(key), &Method::GET) = (key, request.method()) else {
            return said(StatusCode::BAD_REQUEST, "text/plain", Bytes::new());
        };
        let (crowd, changes) = (Rc::clone(&self.crowd), self.arguments.changes);
        tokio::task::spawn_local(async move {
            let Ok(upgraded) = hyper::upgrade::on(&mut request).await else { return };
            let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, None).await;
            // The browser has gone: so has its feed.
            let _ = feed::serve(socket, crowd, changes).await;
        });
        let mut response = said(StatusCode::SWITCHING_PROTOCOLS, "text/plain", Bytes::new());
        let headers = response.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        for (name, value) in [
            (header::CONNECTION, "upgrade"),
            (header::UPGRADE, "websocket"),
            (header::SEC_WEBSOCKET_ACCEPT, key.as_str()),
            (header::SEC_WEBSOCKET_PROTOCOL, wire::SUBPROTOCOL),
        ] {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        }
        response
    }
}

fn json(value: &impl serde::Serialize) -> Response<Full<Bytes>> {
    said(StatusCode::OK, "application/json", serde_json::to_vec(value).unwrap_or_default().into())
}

fn file(console: &Path, path: &str) -> Response<Full<Bytes>> {
    let relative = Path::new(path.trim_start_matches('/'));
    let is_inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let name = if relative.extension().is_some() && is_inside { relative } else { Path::new("index.html") };
    let kind = match name.extension().and_then(|extension| extension.to_str()) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    match std::fs::read(console.join(name)) {
        Ok(bytes) => said(StatusCode::OK, kind, bytes.into()),
        Err(_) => said(StatusCode::NOT_FOUND, "text/plain", Bytes::new()),
    }
}

fn said(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
