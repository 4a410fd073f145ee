//! The accept loop: TCP, TLS 1.3, HTTP/1.1 and HTTP/2, each with a bound on how long it may dawdle.

use super::{call::Peer, room::Room};
use crate::{
    ca::{self, CaError},
    init::{HTTPS_CERTIFICATE, HTTPS_KEY},
    state::{StateDir, StateError},
};
use hyper::{
    Request,
    body::Incoming,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
    service::TowerToHyperService,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use warp::{filters::BoxedFilter, reply::Response};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// For the whole head of a request: a slow sender holds a connection, not a thread, but not for ever.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// What is being answered when we are told to stop gets this long.
const FAREWELL: Duration = Duration::from_secs(10);
/// HTTP/2 streams of one connection: a browser opens a dozen.
const STREAMS: u32 = 64;
/// Of a request's head: tokens and paths of ours fit many times.
const LARGEST_HEAD: usize = 32 * 1024;
/// Accepting fails for a moment when descriptors run out; spinning would not help.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error("{HTTPS_CERTIFICATE} and {HTTPS_KEY} are not a certificate and its key in PEM")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("{HTTPS_CERTIFICATE} and {HTTPS_KEY} cannot be served")]
    Rejected(#[from] rustls::Error),
}

/// TLS 1.3 alone: no tickets and no early data, so that every connection proves itself anew.
pub fn tls(state: &StateDir) -> Result<Arc<ServerConfig>, TlsError> {
    let certificate = ca::read_certificate(state, HTTPS_CERTIFICATE)?;
    let chain = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(&state.secret(HTTPS_KEY)?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(Arc::new(config))
}

/// Serves until `stop` is done, then lets what is being answered finish.
pub async fn listen(
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    routes: BoxedFilter<(Response,)>,
    stop: impl Future<Output = ()>,
) {
    let acceptor = TlsAcceptor::from(tls);
    let mut http = auto::Builder::new(TokioExecutor::new());
    http.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(LARGEST_HEAD);
    http.http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(LARGEST_HEAD as u32)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(HEADER_TIMEOUT);
    let http = Arc::new(http);
    let graceful = GracefulShutdown::new();
    let room = Room::default();
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = async { (room.one().await, listener.accept().await) } => accepted,
        };
        let (stream, address, place) = match accepted {
            (Some(one), Ok((stream, address))) => {
                let source = address.ip().to_canonical();
                // Closed without a word: whoever holds a thousand connections knows why.
                let Some(place) = room.place(one, source) else { continue };
                (stream, source, place)
            }
            (_, Err(error)) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE_AFTER_FAILURE).await;
                continue;
            }
            (None, Ok(_)) => break,
        };
        let (acceptor, http, watcher) = (acceptor.clone(), Arc::clone(&http), graceful.watcher());
        let peer = Peer { address };
        let routes = routes.clone();
        tokio::spawn(async move {
            let _place = place;
            let _ = stream.set_nodelay(true);
            let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await
            else {
                return;
            };
            let routes = TowerToHyperService::new(warp::service(routes));
            // warp knows addresses only on listeners of its own.
            let service = service_fn(move |mut request: Request<Incoming>| {
                request.extensions_mut().insert(peer);
                routes.call(request)
            });
            let connection = http.serve_connection_with_upgrades(TokioIo::new(stream), service);
            // What a stranger does to a connection is no news.
            if let Err(error) = watcher.watch(connection.into_owned()).await {
                tracing::debug!(error, "a connection ended");
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(FAREWELL, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests were still being answered when the time was up");
    }
}
