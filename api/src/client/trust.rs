//! Whom the client trusts: one CA, given as a file or recognised by its fingerprint.

use super::{ApiError, SetupError, transport};
use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use viworks_domain::ids::Digest;

/// The one CA whose servers are believed.
#[derive(Clone, PartialEq, Eq)]
pub struct Ca(CertificateDer<'static>);

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ca({:?})", self.fingerprint())
    }
}

impl Ca {
    /// # Errors
    /// Not exactly one certificate: a bundle would trust more than was meant.
    pub fn from_pem(pem: &[u8]) -> Result<Self, SetupError> {
        let mut certificates = CertificateDer::pem_slice_iter(pem);
        match (certificates.next(), certificates.next()) {
            (Some(Ok(only)), None) => Ok(Self(only)),
            _ => Err(SetupError::NotOneCertificate),
        }
    }

    /// Fetches the server's CA from [`crate::gateway::CA_PATH`] and keeps it only if its SHA-256 is the one
    /// that came on another way (a token, a QR code). Until then nobody is trusted and nothing is told.
    ///
    /// # Errors
    /// [`SetupError::OtherFingerprint`] when somebody else answers; otherwise see [`ApiError`].
    pub async fn fetch(url: &str, fingerprint: &[u8]) -> Result<Self, ApiError> {
        let base = transport::base_url(url)?;
        let http = transport::http(config(Arc::new(Unseen(provider())))?)?;
        let pem = transport::fetch_text(&http, &base, crate::gateway::CA_PATH).await?;
        let ca = Self::from_pem(&pem)?;
        if ca.fingerprint().0.as_slice() == fingerprint {
            Ok(ca)
        } else {
            Err(SetupError::OtherFingerprint.into())
        }
    }

    /// SHA-256 of the certificate (DER).
    pub fn fingerprint(&self) -> Digest {
        Digest(Sha256::digest(&self.0).into())
    }

    /// A certificate kept from an earlier [`Ca::fetch`].
    pub fn from_der(der: Vec<u8>) -> Self {
        Self(der.into())
    }

    pub fn der(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn tls_config(&self) -> Result<ClientConfig, SetupError> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.clone()).map_err(|_| SetupError::UnusableCa)?;
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
                .build()
                .map_err(|_| SetupError::UnusableCa)?;
        config(verifier)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn config(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, SetupError> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| SetupError::Tls)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

/// Believes nobody and lets anybody speak: for the one fetch whose answer is compared with a fingerprint.
#[derive(Debug)]
struct Unseen(Arc<CryptoProvider>);

impl ServerCertVerifier for Unseen {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
