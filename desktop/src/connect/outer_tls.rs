//! The outer TLS 1.3 to the gateway: exactly one server key is accepted, and the session's key is ours.

use super::identity::{IdentityFault, SessionKey};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    server::ParsedCertificate,
    sign::CertifiedKey,
};
use sha2::{Digest as _, Sha256};
use std::{io, net::SocketAddrV4, sync::Arc};
use subtle::ConstantTimeEq;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};
use viworks_domain::ids::Digest;

#[derive(Debug, thiserror::Error)]
pub enum OuterFault {
    #[error(transparent)]
    Identity(#[from] IdentityFault),
    #[error("the certificate that the server gave is none")]
    NoCertificate,
    #[error("TLS 1.3 cannot be set up")]
    Tls(#[source] Error),
    #[error("the gateway's port does not take the connection")]
    Connect(#[source] io::Error),
}

/// # Errors
/// See [`OuterFault`]. A server that shows another key is an error of the connection.
pub async fn connect(
    to: SocketAddrV4,
    gateway_key: Digest,
    certificate: &str,
    session: &SessionKey,
) -> Result<TlsStream<TcpStream>, OuterFault> {
    let config = config(gateway_key, certificate, session)?;
    let tcp = TcpStream::connect(to).await.map_err(OuterFault::Connect)?;
    tcp.set_nodelay(true).map_err(OuterFault::Connect)?;
    // The name says nothing: the key is pinned.
    let name = ServerName::IpAddress((*to.ip()).into());
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.map_err(OuterFault::Connect)
}

fn config(gateway_key: Digest, certificate: &str, session: &SessionKey) -> Result<ClientConfig, OuterFault> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(OuterFault::NoCertificate)?;
    let ours = Ours(Arc::new(CertifiedKey::new(chain, session.for_tls()?)));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(OuterFault::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned { key: gateway_key, provider }))
        .with_client_cert_resolver(Arc::new(ours));
    config.resumption = Resumption::disabled();
    config.enable_sni = false;
    Ok(config)
}

/// The one certificate, whatever is asked for.
#[derive(Debug)]
struct Ours(Arc<CertifiedKey>);

impl ResolvesClientCert for Ours {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        schemes.contains(&SignatureScheme::ECDSA_NISTP256_SHA256).then(|| Arc::clone(&self.0))
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// Believes one key, by the SHA-256 of its SPKI: no CA, no name, no date.
#[derive(Debug)]
struct Pinned {
    key: Digest,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        let shown = Sha256::digest(certificate.subject_public_key_info().as_ref());
        if bool::from(shown.as_slice().ct_eq(&self.key.0)) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(rustls::CertificateError::ApplicationVerificationFailure))
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
