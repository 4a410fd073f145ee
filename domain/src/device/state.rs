//! The phone's fold and its rules.

use super::{
    Command, DeviceKeys, Enrolled, Event, OFFER_LIFETIME, Offered, PostureSeen, Refusal, Revoked,
    enrolment_input,
};
use crate::{
    Aggregate, Millis,
    event::AggregateKind,
    ids::{Digest, OfferId, UserId},
};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Absent,
    Offered,
    Enrolled,
    Revoked,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub phase: Phase,
    pub user: Option<UserId>,
    offer: Option<Offer>,
    /// Present from `enrolled` on.
    pub keys: Option<DeviceKeys>,
    /// SHA-256 of the device's token; gone once revoked.
    pub token: Option<Digest>,
    /// When the newest report known of it was made.
    pub reported_at: Option<Millis>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Offer {
    id: OfferId,
    secret: Digest,
    expires_at: Millis,
}

impl Device {
    pub fn is_enrolled(&self) -> bool {
        self.phase == Phase::Enrolled
    }

    /// Whether the phone's enrolled key signed this: ECDSA P-256 with SHA-256, 64 bytes r || s.
    pub fn signed(&self, input: &[u8], signature: &[u8]) -> bool {
        self.is_enrolled() && self.keys.as_ref().is_some_and(|keys| verifies(&keys.sign, input, signature))
    }
}

impl Aggregate for Device {
    const KIND: AggregateKind = AggregateKind::Device;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: &Command, now: Millis) -> Result<Vec<Event>, Refusal> {
        use Command as C;
        use Phase as P;
        match (self.phase, command) {
            (P::Absent | P::Offered, C::Offer { user, offer, secret }) => {
                if self.user.is_some_and(|owner| owner != *user) {
                    return Err(Refusal::NotFound);
                }
                let expires_at = now.plus(OFFER_LIFETIME);
                Ok(vec![Offered { user: *user, offer: *offer, secret: *secret, expires_at }.into()])
            }
            (P::Enrolled, C::Offer { .. }) => Err(Refusal::AlreadyEnrolled),
            (P::Revoked, _) => Err(Refusal::Revoked),
            (P::Absent, _) => Err(Refusal::NotFound),

            (P::Offered | P::Enrolled, C::Enrol { offer, secret, keys, signature, token }) => {
                self.enrol(*offer, *secret, keys, signature, *token, now)
            }

            (P::Enrolled, C::SeePosture { session, reported_at }) => {
                if self.reported_at.is_some_and(|known| *reported_at <= known) {
                    return Err(Refusal::StalePosture);
                }
                Ok(vec![PostureSeen { session: *session, reported_at: *reported_at }.into()])
            }
            (P::Offered, C::SeePosture { .. }) => Err(Refusal::NotFound),

            (P::Offered | P::Enrolled, C::Revoke) => Ok(vec![Revoked {}.into()]),
        }
    }

    fn apply(&mut self, event: &Event, _at: Millis) {
        match event {
            Event::Offered(e) => {
                self.phase = Phase::Offered;
                self.user = Some(e.user);
                self.offer = Some(Offer { id: e.offer, secret: e.secret, expires_at: e.expires_at });
            }
            Event::Enrolled(e) => {
                self.phase = Phase::Enrolled;
                self.keys = Some(e.keys.clone());
                self.token = Some(e.token);
            }
            Event::PostureSeen(e) => self.reported_at = Some(e.reported_at),
            Event::Revoked(_) => {
                self.phase = Phase::Revoked;
                self.token = None;
                self.offer = None;
            }
        }
    }
}

impl Device {
    /// The same phone asking again (its answer was lost) gets a new token. Another phone with the same code
    /// means that the code was copied, and nobody can say who of the two is the owner: the device is revoked.
    fn enrol(
        &self,
        offer: OfferId,
        secret: Digest,
        keys: &DeviceKeys,
        signature: &[u8],
        token: Digest,
        now: Millis,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self
            .offer
            .filter(|known| known.id == offer && bool::from(known.secret.0.ct_eq(&secret.0)))
            .ok_or(Refusal::OfferUnusable)?;
        let user = self.user.ok_or(Refusal::NotFound)?;
        let agrees = p256::PublicKey::from_sec1_bytes(&keys.agree).is_ok();
        if !agrees || !verifies(&keys.sign, &enrolment_input(offer, secret, keys), signature) {
            return Err(Refusal::NotProven);
        }
        match &self.keys {
            Some(first) if first != keys => Ok(vec![Revoked {}.into()]),
            _ if now >= known.expires_at => Err(Refusal::OfferUnusable),
            _ => Ok(vec![Enrolled { user, keys: keys.clone(), token }.into()]),
        }
    }
}

fn verifies(key: &[u8], input: &[u8], signature: &[u8]) -> bool {
    match (VerifyingKey::from_sec1_bytes(key), Signature::from_slice(signature)) {
        (Ok(key), Ok(signature)) => key.verify(input, &signature).is_ok(),
        _ => false,
    }
}
