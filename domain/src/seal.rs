//! Sealed boxes: HPKE base mode (RFC 9180), DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, ChaCha20Poly1305.
//!
//! The sender's half is a shell's (it needs randomness). The receiver's half is here, from a Diffie-Hellman
//! value that the platform computes: hardware keys never give their private bytes.
//! `info` is the label; the AAD is the ids and the expiry that the box belongs to.

use crate::{Millis, label::Label};
use chacha20poly1305::{
    ChaCha20Poly1305, KeyInit,
    aead::{Aead, Payload},
};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use std::fmt;
use zeroize::Zeroizing;

/// Suite ids of RFC 9180 section 7: KEM 0x0010, KDF 0x0001, AEAD 0x0003.
const KEM_SUITE: &[u8] = b"KEM\x00\x10";
const HPKE_SUITE: &[u8] = b"HPKE\x00\x10\x00\x01\x00\x03";

/// A box for one receiver.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedBox {
    /// The encapsulated key: an uncompressed SEC 1 point, 65 bytes.
    pub enc: Vec<u8>,
    pub ciphertext: Vec<u8>,
}

impl fmt::Debug for SealedBox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealedBox(..)")
    }
}

/// The box is not for this key, or not for these ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the sealed box does not open")]
pub struct Unsealable;

/// AAD: the ids (16 bytes each) and the expiry (u64 big-endian), fixed width.
pub fn aad(ids: &[&[u8; 16]], expires: Millis) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(ids.len() * 16 + 8);
    for id in ids {
        bytes.extend_from_slice(*id);
    }
    bytes.extend_from_slice(&expires.0.to_be_bytes());
    bytes
}

/// Opens a box with the Diffie-Hellman value of the receiver's private key and `enc`.
///
/// `dh`: the x-coordinate, 32 bytes. `receiver`: the receiver's public key, uncompressed SEC 1, 65 bytes.
pub fn open(
    boxed: &SealedBox,
    label: Label,
    aad: &[u8],
    dh: &[u8; 32],
    receiver: &[u8],
) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    let kem_context = [&boxed.enc[..], receiver].concat();
    let eae_prk = labeled_extract(KEM_SUITE, &[], b"eae_prk", dh);
    let mut shared = Zeroizing::new([0; 32]);
    labeled_expand(&eae_prk, KEM_SUITE, b"shared_secret", &kem_context, &mut *shared)?;

    let psk_id_hash = labeled_extract_bytes(HPKE_SUITE, &[], b"psk_id_hash", &[]);
    let info_hash = labeled_extract_bytes(HPKE_SUITE, &[], b"info_hash", label.as_bytes());
    let context = [&[0u8][..], &psk_id_hash, &info_hash].concat();
    let secret = labeled_extract(HPKE_SUITE, &*shared, b"secret", &[]);
    let mut key = Zeroizing::new([0; 32]);
    let mut nonce = [0; 12];
    labeled_expand(&secret, HPKE_SUITE, b"key", &context, &mut *key)?;
    labeled_expand(&secret, HPKE_SUITE, b"base_nonce", &context, &mut nonce)?;

    ChaCha20Poly1305::new(&(*key).into())
        .decrypt(&nonce.into(), Payload { msg: &boxed.ciphertext, aad })
        .map(Zeroizing::new)
        .map_err(|_| Unsealable)
}

/// Opens a box with a private key that software holds (a gateway's).
pub fn open_with(
    boxed: &SealedBox,
    label: Label,
    aad: &[u8],
    key: &p256::SecretKey,
) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
    use p256::elliptic_curve::sec1::ToSec1Point;
    let sender = p256::PublicKey::from_sec1_bytes(&boxed.enc).map_err(|_| Unsealable)?;
    let shared = p256::ecdh::diffie_hellman(key.to_nonzero_scalar(), sender.as_affine());
    let dh = Zeroizing::new(<[u8; 32]>::from(*shared.raw_secret_bytes()));
    open(boxed, label, aad, &dh, key.public_key().to_sec1_point(false).as_bytes())
}

fn labeled_input(suite: &[u8], label: &[u8], input: &[u8]) -> Zeroizing<Vec<u8>> {
    Zeroizing::new([b"HPKE-v1", suite, label, input].concat())
}

fn labeled_extract_bytes(suite: &[u8], salt: &[u8], label: &[u8], input: &[u8]) -> [u8; 32] {
    Hkdf::<Sha256>::extract(Some(salt), &labeled_input(suite, label, input)).0.into()
}

fn labeled_extract(suite: &[u8], salt: &[u8], label: &[u8], input: &[u8]) -> Hkdf<Sha256> {
    Hkdf::<Sha256>::extract(Some(salt), &labeled_input(suite, label, input)).1
}

fn labeled_expand(
    prk: &Hkdf<Sha256>,
    suite: &[u8],
    label: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Result<(), Unsealable> {
    let length = u16::try_from(out.len()).map_err(|_| Unsealable)?.to_be_bytes();
    prk.expand(&[&length[..], b"HPKE-v1", suite, label, info].concat(), out).map_err(|_| Unsealable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use hpke::kem::DhP256HkdfSha256 as Kem;
    use hpke::{Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305 as Aead, kdf::HkdfSha256};

    fn receiver() -> p256::SecretKey {
        p256::SecretKey::from_slice(&[5; 32]).expect("a valid scalar")
    }

    fn sealed(label: Label, aad: &[u8]) -> SealedBox {
        use p256::elliptic_curve::sec1::ToSec1Point;
        let public = receiver().public_key().to_sec1_point(false);
        let public = <Kem as hpke::Kem>::PublicKey::from_bytes(public.as_bytes()).expect("a point");
        let (enc, ciphertext) = hpke::single_shot_seal::<Aead, HkdfSha256, Kem>(
            &OpModeS::Base,
            &public,
            label.as_bytes(),
            b"492817",
            aad,
        )
        .expect("sealed");
        SealedBox { enc: enc.to_bytes().to_vec(), ciphertext }
    }

    #[test]
    fn a_box_of_an_independent_rfc_9180_sender_opens() {
        let boxed = sealed(Label::SealOtp, b"aad");
        let opened = open_with(&boxed, Label::SealOtp, b"aad", &receiver()).expect("opens");
        assert_eq!(&**opened, b"492817");
    }

    #[test]
    fn another_label_other_ids_or_another_key_do_not_open_it() {
        let boxed = sealed(Label::SealOtp, b"aad");
        assert_eq!(open_with(&boxed, Label::SealBootstrap, b"aad", &receiver()), Err(Unsealable));
        assert_eq!(open_with(&boxed, Label::SealOtp, b"other", &receiver()), Err(Unsealable));
        let other = p256::SecretKey::from_slice(&[6; 32]).expect("a valid scalar");
        assert_eq!(open_with(&boxed, Label::SealOtp, b"aad", &other), Err(Unsealable));
    }
}
