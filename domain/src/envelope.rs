//! The signed envelope around every message that asks for or reports something.
//!
//! `magic "VW", kind u8, version u8, key id [8], body, tag [64]`: the tag is an Ed25519 signature
//! (RFC 8032, verified strictly) over `label || everything before the tag`. A bus address proves nothing;
//! this does.

use crate::label::Label;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha256};

pub const MAGIC: [u8; 2] = *b"VW";
const VERSION: u8 = 1;
const HEAD: usize = 12;
const TAG: usize = 64;

/// What the body is; each kind has a label, so no signature fits two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    Command = 1,
    GatewayCommand = 2,
    Report = 3,
    Head = 4,
}

impl Kind {
    pub const fn label(self) -> Label {
        match self {
            Self::Command => Label::Command,
            Self::GatewayCommand => Label::GatewayCommand,
            Self::Report => Label::Report,
            Self::Head => Label::Head,
        }
    }
}

/// The first 8 bytes of SHA-256 of the public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct KeyId(pub [u8; 8]);

impl KeyId {
    pub fn of(public_key: &[u8]) -> Self {
        let digest: [u8; 32] = Sha256::digest(public_key).into();
        let mut id = [0; 8];
        id.copy_from_slice(&digest[..8]);
        Self(id)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Untrusted {
    #[error("not an envelope of the expected kind and version")]
    NotThatEnvelope,
    #[error("signed with a key that is not known here")]
    UnknownKey,
    #[error("the signature does not fit")]
    BadSignature,
}

pub fn seal(kind: Kind, key: &SigningKey, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + body.len() + TAG);
    bytes.extend_from_slice(&MAGIC);
    bytes.push(kind as u8);
    bytes.push(VERSION);
    bytes.extend_from_slice(&KeyId::of(key.verifying_key().as_bytes()).0);
    bytes.extend_from_slice(body);
    let tag = key.sign(&signed_input(kind, &bytes));
    bytes.extend_from_slice(&tag.to_bytes());
    bytes
}

/// The body, once its signature has been verified under the key that `key` finds for the envelope's key id.
pub fn open(
    kind: Kind,
    bytes: &[u8],
    key: impl FnOnce(KeyId) -> Option<VerifyingKey>,
) -> Result<&[u8], Untrusted> {
    let rest = bytes.strip_prefix(&MAGIC).ok_or(Untrusted::NotThatEnvelope)?;
    let (head, rest) = rest.split_at_checked(HEAD - MAGIC.len()).ok_or(Untrusted::NotThatEnvelope)?;
    let [k, VERSION, id @ ..] = head else { return Err(Untrusted::NotThatEnvelope) };
    if *k != kind as u8 {
        return Err(Untrusted::NotThatEnvelope);
    }
    let (body, tag) =
        rest.split_at_checked(rest.len().wrapping_sub(TAG)).ok_or(Untrusted::NotThatEnvelope)?;
    let id = KeyId(id.try_into().map_err(|_| Untrusted::NotThatEnvelope)?);
    let key = key(id).ok_or(Untrusted::UnknownKey)?;
    let tag = Signature::from_slice(tag).map_err(|_| Untrusted::BadSignature)?;
    let signed = &bytes[..bytes.len() - TAG];
    key.verify_strict(&signed_input(kind, signed), &tag).map_err(|_| Untrusted::BadSignature)?;
    Ok(body)
}

fn signed_input(kind: Kind, bytes: &[u8]) -> Vec<u8> {
    [kind.label().as_bytes(), bytes].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn check(kind: Kind, bytes: &[u8]) -> Result<Vec<u8>, Untrusted> {
        let known = key().verifying_key();
        open(kind, bytes, |id| (id == KeyId::of(known.as_bytes())).then_some(known)).map(<[u8]>::to_vec)
    }

    #[test]
    fn what_was_sealed_opens() {
        assert_eq!(check(Kind::Report, &seal(Kind::Report, &key(), b"body")), Ok(b"body".to_vec()));
    }

    #[test]
    fn one_kind_never_opens_as_another() {
        assert_eq!(
            check(Kind::Command, &seal(Kind::Report, &key(), b"body")),
            Err(Untrusted::NotThatEnvelope)
        );
        let mut relabelled = seal(Kind::Report, &key(), b"body");
        relabelled[2] = Kind::Command as u8;
        assert_eq!(check(Kind::Command, &relabelled), Err(Untrusted::BadSignature));
    }

    #[test]
    fn any_flipped_bit_is_refused() {
        let sealed = seal(Kind::Command, &key(), b"body");
        for bit in 0..sealed.len() * 8 {
            let mut bytes = sealed.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(check(Kind::Command, &bytes).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn an_unknown_key_and_a_short_message_are_refused() {
        let other = SigningKey::from_bytes(&[8; 32]);
        assert_eq!(check(Kind::Command, &seal(Kind::Command, &other, b"x")), Err(Untrusted::UnknownKey));
        let sealed = seal(Kind::Command, &key(), b"");
        for len in 0..sealed.len() {
            assert!(check(Kind::Command, &sealed[..len]).is_err());
        }
    }
}
