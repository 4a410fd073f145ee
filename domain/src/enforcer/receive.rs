//! From bytes on the bus to an order: nothing is believed that is not signed, for this gateway and this log.

use super::Input;
use crate::{
    Millis, bootstrap, bytes,
    envelope::{self, KeyId, Kind, Untrusted},
    gateway_bus::{GatewayCommand, KeySet, Order},
    ids::{GatewayId, LogId},
};
use ed25519_dalek::VerifyingKey;

/// Why bytes are not an order for this agent. They are acknowledged and counted, never answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    #[error("not signed by a key that may sign orders")]
    Untrusted(#[source] Untrusted),
    #[error("the body does not decode")]
    Malformed,
    #[error("for another gateway or another log")]
    OtherRecipient,
}

/// # Errors
/// [`NotTaken`]; a key set after its `not_after` verifies nothing but ends, which never expire.
pub fn receive(
    bytes: &[u8],
    keys: &KeySet,
    (gateway, log): (GatewayId, LogId),
    opening: &p256::SecretKey,
    now: Millis,
) -> Result<Input, NotTaken> {
    let known = |id: KeyId| {
        let key = keys.keys.iter().find(|key| KeyId::of(*key) == id)?;
        VerifyingKey::from_bytes(key).ok()
    };
    let body = envelope::open(Kind::GatewayCommand, bytes, known).map_err(NotTaken::Untrusted)?;
    let command: GatewayCommand = bytes::decode(body).map_err(|_| NotTaken::Malformed)?;
    if command.recipient != gateway || command.log_id != log {
        return Err(NotTaken::OtherRecipient);
    }
    let narrowing = matches!(command.order, Order::End(_) | Order::Keys(_));
    if now > keys.not_after && !narrowing {
        return Err(NotTaken::Untrusted(Untrusted::UnknownKey));
    }
    let secrets = match &command.order {
        Order::Admit(a) => {
            let aad = bootstrap::sealed_aad(gateway, a.session, a.bootstrap, a.use_before);
            bootstrap::open(&a.sealed, &aad, opening).ok()
        }
        Order::Renew(_) | Order::End(_) | Order::Provision(_) | Order::Keys(_) => None,
    };
    Ok(Input::Order { command: Box::new(command), secrets })
}
