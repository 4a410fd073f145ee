//! The phone's two P-256 keys, which the platform holds and works: one signs, one agrees.

use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use viworks_api::bytes::Bytes;
use viworks_domain::{device::DeviceKeys, policy::KeyProtection};
use zeroize::Zeroizing;

/// The platform's side: Android Keystore, Secure Enclave, WebCrypto, or files. Private halves never cross it.
pub trait DeviceKey {
    /// Public half of the signing key, uncompressed SEC 1, 65 bytes.
    fn sign_key(&self) -> Vec<u8>;

    /// Public half of the agreement key, uncompressed SEC 1, 65 bytes.
    fn agree_key(&self) -> Vec<u8>;

    /// How well this platform guards them.
    fn protection(&self) -> KeyProtection;

    /// ECDSA P-256 with SHA-256 over `message`: 64 bytes r || s, or DER as some platforms give it.
    ///
    /// # Errors
    /// The platform did not sign (the person declined, the key is gone).
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault>;

    /// The x-coordinate of the Diffie-Hellman point with `peer` (uncompressed SEC 1, checked to be on the curve).
    ///
    /// # Errors
    /// The platform did not compute it.
    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFault>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error("this device did not let its key be used")]
    Declined,
    #[error("this device's key is not a P-256 key")]
    NotAKey,
    /// What the platform gave does not verify under its own public key: nothing is sent.
    #[error("this device's signature does not verify under its own key")]
    DoesNotVerify,
}

pub(crate) fn public_halves(key: &impl DeviceKey) -> DeviceKeys {
    DeviceKeys { sign: key.sign_key(), agree: key.agree_key(), protection: key.protection() }
}

/// Signs, and verifies before anybody else sees it.
pub(crate) fn signed(key: &impl DeviceKey, message: &[u8]) -> Result<Bytes, KeyFault> {
    let public = VerifyingKey::from_sec1_bytes(&key.sign_key()).map_err(|_| KeyFault::NotAKey)?;
    let given = key.sign(message)?;
    let signature = Signature::from_slice(&given)
        .or_else(|_| Signature::from_der(&given))
        .map_err(|_| KeyFault::DoesNotVerify)?;
    public.verify(message, &signature).map_err(|_| KeyFault::DoesNotVerify)?;
    Ok(signature.to_bytes().to_vec().into())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use p256::{
        SecretKey,
        ecdsa::{SigningKey, signature::Signer},
        elliptic_curve::sec1::ToSec1Point,
    };

    /// Keys in plain sight.
    pub(crate) struct Plain {
        pub sign: SecretKey,
        pub agree: SecretKey,
        pub how: How,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    pub(crate) enum How {
        Raw,
        Der,
        Wrong,
        Declines,
    }

    pub(crate) fn plain(how: How) -> Plain {
        let key = |seed| SecretKey::from_slice(&[seed; 32]).expect("a scalar");
        Plain { sign: key(3), agree: key(5), how }
    }

    impl DeviceKey for Plain {
        fn sign_key(&self) -> Vec<u8> {
            self.sign.public_key().to_sec1_point(false).as_bytes().to_vec()
        }

        fn agree_key(&self) -> Vec<u8> {
            self.agree.public_key().to_sec1_point(false).as_bytes().to_vec()
        }

        fn protection(&self) -> KeyProtection {
            KeyProtection::File
        }

        fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
            let key = SigningKey::from(&self.sign);
            let signature: Signature = key.sign(message);
            match self.how {
                How::Raw => Ok(signature.to_bytes().to_vec()),
                How::Der => Ok(signature.to_der().as_bytes().to_vec()),
                How::Wrong => {
                    let other: Signature = key.sign(b"something else");
                    Ok(other.to_bytes().to_vec())
                }
                How::Declines => Err(KeyFault::Declined),
            }
        }

        fn agree(&self, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
            let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| KeyFault::NotAKey)?;
            let shared = p256::ecdh::diffie_hellman(self.agree.to_nonzero_scalar(), peer.as_affine());
            Ok(Zeroizing::new((*shared.raw_secret_bytes()).into()))
        }
    }

    #[test]
    fn both_ways_in_which_platforms_write_signatures_become_64_bytes() {
        let raw = signed(&plain(How::Raw), b"message").expect("signed");
        assert_eq!(raw.0.len(), 64);
        assert_eq!(signed(&plain(How::Der), b"message"), Ok(raw));
    }

    #[test]
    fn a_signature_that_does_not_verify_is_never_handed_out() {
        assert_eq!(signed(&plain(How::Wrong), b"message"), Err(KeyFault::DoesNotVerify));
        assert_eq!(signed(&plain(How::Declines), b"message"), Err(KeyFault::Declined));
    }
}
