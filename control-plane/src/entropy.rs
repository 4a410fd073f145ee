//! The one place where the control plane draws random bytes: from the operating system.

use viworks_domain::otp::Digits;

/// # Panics
/// When the operating system has no randomness: nothing may be issued then.
#[expect(clippy::disallowed_methods, clippy::expect_used, reason = "this is the shell's entropy")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}

/// Six uniform digits.
pub fn digits() -> Digits {
    loop {
        if let Some(digits) = Digits::from_entropy(bytes()) {
            return digits;
        }
    }
}
