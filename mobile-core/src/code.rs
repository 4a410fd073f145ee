//! The code that only this phone opens, and how long it is good for.

use crate::key::{DeviceKey, KeyFault};
use std::time::Duration;
use viworks_domain::{
    Millis,
    ids::{CodeId, DeviceId, SessionId},
    label::Label,
    otp::{self, Digits},
    seal::{self, SealedBox},
    session::CODE_LIFETIME,
};

/// Six digits for the person's eyes, until they expire.
#[derive(Debug)]
pub struct ShownCode {
    pub id: CodeId,
    digits: Digits,
    expires_at: Millis,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoCode {
    /// Sealed for another phone, another session or another time, or not a code at all.
    #[error("this code was not made for this phone")]
    NotForUs,
    #[error(transparent)]
    Key(#[from] KeyFault),
}

/// Opens a code's box. It opens only as what the server says it is: this session, this phone, this code, this
/// expiry.
///
/// # Errors
/// See [`NoCode`].
pub fn open(
    session: SessionId,
    device: DeviceId,
    id: CodeId,
    sealed: &SealedBox,
    expires_at: Millis,
    key: &impl DeviceKey,
) -> Result<ShownCode, NoCode> {
    // A point off the curve would make the platform leak its key: it is never handed one.
    p256::PublicKey::from_sec1_bytes(&sealed.enc).map_err(|_| NoCode::NotForUs)?;
    let dh = key.agree(&sealed.enc)?;
    let aad = otp::sealed_aad(session, device, id, expires_at);
    let opened = seal::open(sealed, Label::SealOtp, &aad, &dh, &key.agree_key());
    let plain = opened.map_err(|_| NoCode::NotForUs)?;
    let text = std::str::from_utf8(&plain).map_err(|_| NoCode::NotForUs)?;
    let digits = Digits::parse(text).map_err(|_| NoCode::NotForUs)?;
    Ok(ShownCode { id, digits, expires_at })
}

impl ShownCode {
    /// For the screen, and for nothing else.
    pub fn text(&self) -> &str {
        // Six ASCII digits by construction.
        std::str::from_utf8(self.digits.as_bytes()).unwrap_or_default()
    }

    /// What is left at `now`; a phone whose clock runs behind still never promises more than a code's life.
    pub fn left(&self, now: Millis) -> Duration {
        self.expires_at.since(now).min(CODE_LIFETIME)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::key::tests::{How, Plain, plain};
    use hpke::{
        Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
        kem::DhP256HkdfSha256 as Kem,
    };

    const SESSION: SessionId = SessionId([1; 16]);
    const DEVICE: DeviceId = DeviceId([2; 16]);
    const CODE: CodeId = CodeId([3; 16]);
    const EXPIRES: Millis = Millis(500_000);

    /// As the server seals: with an independent implementation of RFC 9180.
    pub(crate) fn sealed(key: &Plain, text: &[u8], aad: &[u8]) -> SealedBox {
        let public = <Kem as hpke::Kem>::PublicKey::from_bytes(&key.agree_key()).expect("a point");
        let info = Label::SealOtp.as_bytes();
        let (enc, ciphertext) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &public,
            info,
            text,
            aad,
        )
        .expect("sealed");
        SealedBox { enc: enc.to_bytes().to_vec(), ciphertext }
    }

    fn aad() -> Vec<u8> {
        otp::sealed_aad(SESSION, DEVICE, CODE, EXPIRES)
    }

    #[test]
    fn a_code_sealed_by_an_independent_implementation_opens() {
        let key = plain(How::Raw);
        let boxed = sealed(&key, b"492817", &aad());
        let code = open(SESSION, DEVICE, CODE, &boxed, EXPIRES, &key).expect("opens");
        assert_eq!(code.text(), "492817");
        assert!(!format!("{code:?}").contains("492817"));
    }

    #[test]
    fn a_code_of_another_session_phone_code_or_time_does_not_open() {
        let key = plain(How::Raw);
        let boxed = sealed(&key, b"492817", &aad());
        let attempts = [
            open(SessionId([9; 16]), DEVICE, CODE, &boxed, EXPIRES, &key),
            open(SESSION, DeviceId([9; 16]), CODE, &boxed, EXPIRES, &key),
            open(SESSION, DEVICE, CodeId([9; 16]), &boxed, EXPIRES, &key),
            open(SESSION, DEVICE, CODE, &boxed, Millis(EXPIRES.0 + 1), &key),
        ];
        assert!(attempts.iter().all(|attempt| matches!(attempt, Err(NoCode::NotForUs))));
    }

    #[test]
    fn a_point_that_is_not_on_the_curve_never_reaches_the_key() {
        struct Untouchable(Plain);
        impl DeviceKey for Untouchable {
            fn sign_key(&self) -> Vec<u8> {
                self.0.sign_key()
            }
            fn agree_key(&self) -> Vec<u8> {
                self.0.agree_key()
            }
            fn protection(&self) -> viworks_domain::policy::KeyProtection {
                self.0.protection()
            }
            fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyFault> {
                panic!("asked to sign")
            }
            fn agree(&self, _: &[u8]) -> Result<zeroize::Zeroizing<[u8; 32]>, KeyFault> {
                panic!("handed a bad point")
            }
        }
        let key = Untouchable(plain(How::Raw));
        let mut boxed = sealed(&key.0, b"492817", &aad());
        boxed.enc[40] ^= 1;
        assert!(matches!(open(SESSION, DEVICE, CODE, &boxed, EXPIRES, &key), Err(NoCode::NotForUs)));
        boxed.enc.clear();
        assert!(matches!(open(SESSION, DEVICE, CODE, &boxed, EXPIRES, &key), Err(NoCode::NotForUs)));
    }

    #[test]
    fn what_is_not_six_digits_is_no_code() {
        let key = plain(How::Raw);
        for text in [&b"49281"[..], b"4928170", b"49281a", b"\xff\xfe\xfd\xfc\xfb\xfa"] {
            let boxed = sealed(&key, text, &aad());
            assert!(matches!(open(SESSION, DEVICE, CODE, &boxed, EXPIRES, &key), Err(NoCode::NotForUs)));
        }
    }

    #[test]
    fn the_countdown_ends_at_zero_and_never_promises_more_than_a_codes_life() {
        let key = plain(How::Raw);
        let boxed = sealed(&key, b"492817", &aad());
        let code = open(SESSION, DEVICE, CODE, &boxed, EXPIRES, &key).expect("opens");
        assert_eq!(code.left(Millis(EXPIRES.0 - 7_000)), Duration::from_secs(7));
        assert_eq!(code.left(Millis(EXPIRES.0 + 1)), Duration::ZERO);
        assert_eq!(code.left(Millis(0)), CODE_LIFETIME);
    }
}
