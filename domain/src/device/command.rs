use super::DeviceKeys;
use crate::{
    Millis,
    ids::{Digest, OfferId, SessionId, UserId},
};
use serde::{Deserialize, Serialize};

/// Wire and domain alike. `Enrol` carries what the phone signed; `decide` verifies it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// A new offer voids the one before.
    Offer {
        user: UserId,
        offer: OfferId,
        secret: Digest,
    },
    Enrol {
        offer: OfferId,
        /// SHA-256 of the QR code's secret, as the offer recorded it.
        secret: Digest,
        keys: DeviceKeys,
        /// ECDSA P-256 / SHA-256 by `keys.sign` over [`super::enrolment_input`], 64 bytes r || s.
        signature: Vec<u8>,
        token: Digest,
    },
    SeePosture {
        session: SessionId,
        reported_at: Millis,
    },
    Revoke,
}
