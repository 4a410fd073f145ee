//! NATS' spelling of Ed25519 keys: `base32(prefix, key, CRC-16)`, the first letter saying whose key it is.

use crate::entropy::{self, NoEntropy};
use data_encoding::BASE32_NOPAD;
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;
use zeroize::Zeroizing;

/// Whose key; the public key's first letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Operator,
    Account,
    User,
}

impl Kind {
    const fn prefix(self) -> u8 {
        match self {
            Self::Operator => 14 << 3,
            Self::Account => 0,
            Self::User => 20 << 3,
        }
    }

    fn of_prefix(prefix: u8) -> Option<Self> {
        [Self::Operator, Self::Account, Self::User].into_iter().find(|kind| kind.prefix() == prefix)
    }
}

const SEED_PREFIX: u8 = 18 << 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an nkey seed of the expected kind")]
pub struct InvalidSeed;

/// A key pair of the bus.
#[derive(Clone)]
pub struct KeyPair {
    kind: Kind,
    key: SigningKey,
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public())
    }
}

impl KeyPair {
    pub fn generate(kind: Kind) -> Result<Self, NoEntropy> {
        Ok(Self::from_bytes(kind, &entropy::bytes()?))
    }

    pub fn from_bytes(kind: Kind, secret: &[u8; 32]) -> Self {
        Self { kind, key: SigningKey::from_bytes(secret) }
    }

    pub fn from_seed(kind: Kind, seed: &str) -> Result<Self, InvalidSeed> {
        let raw = Zeroizing::new(BASE32_NOPAD.decode(seed.trim().as_bytes()).map_err(|_| InvalidSeed)?);
        let [first, second, secret @ .., low, high] = raw.as_slice() else { return Err(InvalidSeed) };
        let secret: &[u8; 32] = secret.try_into().map_err(|_| InvalidSeed)?;
        let prefix = ((first & 0b111) << 5) | (second >> 3);
        let sound = first & 0b1111_1000 == SEED_PREFIX
            && Kind::of_prefix(prefix) == Some(kind)
            && u16::from_le_bytes([*low, *high]) == crc16(&raw[..raw.len() - 2]);
        if sound { Ok(Self::from_bytes(kind, secret)) } else { Err(InvalidSeed) }
    }

    pub fn seed(&self) -> Zeroizing<String> {
        let prefix = self.kind.prefix();
        let mut raw = Zeroizing::new(vec![SEED_PREFIX | (prefix >> 5), (prefix & 0b1_1111) << 3]);
        raw.extend_from_slice(self.key.as_bytes());
        let crc = crc16(&raw);
        raw.extend_from_slice(&crc.to_le_bytes());
        Zeroizing::new(BASE32_NOPAD.encode(&raw))
    }

    pub const fn kind(&self) -> Kind {
        self.kind
    }

    pub fn public(&self) -> String {
        let mut raw = vec![self.kind.prefix()];
        raw.extend_from_slice(self.key.verifying_key().as_bytes());
        let crc = crc16(&raw);
        raw.extend_from_slice(&crc.to_le_bytes());
        BASE32_NOPAD.encode(&raw)
    }

    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

/// Whether this is a public key of that kind, with a right checksum. Names go into permissions, so they are
/// validated wherever they are minted.
pub fn is_public(kind: Kind, text: &str) -> bool {
    let Ok(raw) = BASE32_NOPAD.decode(text.as_bytes()) else { return false };
    let Some((body, crc)) = raw.split_at_checked(33) else { return false };
    body[0] == kind.prefix() && crc == crc16(body).to_le_bytes()
}

/// CRC-16/XMODEM.
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the documentation of NATS' own nkeys library.
    const KNOWN_SEED: &str = "SUANQDPB2RUOE4ETUA26CNX7FUKE5ZZKFCQIIW63OX225F2CO7UEXTM7ZY";

    #[test]
    fn a_known_seed_reads_back_as_itself() {
        let pair = KeyPair::from_seed(Kind::User, KNOWN_SEED).unwrap();
        assert_eq!(pair.seed().as_str(), KNOWN_SEED);
        assert!(pair.public().starts_with('U'));
    }

    #[test]
    fn public_keys_tell_their_kind() {
        for (kind, letter) in [(Kind::Operator, 'O'), (Kind::Account, 'A'), (Kind::User, 'U')] {
            let pair = KeyPair::from_bytes(kind, &[7; 32]);
            assert!(pair.public().starts_with(letter));
            assert!(is_public(kind, &pair.public()));
            assert_eq!(KeyPair::from_seed(kind, &pair.seed()).unwrap().public(), pair.public());
        }
        assert!(!is_public(Kind::User, &KeyPair::from_bytes(Kind::Account, &[7; 32]).public()));
    }

    #[test]
    fn a_damaged_or_foreign_seed_is_refused() {
        let mut damaged = KNOWN_SEED.to_owned();
        damaged.replace_range(20..21, "A");
        assert!(KeyPair::from_seed(Kind::User, &damaged).is_err());
        assert!(KeyPair::from_seed(Kind::Account, KNOWN_SEED).is_err());
        assert!(KeyPair::from_seed(Kind::User, "*").is_err());
        assert!(!is_public(Kind::User, ">"));
    }
}
