//! What gateways trust: a set of command-signing keys, signed by a root that the control plane does not need
//! while it serves. `keys/gateway-root.key` can be taken off the machine once `viworks init` has run; it comes
//! back only to sign another set.

use crate::{
    entropy,
    state::{StateDir, StateError},
};
use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use std::time::Duration;
use viworks_domain::{
    Millis, bytes,
    gateway_bus::{KeySet, SignedKeySet},
};
use zeroize::Zeroizing;

pub const ROOT_FILE: &str = "keys/gateway-root.key";
const ROOT_PUBLIC_FILE: &str = "keys/gateway-root.pub";
const SET_FILE: &str = "keys/gateway-keys.signed";

/// Two years: signing another set means fetching the root, and agents refuse an expired one.
const SET_LIFETIME: Duration = Duration::from_secs(2 * 365 * 86_400);

/// What every enrolling gateway is given.
#[derive(Clone, Debug)]
pub struct GatewayTrust {
    pub root: VerifyingKey,
    pub keys: SignedKeySet,
    pub valid_until: Millis,
}

#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    #[error(transparent)]
    State(#[from] StateError),
    #[error("{SET_FILE} is not a set that {ROOT_PUBLIC_FILE} signed, or it has expired")]
    NotSigned,
    #[error("{SET_FILE} does not name the key that this node signs gateway commands with")]
    OtherKey,
}

impl GatewayTrust {
    /// Draws the root and signs the first set.
    pub fn make(state: &StateDir, signer: &VerifyingKey, now: Millis) -> Result<Self, TrustError> {
        let root = SigningKey::from_bytes(&Zeroizing::new(entropy::bytes()));
        let valid_until = now.plus(SET_LIFETIME);
        let set = KeySet { epoch: 1, keys: vec![signer.to_bytes()], not_after: valid_until };
        let keys = SignedKeySet::sign(&set, &root);
        let secret = Zeroizing::new(BASE64URL_NOPAD.encode(root.as_bytes()));
        state.add(ROOT_FILE, secret.as_bytes())?;
        state.add(ROOT_PUBLIC_FILE, BASE64URL_NOPAD.encode(root.verifying_key().as_bytes()).as_bytes())?;
        state.add(SET_FILE, &bytes::encode(&keys))?;
        Ok(Self { root: root.verifying_key(), keys, valid_until })
    }

    /// # Errors
    /// The set is not the root's, has expired, or is about another key than `signer`: every gateway would
    /// refuse what this node sends.
    pub fn load(state: &StateDir, signer: &VerifyingKey, now: Millis) -> Result<Self, TrustError> {
        let public = state.text(ROOT_PUBLIC_FILE)?;
        let root = BASE64URL_NOPAD
            .decode(public.trim().as_bytes())
            .ok()
            .and_then(|bytes| VerifyingKey::try_from(bytes.as_slice()).ok())
            .ok_or(TrustError::NotSigned)?;
        let keys: SignedKeySet =
            bytes::decode(&state.secret(SET_FILE)?).map_err(|_| TrustError::NotSigned)?;
        let set = keys.verify(&root, now).ok_or(TrustError::NotSigned)?;
        if !set.keys.contains(signer.as_bytes()) {
            return Err(TrustError::OtherKey);
        }
        Ok(Self { root, keys, valid_until: set.not_after })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let temp = tempfile::tempdir().expect("a directory");
        let state = StateDir::make(&temp.path().join("state")).expect("made");
        (temp, state)
    }

    fn signer(seed: u8) -> VerifyingKey {
        SigningKey::from_bytes(&[seed; 32]).verifying_key()
    }

    #[test]
    fn the_set_is_read_without_the_root_key() {
        let (_temp, state) = state();
        let made = GatewayTrust::make(&state, &signer(1), Millis(1_000)).expect("made");
        std::fs::remove_file(state.at(ROOT_FILE)).expect("taken away");
        let read = GatewayTrust::load(&state, &signer(1), Millis(2_000)).expect("read");
        assert_eq!(read.keys, made.keys);
    }

    #[test]
    fn a_set_for_another_signer_or_past_its_time_is_refused() {
        let (_temp, state) = state();
        GatewayTrust::make(&state, &signer(1), Millis(1_000)).expect("made");
        let other = GatewayTrust::load(&state, &signer(2), Millis(2_000));
        assert!(matches!(other, Err(TrustError::OtherKey)));
        let late = GatewayTrust::load(&state, &signer(1), Millis(1_001).plus(SET_LIFETIME));
        assert!(matches!(late, Err(TrustError::NotSigned)));
    }
}
