//! The one place where the probe draws random bytes.

#[expect(clippy::disallowed_methods, clippy::expect_used, reason = "this is the program's entropy")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives randomness");
    bytes
}
