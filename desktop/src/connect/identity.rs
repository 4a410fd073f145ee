//! The two keys of a desktop: the installation's, in a file; the session's, in memory and nowhere else.

use crate::entropy;
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    pkcs8::{EncodePrivateKey, EncodePublicKey},
};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, PKCS_ECDSA_P256_SHA256};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};
use viworks_api::desktop::open_input;
use zeroize::Zeroizing;

const FILE: &str = "desktop.key";

#[derive(Debug, thiserror::Error)]
pub enum IdentityFault {
    #[error("{path} cannot be used; check who owns it, or set VIWORKS_HOME")]
    Unusable { path: PathBuf, source: io::Error },
    #[error("{path} may be read or changed by others; run: chmod 600 {path}")]
    TooWide { path: PathBuf },
    #[error("{path} is damaged; remove it, and this desktop will be a new one to your administrator")]
    Damaged { path: PathBuf },
    #[error("this session's key cannot be used for a certificate")]
    NotAKey,
}

/// By which the server knows this installation again.
pub struct InstallKey(SecretKey);

/// Made for one session. It is asked to sign three things: the certificate request, the outer TLS, and what
/// OpenVPN needs signed.
pub struct SessionKey(SecretKey);

fn fresh() -> SecretKey {
    loop {
        // All but 2^-32 of the draws are scalars.
        if let Ok(key) = SecretKey::from_slice(&*Zeroizing::new(entropy::bytes::<32>())) {
            return key;
        }
    }
}

fn spki(key: &SecretKey) -> Result<Vec<u8>, IdentityFault> {
    let der = key.public_key().to_public_key_der().map_err(|_| IdentityFault::NotAKey)?;
    Ok(der.into_vec())
}

/// # Errors
/// The file is there and is not ours alone, or cannot be made.
pub fn install_key(home: &Path) -> Result<InstallKey, IdentityFault> {
    let path = home.join(FILE);
    let unusable = |source| IdentityFault::Unusable { path: path.clone(), source };
    match fs::File::open(&path) {
        Ok(file) => {
            if file.metadata().map_err(unusable)?.mode() & 0o077 != 0 {
                return Err(IdentityFault::TooWide { path: path.clone() });
            }
            let bytes = Zeroizing::new(fs::read(&path).map_err(unusable)?);
            SecretKey::from_slice(&bytes).map(InstallKey).map_err(|_| IdentityFault::Damaged { path })
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = fresh();
            keep(home, &path, &Zeroizing::new(key.to_bytes())).map_err(unusable)?;
            Ok(InstallKey(key))
        }
        Err(error) => Err(unusable(error)),
    }
}

fn keep(home: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(home)?;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

impl InstallKey {
    /// SPKI of this installation, and its word that `session` is its own: 64 bytes r || s.
    ///
    /// # Errors
    /// Never for a P-256 key.
    pub fn vouches_for(&self, session: &[u8]) -> Result<(Vec<u8>, Vec<u8>), IdentityFault> {
        let install = spki(&self.0)?;
        let signature: Signature = SigningKey::from(&self.0).sign(&open_input(session, &install));
        Ok((install, signature.to_bytes().to_vec()))
    }
}

impl SessionKey {
    pub fn fresh() -> Self {
        Self(fresh())
    }

    /// SPKI, DER.
    ///
    /// # Errors
    /// Never for a P-256 key.
    pub fn public(&self) -> Result<Vec<u8>, IdentityFault> {
        spki(&self.0)
    }

    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, IdentityFault> {
        let der = self.0.to_pkcs8_der().map_err(|_| IdentityFault::NotAKey)?;
        Ok(Zeroizing::new(der.as_bytes().to_vec()))
    }

    /// PKCS #10, DER. The name means nothing: the server writes its own.
    ///
    /// # Errors
    /// Never for a P-256 key.
    pub fn certificate_request(&self) -> Result<Vec<u8>, IdentityFault> {
        let der = self.pkcs8()?;
        let der = PrivatePkcs8KeyDer::from(der.as_slice());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&der, &PKCS_ECDSA_P256_SHA256)
            .map_err(|_| IdentityFault::NotAKey)?;
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "viworks desktop");
        let request = params.serialize_request(&pair).map_err(|_| IdentityFault::NotAKey)?;
        Ok(request.der().to_vec())
    }

    /// For the outer TLS.
    ///
    /// # Errors
    /// Never for a P-256 key.
    pub fn for_tls(&self) -> Result<Arc<dyn rustls::sign::SigningKey>, IdentityFault> {
        let der = self.pkcs8()?;
        let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der.as_slice()));
        rustls::crypto::ring::sign::any_ecdsa_type(&der).map_err(|_| IdentityFault::NotAKey)
    }

    /// ECDSA with SHA-256, DER. The caller has looked at what it is that is signed.
    pub fn sign(&self, data: &[u8]) -> Vec<u8> {
        let signature: Signature = SigningKey::from(&self.0).sign(data);
        signature.to_der().as_bytes().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use p256::ecdsa::{VerifyingKey, signature::Verifier};
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn an_installation_keeps_its_key_for_itself_and_is_known_again() {
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().join("viworks");
        let first = install_key(&home).expect("made").vouches_for(b"session").expect("vouched");
        let again = install_key(&home).expect("found").vouches_for(b"session").expect("vouched");
        assert_eq!(first.0, again.0);
        let file = home.join(FILE);
        assert_eq!(fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("set");
        assert!(matches!(install_key(&home), Err(IdentityFault::TooWide { .. })));
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("set");
        fs::write(&file, b"short").expect("written");
        assert!(matches!(install_key(&home), Err(IdentityFault::Damaged { .. })));
    }

    #[test]
    fn the_installation_vouches_for_this_session_and_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = install_key(dir.path()).expect("made");
        let (install, signature) = key.vouches_for(b"session").expect("vouched");
        let public = VerifyingKey::from(key.0.public_key());
        let signature = Signature::from_slice(&signature).expect("64 bytes");
        assert!(public.verify(&open_input(b"session", &install), &signature).is_ok());
        assert!(public.verify(&open_input(b"another", &install), &signature).is_err());
    }

    #[test]
    fn every_session_has_a_key_of_its_own_and_can_ask_for_a_certificate() {
        let (one, other) = (SessionKey::fresh(), SessionKey::fresh());
        let public = one.public().expect("a key");
        assert_ne!(public, other.public().expect("a key"));
        let request = one.certificate_request().expect("a request");
        // The request carries the same public key.
        assert!(request.windows(public.len()).any(|window| window == public));
    }
}
