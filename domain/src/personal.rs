//! Personal data at rest in the log: sealed under the user's data key, gone for good with that key.
//!
//! XChaCha20-Poly1305 with a random 192-bit nonce; the AAD is `label || user id`, so a name cannot be moved
//! to another user.

use crate::{bytes, ids::UserId, label::Label};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fmt, marker::PhantomData};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A user's data key; it lives in the key store, never in the log.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct DataKey(pub [u8; 32]);

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(..)")
    }
}

/// A `T` that can be read only with its user's data key.
#[derive(Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Personal<T> {
    nonce: [u8; 24],
    sealed: Vec<u8>,
    #[serde(skip)]
    of: PhantomData<fn() -> T>,
}

/// The key was erased, or it is another user's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this personal value cannot be opened")]
pub struct Unreadable;

impl<T: Serialize + DeserializeOwned> Personal<T> {
    pub fn seal(value: &T, user: UserId, key: &DataKey, nonce: [u8; 24]) -> Self {
        let cipher = XChaCha20Poly1305::new(&key.0.into());
        let mut plain = bytes::encode(value);
        #[expect(clippy::expect_used, reason = "fails only beyond 256 GiB of input")]
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: &plain, aad: &aad(user) })
            .expect("short input");
        plain.zeroize();
        Self { nonce, sealed, of: PhantomData }
    }

    pub fn open(&self, user: UserId, key: &DataKey) -> Result<T, Unreadable> {
        let cipher = XChaCha20Poly1305::new(&key.0.into());
        let mut plain = cipher
            .decrypt(&XNonce::from(self.nonce), Payload { msg: &self.sealed, aad: &aad(user) })
            .map_err(|_| Unreadable)?;
        let value = bytes::decode(&plain).map_err(|_| Unreadable);
        plain.zeroize();
        value
    }
}

fn aad(user: UserId) -> Vec<u8> {
    [Label::Personal.as_bytes(), user.as_bytes()].concat()
}

impl<T> Clone for Personal<T> {
    fn clone(&self) -> Self {
        Self { nonce: self.nonce, sealed: self.sealed.clone(), of: PhantomData }
    }
}

impl<T> PartialEq for Personal<T> {
    fn eq(&self, other: &Self) -> bool {
        self.nonce == other.nonce && self.sealed == other.sealed
    }
}

impl<T> Eq for Personal<T> {}

impl<T> fmt::Debug for Personal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Personal(..)")
    }
}

/// Who a person is. Normalisation for uniqueness is the directory's business.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    pub username: String,
}

/// What a sign-in shows of where it comes from, on the phone and to an admin with a reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whereabouts {
    pub address: std::net::IpAddr,
    pub desktop_name: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: UserId = UserId([1; 16]);

    fn sealed() -> Personal<Profile> {
        Personal::seal(&Profile { username: "ada".into() }, USER, &DataKey([9; 32]), [3; 24])
    }

    #[test]
    fn only_the_users_own_key_opens() {
        assert_eq!(sealed().open(USER, &DataKey([9; 32])).map(|p| p.username), Ok("ada".into()));
        assert_eq!(sealed().open(USER, &DataKey([8; 32])), Err(Unreadable));
    }

    #[test]
    fn a_value_moved_to_another_user_does_not_open() {
        assert_eq!(sealed().open(UserId([2; 16]), &DataKey([9; 32])), Err(Unreadable));
    }

    #[test]
    fn the_stored_bytes_do_not_hold_the_value() {
        assert!(!bytes::encode(&sealed()).windows(3).any(|w| w == b"ada"));
    }
}
