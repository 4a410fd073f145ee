//! A user's phone: enrolled once from a QR code, known by two public keys that never leave it.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{Enrolled, Event, Offered, PostureSeen, Revoked};
pub use refusal::Refusal;
pub use state::{Device, Phase};

use crate::{
    ids::{Digest, OfferId},
    label::Label,
    policy::KeyProtection,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A QR code is for the person in front of the screen; NIST 800-63B allows an out-of-band code 10 minutes.
pub const OFFER_LIFETIME: Duration = Duration::from_secs(600);

/// The phone's public halves: P-256 (FIPS 186-5), uncompressed SEC 1 points of 65 bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceKeys {
    pub sign: Vec<u8>,
    pub agree: Vec<u8>,
    pub protection: KeyProtection,
}

/// What the phone signs to enrol: proof that it holds `sign`, bound to the offer and to `agree`.
pub fn enrolment_input(offer: OfferId, secret: Digest, keys: &DeviceKeys) -> Vec<u8> {
    [Label::Enrol.as_bytes(), offer.as_bytes(), &secret.0, &keys.sign, &keys.agree].concat()
}
