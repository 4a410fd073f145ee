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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway_bus::{End, Renew},
        ids::{EndId, Incarnation, SessionId},
        session::EndReason,
    };
    use ed25519_dalek::SigningKey;

    const RECIPIENT: (GatewayId, LogId) = (GatewayId([7; 16]), LogId([8; 16]));
    const NOW: Millis = Millis(1_000);

    fn signer() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    fn keys(not_after: u64) -> KeySet {
        KeySet { epoch: 1, keys: vec![*signer().verifying_key().as_bytes()], not_after: Millis(not_after) }
    }

    fn command(order: Order) -> GatewayCommand {
        GatewayCommand {
            log_id: RECIPIENT.1,
            epoch: 1,
            recipient: RECIPIENT.0,
            n: 16,
            cause_seq: 1,
            issued_at: NOW,
            order,
        }
    }

    fn end() -> Order {
        let session = SessionId([1; 16]);
        Order::End(End { session, session_version: 1, end: EndId([2; 16]), reason: EndReason::SignedOut })
    }

    fn renew() -> Order {
        Order::Renew(Renew {
            session: SessionId([1; 16]),
            session_version: 1,
            not_after: Millis::MAX,
            incarnation: Incarnation([4; 16]),
            lease_until: Millis::MAX,
            ends_at: Millis::MAX,
        })
    }

    fn taken(command: &GatewayCommand, signer: &SigningKey, keys: &KeySet) -> Result<(), NotTaken> {
        let bytes = envelope::seal(Kind::GatewayCommand, signer, &bytes::encode(command));
        let opening = p256::SecretKey::from_slice(&[5; 32]).expect("a valid scalar");
        receive(&bytes, keys, RECIPIENT, &opening, NOW).map(drop)
    }

    #[test]
    fn an_order_of_a_known_key_for_this_gateway_and_log_is_taken() {
        assert_eq!(taken(&command(end()), &signer(), &keys(2_000)), Ok(()));
    }

    #[test]
    fn an_order_for_another_gateway_or_log_is_not_taken() {
        let other_gateway = GatewayCommand { recipient: GatewayId([1; 16]), ..command(end()) };
        let other_log = GatewayCommand { log_id: LogId([1; 16]), ..command(end()) };
        for command in [other_gateway, other_log] {
            assert_eq!(taken(&command, &signer(), &keys(2_000)), Err(NotTaken::OtherRecipient));
        }
    }

    #[test]
    fn an_order_of_an_unknown_key_is_not_taken() {
        let stranger = SigningKey::from_bytes(&[9; 32]);
        let answer = taken(&command(end()), &stranger, &keys(2_000));
        assert_eq!(answer, Err(NotTaken::Untrusted(Untrusted::UnknownKey)));
    }

    #[test]
    fn an_expired_key_set_still_ends_sessions_and_widens_nothing() {
        assert_eq!(taken(&command(end()), &signer(), &keys(999)), Ok(()));
        let answer = taken(&command(renew()), &signer(), &keys(999));
        assert_eq!(answer, Err(NotTaken::Untrusted(Untrusted::UnknownKey)));
    }
}
