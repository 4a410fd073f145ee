use super::DeviceKeys;
use crate::{
    Millis,
    event::events,
    ids::{Digest, OfferId, SessionId, UserId},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offered {
    pub user: UserId,
    pub offer: OfferId,
    /// SHA-256 of the secret in the QR code.
    pub secret: Digest,
    pub expires_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    pub user: UserId,
    pub keys: DeviceKeys,
    /// SHA-256 of the device's token.
    pub token: Digest,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostureSeen {
    pub session: SessionId,
    pub reported_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {}

events! {
    /// What happens to a device.
    Event of Device {
        1 v 1 "device.offered" => Offered,
        2 v 1 "device.enrolled" => Enrolled,
        3 v 1 "device.posture_seen" => PostureSeen,
        4 v 1 "device.revoked" => Revoked,
    }
}
