//! Postcard with trailing bytes refused. What is signed or MACed is always the received bytes themselves,
//! because postcard accepts overlong integers and re-encoding would not reproduce them.

use serde::{Serialize, de::DeserializeOwned};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("the bytes do not decode")]
    Undecodable,
    #[error("bytes are left over after the value")]
    Trailing,
}

/// # Panics
/// Never for the types of this crate: none has a map without a length or a custom serializer that fails.
#[expect(clippy::expect_used, reason = "postcard to a Vec fails only on types this crate does not have")]
pub fn encode<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("encodable")
}

pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        Ok(_) => Err(Malformed::Trailing),
        Err(_) => Err(Malformed::Undecodable),
    }
}
