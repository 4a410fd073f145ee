//! The control plane's own keys.
//!
//! One root key of 32 random bytes, from `keys/root.key` or the environment, is all that has to be kept safe
//! and backed up: every other key here is HKDF-SHA256 (RFC 5869) of it under a label of its own, so none
//! tells anything of another. Two things are not derived: the offline root that signs gateway key sets
//! (whoever holds the root key must not be able to introduce new signers to the agents), and the certificate
//! authorities in [`crate::ca`].

use crate::state::{StateDir, StateError};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::{fmt, net::IpAddr};
use viworks_domain::{
    actor::Origin,
    ids::{CommandId, CorrelationId, Digest, NameId, OperatorId},
    otp::OtpKey,
    personal::DataKey,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

pub const ROOT_FILE: &str = "keys/root.key";
/// Takes precedence over the file: for machines whose secrets come from a vault.
pub const ROOT_ENV: &str = "VIWORKS_ROOT_KEY";

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the root key from {from} is not 32 bytes in unpadded base64url")]
    NotAKey { from: RootSource },
}

/// Where the root key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootSource {
    File,
    Environment,
}

impl fmt::Display for RootSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => ROOT_FILE,
            Self::Environment => ROOT_ENV,
        })
    }
}

#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RootKey([u8; 32]);

impl RootKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn load(state: &StateDir) -> Result<(Self, RootSource), KeyError> {
        match std::env::var(ROOT_ENV) {
            Ok(text) => Self::parse(&Zeroizing::new(text), RootSource::Environment),
            Err(_) => Self::parse(&state.text(ROOT_FILE)?, RootSource::File),
        }
    }

    fn parse(text: &str, from: RootSource) -> Result<(Self, RootSource), KeyError> {
        let bytes = Zeroizing::new(
            BASE64URL_NOPAD.decode(text.trim().as_bytes()).map_err(|_| KeyError::NotAKey { from })?,
        );
        let bytes = bytes.as_slice().try_into().map_err(|_| KeyError::NotAKey { from })?;
        Ok((Self(bytes), from))
    }

    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0))
    }

    /// Whether somebody typed it rather than drew it: 32 random bytes have fewer than 20 different values
    /// once in 10^8 keys.
    pub fn looks_weak(&self) -> bool {
        let mut seen = [false; 256];
        for byte in self.0 {
            seen[usize::from(byte)] = true;
        }
        seen.iter().filter(|seen| **seen).count() < 20
    }

    fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut out = [0; 32];
        let info = format!("viworks/key/{purpose}/v1");
        #[expect(clippy::expect_used, reason = "32 bytes are within HKDF-SHA256's 8160")]
        Hkdf::<Sha256>::new(None, &self.0).expand(info.as_bytes(), &mut out).expect("32 bytes");
        out
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(..)")
    }
}

/// 32 bytes for one purpose.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(pub [u8; 32]);

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}

impl SecretBytes {
    fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length");
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}

#[derive(Clone, Debug)]
pub struct Keys {
    pub otp: OtpKey,
    /// Argon2id's secret: a stolen log without it lets nobody guess passwords.
    pub pepper: SecretBytes,
    /// Wraps each user's data key in the key store.
    pub wrapping: DataKey,
    /// Signs gateway commands; the agents know it from the key set that the offline root signed.
    pub gateway_commands: SigningKey,
    address: SecretBytes,
    index: SecretBytes,
    request: SecretBytes,
    one_use: SecretBytes,
    api: SigningKey,
    process: SigningKey,
    intake: SigningKey,
}

impl Keys {
    pub fn derive(root: &RootKey) -> Self {
        let signing = |purpose| SigningKey::from_bytes(&Zeroizing::new(root.derive(purpose)));
        Self {
            otp: OtpKey(root.derive("otp")),
            pepper: SecretBytes(root.derive("password-pepper")),
            wrapping: DataKey(root.derive("data-key-wrapping")),
            gateway_commands: signing("gateway-commands"),
            address: SecretBytes(root.derive("address")),
            index: SecretBytes(root.derive("name-index")),
            request: SecretBytes(root.derive("request-digest")),
            one_use: SecretBytes(root.derive("one-use")),
            api: signing("origin-api"),
            process: signing("origin-process"),
            intake: signing("origin-intake"),
        }
    }

    /// What a part of the control plane signs its commands with.
    pub fn origin(&self, origin: Origin) -> &SigningKey {
        match origin {
            Origin::Api => &self.api,
            Origin::Process => &self.process,
            Origin::Intake => &self.intake,
        }
    }

    /// Equal addresses compare equal, none can be read back.
    pub fn address(&self, address: IpAddr) -> Digest {
        // An IPv4 address and its IPv6-mapped form are one desktop.
        let bytes = match address.to_canonical() {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        };
        Digest(self.address.mac(&[&bytes]))
    }

    /// The aggregate that claims a user's name.
    pub fn name(&self, username: &Username) -> NameId {
        NameId(self.indexed(b"user\0", &username.0))
    }

    /// An operator's id follows from the name: it is unique without an index, and sign-in folds one
    /// aggregate, known or not.
    pub fn operator(&self, name: &Username) -> OperatorId {
        OperatorId(self.indexed(b"operator\0", &name.0))
    }

    /// Of a request whose body holds a secret: a plain hash in the log could be guessed at.
    pub fn request_digest(&self, request: &[u8]) -> Digest {
        Digest(self.request.mac(&[b"digest\0", request]))
    }

    /// What a command makes up (ids, one-use secrets, tokens): unguessable without the key, and the same when
    /// the same command is asked for again, because its first answer was lost.
    pub fn one_use(&self, what: OneUse, command: CommandId) -> [u8; 32] {
        self.one_use.mac(&[what.as_bytes(), command.as_bytes()])
    }

    /// What a request is known under, in its answer and in the log: the same when it is asked again.
    pub fn correlation(&self, idempotency_key: &[u8], authorization: &[u8]) -> CorrelationId {
        let mut id = [0; 16];
        id.copy_from_slice(
            &self.request.mac(&[b"correlation\0", idempotency_key, b"\0", authorization])[..16],
        );
        CorrelationId(id)
    }

    /// The id of what a command makes.
    pub fn new_id(&self, command: CommandId) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&self.one_use(OneUse::Id, command)[..16]);
        id
    }

    fn indexed(&self, what: &[u8], name: &str) -> [u8; 16] {
        let mut id = [0; 16];
        id.copy_from_slice(&self.index.mac(&[what, name.as_bytes()])[..16]);
        id
    }
}

/// What is made for a command, each under a name of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneUse {
    Id,
    OperatorToken,
    GatewaySecret,
    PhoneOffer,
    PhoneSecret,
}

impl OneUse {
    const fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Id => b"id\0",
            Self::OperatorToken => b"operator-token\0",
            Self::GatewaySecret => b"gateway-secret\0",
            Self::PhoneOffer => b"phone-offer\0",
            Self::PhoneSecret => b"phone-secret\0",
        }
    }
}

/// A name as it is compared: ASCII letters (lower case), digits and `. _ -`, 1 to 64 of them, beginning with a
/// letter or digit. No other scripts: two names that look alike are one attack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
            && text.as_bytes()[0].is_ascii_alphanumeric();
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn keys(seed: u8) -> Keys {
        Keys::derive(&RootKey([seed; 32]))
    }

    fn name(text: &str) -> Username {
        Username::parse(text).expect("a name")
    }

    #[test]
    fn every_key_differs_from_every_other_and_between_roots() {
        let all = |keys: &Keys| {
            vec![
                keys.otp.0,
                keys.pepper.0,
                keys.wrapping.0,
                keys.gateway_commands.to_bytes(),
                keys.address.0,
                keys.index.0,
                keys.request.0,
                keys.one_use.0,
                keys.api.to_bytes(),
                keys.process.to_bytes(),
                keys.intake.to_bytes(),
            ]
        };
        let seen: BTreeSet<_> = all(&keys(1)).into_iter().chain(all(&keys(2))).collect();
        assert_eq!(seen.len(), 22);
    }

    #[test]
    fn the_same_root_gives_the_same_keys_for_ever() {
        // Frozen: a changed label or derivation would lock every user out and orphan every data key.
        // The value is RFC 5869 computed by another implementation.
        let pepper = data_encoding::HEXLOWER.encode(&keys(7).pepper.0);
        assert_eq!(pepper, "e46306790a62dec7b69e2e11cd4dc6f48485317c4c5c23918763c2a460883195");
    }

    #[test]
    fn an_address_and_its_mapped_form_are_one() {
        let v4: IpAddr = "10.1.2.3".parse().expect("an address");
        let mapped: IpAddr = "::ffff:10.1.2.3".parse().expect("an address");
        assert_eq!(keys(1).address(v4), keys(1).address(mapped));
        assert_ne!(keys(1).address(v4), keys(1).address("10.1.2.4".parse().expect("an address")));
        assert_ne!(keys(1).address(v4), keys(2).address(v4));
    }

    #[test]
    fn names_compare_without_case_and_never_mix_users_with_operators() {
        assert_eq!(keys(1).name(&name("Ada")), keys(1).name(&name("ada")));
        assert_ne!(keys(1).name(&name("ada")).0, keys(1).operator(&name("ada")).0);
    }

    #[test]
    fn only_plain_names_are_names() {
        for wrong in ["", ".ada", "-rf", "--", "ad a", "аdа", "a/b", "a\0", "a\n", &"a".repeat(65), "ａda"]
        {
            assert_eq!(Username::parse(wrong), None, "{wrong:?}");
        }
        for right in ["a", "Ada.Lovelace", "x-1_y", "7of9"] {
            assert!(Username::parse(right).is_some(), "{right:?}");
        }
    }

    #[test]
    fn a_root_key_is_32_bytes_of_text_and_says_when_it_is_weak() {
        let root = RootKey(std::array::from_fn(|n| n as u8));
        let (read, _) = RootKey::parse(&root.to_text(), RootSource::File).expect("reads back");
        assert_eq!(read.0, root.0);
        assert!(!read.looks_weak());
        assert!(RootKey([7; 32]).looks_weak());
        for wrong in ["", "c2hvcnQ", "not base64url at all ****"] {
            assert!(RootKey::parse(wrong, RootSource::File).is_err(), "{wrong:?}");
        }
    }
}
