//! Identifiers: 128 random bits, raw on the bus, base32 (RFC 4648, lower case, unpadded: 26 characters)
//! wherever a person or a URL sees them.

use data_encoding::{BASE32_NOPAD, Encoding, HEXLOWER};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// A text that is not an identifier of the kind asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

fn parse<const N: usize>(encoding: &Encoding, text: &str) -> Result<[u8; N], InvalidId> {
    let bytes = encoding.decode(text.as_bytes()).map_err(|_| InvalidId)?;
    bytes.try_into().map_err(|_| InvalidId)
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub [u8; 16]);

        impl $name {
            pub const fn from_bytes(bytes: [u8; 16]) -> Self { Self(bytes) }
            pub const fn as_bytes(&self) -> &[u8; 16] { &self.0 }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            /// Accepts exactly what `Display` prints: one id has one spelling.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.bytes().any(|b| b.is_ascii_uppercase()) { return Err(InvalidId); }
                parse(&BASE32_NOPAD, &text.to_ascii_uppercase()).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                if s.is_human_readable() { s.collect_str(self) } else { self.0.serialize(s) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                if d.is_human_readable() {
                    <std::borrow::Cow<'de, str>>::deserialize(d)?.parse().map_err(de::Error::custom)
                } else {
                    <[u8; 16]>::deserialize(d).map(Self)
                }
            }
        }
    )+};
}

ids! {
    UserId, DeviceId, PolicyId, GatewayId, SessionId, OperatorId,
    /// The claim of one normalised name: the first 16 bytes of its HMAC under the index key.
    NameId,
    /// `hash(actor, idempotency key)` for people, `hash(process, cause, n, attempt)` for processes.
    CommandId,
    /// Ties everything that follows from one person's act.
    CorrelationId,
    CodeId, BootstrapId, EndId, AttemptId,
    /// A phone's enrolment offer (what the QR code names).
    OfferId,
    /// Drawn by every start of an agent: a widening command made for an earlier start is refused.
    Incarnation,
    /// Drawn once per log: commands, seals and reports name it as their recipient.
    LogId,
}

/// A SHA-256 digest or an HMAC-SHA256 tag; which, the field's name says.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(pub [u8; 32]);

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({}..)", HEXLOWER.encode(&self.0[..4]))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        if s.is_human_readable() { s.serialize_str(&HEXLOWER.encode(&self.0)) } else { self.0.serialize(s) }
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        if d.is_human_readable() {
            let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
            parse(&HEXLOWER, &text).map(Self).map_err(de::Error::custom)
        } else {
            <[u8; 32]>::deserialize(d).map(Self)
        }
    }
}

/// A gateway's NATS account: its public key as NATS prints it. This is `<gateway>` in every subject,
/// because the server itself fills it in (`account_token_position`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct BusAccount(String);

impl BusAccount {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BusAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for BusAccount {
    type Err = InvalidId;
    /// A name such as `*` or `>` would widen every permission it is put into.
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let shaped = text.len() == 56
            && text.starts_with('A')
            && text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b));
        if shaped { Ok(Self(text.to_owned())) } else { Err(InvalidId) }
    }
}

impl<'de> Deserialize<'de> for BusAccount {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}
