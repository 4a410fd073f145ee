//! Both keys as 0600 files of 32 bytes each: made here, read here, sent nowhere.

use super::{
    entropy,
    place::{Place, PlaceFault},
};
use crate::{DeviceKey, KeyFault};
use p256::{
    SecretKey,
    ecdsa::{Signature, SigningKey, signature::Signer},
    elliptic_curve::sec1::ToSec1Point,
};
use viworks_domain::policy::KeyProtection;
use zeroize::Zeroizing;

const SIGN: &str = "sign.key";
const AGREE: &str = "agree.key";

pub struct FileKeys {
    sign: SecretKey,
    agree: SecretKey,
}

impl FileKeys {
    /// # Errors
    /// A key file that others may read, or that holds no key.
    pub fn load(place: &Place) -> Result<Option<Self>, PlaceFault> {
        let key = |name: &'static str| -> Result<Option<SecretKey>, PlaceFault> {
            let Some(bytes) = place.read(name)? else { return Ok(None) };
            let bytes = Zeroizing::new(bytes);
            SecretKey::from_slice(&bytes).map(Some).map_err(|_| place.damaged(name))
        };
        Ok(match (key(SIGN)?, key(AGREE)?) {
            (Some(sign), Some(agree)) => Some(Self { sign, agree }),
            _ => None,
        })
    }

    /// # Errors
    /// The files cannot be written.
    pub fn make(place: &Place) -> Result<Self, PlaceFault> {
        let keys = Self { sign: fresh(), agree: fresh() };
        place.write(SIGN, &Zeroizing::new(keys.sign.to_bytes()))?;
        place.write(AGREE, &Zeroizing::new(keys.agree.to_bytes()))?;
        Ok(keys)
    }
}

fn fresh() -> SecretKey {
    loop {
        // All but 2^-32 of the draws are scalars.
        if let Ok(key) = SecretKey::from_slice(&*Zeroizing::new(entropy::bytes::<32>())) {
            return key;
        }
    }
}

impl DeviceKey for FileKeys {
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
        let signature: Signature = SigningKey::from(&self.sign).sign(message);
        Ok(signature.to_bytes().to_vec())
    }

    fn agree(&self, peer: &[u8]) -> Result<Zeroizing<[u8; 32]>, KeyFault> {
        let peer = p256::PublicKey::from_sec1_bytes(peer).map_err(|_| KeyFault::NotAKey)?;
        let shared = p256::ecdh::diffie_hellman(self.agree.to_nonzero_scalar(), peer.as_affine());
        Ok(Zeroizing::new((*shared.raw_secret_bytes()).into()))
    }
}
