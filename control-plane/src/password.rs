//! Passwords: Argon2id with a pepper that is outside the log, on a bounded number of threads.
//!
//! An unknown name costs the same as a known one: it is verified against a hash that nothing fits.

use crate::{entropy, keys::SecretBytes};
use argon2::{
    Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version,
    password_hash::phc::PasswordHash as Phc,
};
use secrecy::{ExposeSecret as _, SecretString};
use std::sync::Arc;
use tokio::sync::Semaphore;
use viworks_domain::user::PasswordHash;

/// OWASP's minimum for Argon2id; never less.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// NIST 800-63B-4: at least 8 where the password is one of two factors. Operators' are drawn, not chosen.
pub const SHORTEST_FOR_USERS: usize = 8;
/// Argon2 takes any length; a form does not.
pub const LONGEST: usize = 256;

/// How many may wait for each thread: at 50 to 100 ms each, whoever is last waits a few seconds. More are
/// turned away, so that a flood costs strangers their turn and nobody memory.
const WAITING_PER_THREAD: usize = 32;

/// Too many passwords are being checked; try again in a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are waiting to be hashed")]
pub struct Busy;

/// Cheap to clone.
#[derive(Clone)]
pub struct Passwords(Arc<Inner>);

struct Inner {
    pepper: SecretBytes,
    /// One permit per thread.
    threads: Semaphore,
    /// One per request, working or waiting.
    places: Semaphore,
    /// What an unknown name's password is compared with.
    nobody: String,
}

impl Passwords {
    pub fn new(pepper: SecretBytes, parallel: usize) -> Self {
        let nobody = hash(&pepper, &SecretString::from(""), &entropy::bytes());
        Self(Arc::new(Inner {
            pepper,
            threads: Semaphore::new(parallel),
            places: Semaphore::new(parallel * WAITING_PER_THREAD),
            nobody: nobody.0,
        }))
    }

    pub async fn hash(&self, password: impl Into<SecretString>) -> Result<PasswordHash, Busy> {
        let (password, salt) = (password.into(), entropy::bytes());
        self.run(move |inner| hash(&inner.pepper, &password, &salt)).await
    }

    /// Whether the password fits the PHC string; `None`: there is nobody of that name, which takes as long to
    /// find out.
    pub async fn verify(
        &self,
        password: impl Into<SecretString>,
        stored: Option<String>,
    ) -> Result<bool, Busy> {
        let password = password.into();
        self.run(move |inner| {
            let known = stored.is_some();
            let phc = stored.unwrap_or_else(|| inner.nobody.clone());
            let fits = argon2(&inner.pepper).is_some_and(|argon2| {
                argon2.verify_password(password.expose_secret().as_bytes(), &*phc).is_ok()
            });
            fits && known
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let _place = self.0.places.try_acquire().map_err(|_| Busy)?;
        let _thread = self.0.threads.acquire().await.map_err(|_| Busy)?;
        let inner = Arc::clone(&self.0);
        tokio::task::spawn_blocking(move || work(&inner)).await.map_err(|_| Busy)
    }
}

fn argon2(pepper: &SecretBytes) -> Option<Argon2<'_>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Argon2::new_with_secret(&pepper.0, Algorithm::Argon2id, Version::V0x13, params).ok()
}

#[expect(clippy::expect_used, reason = "the parameters are constants that Argon2 accepts, as the tests show")]
fn hash(pepper: &SecretBytes, password: &SecretString, salt: &[u8; 16]) -> PasswordHash {
    let argon2 = argon2(pepper).expect("valid parameters");
    let phc: Phc = argon2
        .hash_password_with_salt(password.expose_secret().as_bytes(), salt)
        .expect("a short password and a long enough salt");
    PasswordHash(phc.to_string())
}

/// Why a new password is not taken.
pub fn unfit(password: &SecretString, shortest: usize) -> Option<String> {
    let characters = password.expose_secret().chars().count();
    let bytes = password.expose_secret().len();
    (characters < shortest || bytes > LONGEST)
        .then(|| format!("give a password of at least {shortest} characters and at most {LONGEST} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passwords(pepper: u8) -> Passwords {
        Passwords::new(SecretBytes([pepper; 32]), 2)
    }

    fn secret(text: &str) -> SecretString {
        SecretString::from(text.to_owned())
    }

    #[tokio::test]
    async fn only_the_right_password_under_the_same_pepper_fits() {
        let stored = passwords(1).hash(secret("correct horse")).await.expect("hashed");
        assert!(stored.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.0);
        let fits = async |pepper, text| {
            passwords(pepper).verify(secret(text), Some(stored.0.clone())).await.expect("checked")
        };
        assert!(fits(1, "correct horse").await);
        assert!(!fits(1, "correct horsf").await);
        assert!(!fits(2, "correct horse").await);
    }

    #[tokio::test]
    async fn the_same_password_twice_is_two_hashes() {
        let passwords = passwords(1);
        let first = passwords.hash(secret("same")).await.expect("hashed");
        assert_ne!(first, passwords.hash(secret("same")).await.expect("hashed"));
    }

    #[tokio::test]
    async fn nothing_fits_nobody() {
        for text in ["", "x", "correct horse"] {
            assert_eq!(passwords(1).verify(secret(text), None).await, Ok(false));
        }
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_none_fits_nothing() {
        let broken = "$argon2id$nonsense".to_owned();
        assert_eq!(passwords(1).verify(secret("x"), Some(broken)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_flood_is_turned_away_instead_of_queued() {
        let passwords = Passwords::new(SecretBytes([1; 32]), 1);
        let _all = passwords.0.places.acquire_many(WAITING_PER_THREAD as u32).await.expect("open");
        assert_eq!(passwords.verify(secret("x"), None).await, Err(Busy));
    }

    #[test]
    fn new_passwords_are_neither_short_nor_endless() {
        assert!(unfit(&secret("1234567"), SHORTEST_FOR_USERS).is_some());
        assert!(unfit(&secret("12345678"), SHORTEST_FOR_USERS).is_none());
        assert!(unfit(&secret(&"x".repeat(LONGEST + 1)), SHORTEST_FOR_USERS).is_some());
    }
}
