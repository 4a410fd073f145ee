//! The 6-digit code: random out of band (NIST 800-63B-4 section 3.1.3), not time-based.
//!
//! The log holds its HMAC under a server key, bound to session, device, code and the desktop's key: a copied
//! log gives 10^6 guesses nothing to compare with, and a code answers in no other session.

use crate::{
    ids::{CodeId, DeviceId, Digest, SessionId},
    label::Label,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub const DIGITS: usize = 6;

/// The digits themselves; they are shown on the phone, typed on the desktop, and stored nowhere.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Digits([u8; DIGITS]);

/// The server's key for code HMACs, outside the log.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct OtpKey(pub [u8; 32]);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a code has exactly six digits")]
pub struct NotACode;

impl Digits {
    /// Uniform over 000000 to 999999, or nothing when this draw would be biased: draw again.
    pub fn from_entropy(random: [u8; 4]) -> Option<Self> {
        /// The largest multiple of 10^6 below 2^32.
        const LIMIT: u32 = u32::MAX - u32::MAX % 1_000_000;
        let mut n = u32::from_be_bytes(random);
        if n >= LIMIT {
            return None;
        }
        let mut digits = [0; DIGITS];
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (n % 10) as u8;
            n /= 10;
        }
        Some(Self(digits))
    }

    /// ASCII digits alone: no spaces, no other scripts' digits, no fewer, no more.
    pub fn parse(text: &str) -> Result<Self, NotACode> {
        let digits: [u8; DIGITS] = text.as_bytes().try_into().map_err(|_| NotACode)?;
        if digits.iter().all(u8::is_ascii_digit) { Ok(Self(digits)) } else { Err(NotACode) }
    }

    pub fn as_bytes(&self) -> &[u8; DIGITS] {
        &self.0
    }
}

impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digits(..)")
    }
}

impl fmt::Debug for OtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpKey(..)")
    }
}

/// HMAC-SHA256 over `label || session || device || code || desktop key || digits`, every field fixed-width.
pub fn mac(
    key: &OtpKey,
    session: SessionId,
    device: DeviceId,
    code: CodeId,
    desktop_key: Digest,
    digits: &Digits,
) -> Digest {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.0).expect("any length");
    for part in [
        Label::Otp.as_bytes(),
        session.as_bytes(),
        device.as_bytes(),
        code.as_bytes(),
        &desktop_key.0,
        digits.as_bytes(),
    ] {
        mac.update(part);
    }
    Digest(mac.finalize().into_bytes().into())
}

/// Compares in constant time.
pub fn fits(expected: &Digest, given: &Digest) -> bool {
    expected.0.ct_eq(&given.0).into()
}

/// What the phone's box of the code is bound to, beside its expiry.
pub fn sealed_aad(session: SessionId, device: DeviceId, code: CodeId, expires: crate::Millis) -> Vec<u8> {
    crate::seal::aad(&[session.as_bytes(), device.as_bytes(), code.as_bytes()], expires)
}

/// What the phone signs with its report: which session and which desktop it speaks about.
pub fn posture_input(
    session: SessionId,
    challenge: &[u8; 32],
    desktop_key: Digest,
    report: &[u8],
) -> Vec<u8> {
    [Label::Posture.as_bytes(), session.as_bytes(), challenge, &desktop_key.0, report].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> Digits {
        Digits::parse(text).expect("a code")
    }

    fn tag(session: u8, device: u8, code: u8, desktop: u8, text: &str) -> Digest {
        let key = OtpKey([1; 32]);
        mac(
            &key,
            SessionId([session; 16]),
            DeviceId([device; 16]),
            CodeId([code; 16]),
            Digest([desktop; 32]),
            &digits(text),
        )
    }

    #[test]
    fn a_code_fits_only_its_own_session_device_code_and_desktop() {
        let expected = tag(1, 2, 3, 4, "123456");
        assert!(fits(&expected, &tag(1, 2, 3, 4, "123456")));
        for other in [
            tag(9, 2, 3, 4, "123456"),
            tag(1, 9, 3, 4, "123456"),
            tag(1, 2, 9, 4, "123456"),
            tag(1, 2, 3, 9, "123456"),
            tag(1, 2, 3, 4, "123457"),
        ] {
            assert!(!fits(&expected, &other));
        }
    }

    #[test]
    fn only_six_ascii_digits_are_a_code() {
        for wrong in
            ["", "12345", "1234567", "12345 ", "12 456", "１２３４５６", "12345a", "-12345", "٠١٢٣٤٥"]
        {
            assert!(Digits::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn draws_that_would_favour_small_codes_are_refused() {
        assert!(Digits::from_entropy([0xff; 4]).is_none());
        assert_eq!(Digits::from_entropy(1_234_567u32.to_be_bytes()).expect("unbiased").as_bytes(), b"234567");
        assert_eq!(Digits::from_entropy([0; 4]).expect("unbiased").as_bytes(), b"000000");
    }
}
