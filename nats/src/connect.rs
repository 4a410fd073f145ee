//! One connection to the bus: TLS 1.3 with a client certificate, and a user's credentials.

use crate::identity::credentials::Credentials;
use async_nats::{Auth, AuthError, Client, ConnectOptions};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use std::{sync::Arc, time::Duration};

/// Longest wait for the TCP connection, the TLS handshake and the server's word.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(5);
/// How soon a dead server is noticed: two pings.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// A fleet that lost its server comes back within seconds, not all in one millisecond.
const LONGEST_RECONNECT_DELAY: Duration = Duration::from_secs(4);

/// Where the bus is and how to trust it.
#[derive(Clone, Debug)]
pub struct Link {
    /// `tls://host:port`, any number.
    pub servers: Vec<String>,
    pub tls: ClientConfig,
}

#[derive(Debug, thiserror::Error)]
pub enum BadTls {
    #[error("the PEM text holds no usable certificate or key")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("TLS does not accept these certificates")]
    Rejected(#[from] rustls::Error),
}

/// Trusts the bus CA alone and shows this client certificate. TLS 1.3 only.
pub fn tls(ca_pem: &str, certificate_pem: &str, key_pem: &str) -> Result<ClientConfig, BadTls> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca_pem.as_bytes()) {
        roots.add(certificate?)?;
    }
    let chain = CertificateDer::pem_slice_iter(certificate_pem.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(key_pem.as_bytes())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?)
}

#[derive(Debug, thiserror::Error)]
#[error("the bus cannot be reached as {name}")]
pub struct CannotConnect {
    name: String,
    source: async_nats::ConnectError,
}

/// Connects under `name` with inboxes below `inbox_prefix`; reconnects for ever, asking for a fresh JWT each
/// time.
pub async fn connect(
    link: &Link,
    credentials: &Credentials,
    name: &str,
    inbox_prefix: &str,
) -> Result<Client, CannotConnect> {
    options(link, credentials, name, inbox_prefix)
        .connect(link.servers.clone())
        .await
        .map_err(|source| CannotConnect { name: name.to_owned(), source })
}

/// Like [`connect`], but returns at once and goes on trying: a gateway starts without its bus.
pub async fn connect_eventually(
    link: &Link,
    credentials: &Credentials,
    name: &str,
    inbox_prefix: &str,
) -> Result<Client, CannotConnect> {
    options(link, credentials, name, inbox_prefix)
        .retry_on_initial_connect()
        .connect(link.servers.clone())
        .await
        .map_err(|source| CannotConnect { name: name.to_owned(), source })
}

fn options(link: &Link, credentials: &Credentials, name: &str, inbox_prefix: &str) -> ConnectOptions {
    let credentials = credentials.clone();
    let label = name.to_owned();
    ConnectOptions::with_auth_callback(move |nonce| {
        let Credentials { user, mint } = credentials.clone();
        // The callback's future must be Sync; a task's handle is, whatever runs in it.
        let asked = tokio::spawn(async move { mint().await });
        async move {
            let jwt = match asked.await {
                Ok(minted) => minted.map_err(AuthError::new)?,
                Err(stopped) => return Err(AuthError::new(stopped)),
            };
            let mut auth = Auth::new();
            auth.signature = Some(user.sign(&nonce).to_vec());
            auth.jwt = Some(jwt);
            Ok(auth)
        }
    })
    .name(name)
    .custom_inbox_prefix(inbox_prefix)
    .require_tls(true)
    .tls_client_config(link.tls.clone())
    .ignore_discovered_servers()
    .connection_timeout(CONNECTION_TIMEOUT)
    .ping_interval(PING_INTERVAL)
    .max_reconnects(None)
    .reconnect_delay_callback(|attempt| {
        // 0, 50 ms, 100 ms, .. up to the longest.
        let doublings = u32::try_from(attempt.min(10)).unwrap_or(10);
        if attempt == 0 {
            Duration::ZERO
        } else {
            (Duration::from_millis(25) * 2u32.pow(doublings)).min(LONGEST_RECONNECT_DELAY)
        }
    })
    .event_callback(move |event| {
        let label = label.clone();
        async move {
            match event {
                async_nats::Event::Connected => tracing::info!(bus = %label, "connected to the bus"),
                other => tracing::warn!(bus = %label, %other, "bus connection"),
            }
        }
    })
}
