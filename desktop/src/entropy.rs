//! The one place where the desktop draws random bytes: from the operating system.

/// # Panics
/// When the operating system has no randomness: no key may be made then.
#[expect(clippy::disallowed_methods, clippy::expect_used, reason = "this is the shell's entropy")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
