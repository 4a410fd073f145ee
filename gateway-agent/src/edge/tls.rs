//! TLS 1.3 alone, a client certificate of the session CA always; no tickets, no resumption, no early data.

use crate::frames::EdgeBoot;
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{NoServerSessionStorage, ParsedCertificate, WebPkiClientVerifier},
};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;
use viworks_domain::ids::Digest;

#[derive(Debug, thiserror::Error)]
pub enum BadIdentity {
    #[error("the PEM text holds no usable certificate or key")]
    Pem(#[from] rustls::pki_types::pem::Error),
    #[error("TLS does not accept them")]
    Rejected(#[from] rustls::Error),
    #[error("the session CA cannot verify anybody")]
    Verifier(#[from] rustls::server::VerifierBuilderError),
}

pub(super) fn acceptor(boot: &EdgeBoot) -> Result<TlsAcceptor, BadIdentity> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(boot.session_ca.as_bytes()) {
        roots.add(certificate?)?;
    }
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider)).build()?;
    let chain =
        CertificateDer::pem_slice_iter(boot.tls_certificate.as_bytes()).collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(boot.tls_key.as_bytes())?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// SHA-256 of the key that the peer has proved to hold.
pub(super) fn proved_key(connection: &rustls::ServerConnection) -> Option<Digest> {
    let certificate = connection.peer_certificates()?.first()?;
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    Some(Digest(Sha256::digest(parsed.subject_public_key_info()).into()))
}
