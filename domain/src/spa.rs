//! Single packet authorisation: one fixed-size UDP packet that opens the gateway's door for one address.
//!
//! `"VS", version, gateway [16], bootstrap [16], time u64 BE (ms), nonce [16], address [16], HMAC-SHA256 [32]`:
//! 107 bytes. Wrong ones meet silence. The ack is shorter, MACed, and goes to the MACed address only, so the
//! gateway never amplifies. Clients retransmit with fresh nonces until they see it (a SYN that comes before
//! the door is open costs a second).

use crate::{
    Millis,
    ids::{BootstrapId, GatewayId},
    label::Label,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    time::Duration,
};

pub const KNOCK_LEN: usize = 107;
pub const ACK_LEN: usize = 67;
/// The bootstrap carries the server's time, so an honest client is well within this.
pub const MAX_SKEW: Duration = Duration::from_secs(30);
const VERSION: u8 = 1;
const TAG: usize = 32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Knock {
    pub gateway: GatewayId,
    pub bootstrap: BootstrapId,
    pub time: Millis,
    pub nonce: [u8; 16],
    /// The client's address as the server saw it; IPv4 is carried as IPv4-mapped.
    pub address: IpAddr,
}

/// Why a packet is dropped. For counters only: the sender hears nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Dropped {
    #[error("not a knock")]
    NotAKnock,
    #[error("for another gateway")]
    OtherGateway,
    #[error("for no live bootstrap")]
    UnknownBootstrap,
    #[error("not MACed with the bootstrap's key")]
    BadMac,
    #[error("the clock is off by more than the skew allowed")]
    Skewed,
}

fn tag(key: &[u8; 32], label: Label, message: &[u8]) -> Hmac<Sha256> {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any length");
    mac.update(label.as_bytes());
    mac.update(message);
    mac
}

fn address_bytes(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

fn address_from(bytes: [u8; 16]) -> IpAddr {
    let v6 = Ipv6Addr::from(bytes);
    v6.to_ipv4_mapped().map_or(IpAddr::V6(v6), |v4: Ipv4Addr| IpAddr::V4(v4))
}

impl Knock {
    pub fn to_packet(&self, key: &[u8; 32]) -> [u8; KNOCK_LEN] {
        let mut packet = [0; KNOCK_LEN];
        let body = [
            &b"VS"[..],
            &[VERSION],
            self.gateway.as_bytes(),
            self.bootstrap.as_bytes(),
            &self.time.0.to_be_bytes(),
            &self.nonce,
            &address_bytes(self.address),
        ]
        .concat();
        packet[..body.len()].copy_from_slice(&body);
        let mac: [u8; TAG] = tag(key, Label::Spa, &body).finalize().into_bytes().into();
        packet[body.len()..].copy_from_slice(&mac);
        packet
    }

    /// Cheap checks first: what a stranger sends costs no HMAC unless it names a live bootstrap.
    pub fn verify(
        packet: &[u8],
        gateway: GatewayId,
        now: Millis,
        key: impl FnOnce(BootstrapId) -> Option<[u8; 32]>,
    ) -> Result<Self, Dropped> {
        let packet: &[u8; KNOCK_LEN] = packet.try_into().map_err(|_| Dropped::NotAKnock)?;
        let (body, mac) = packet.split_at(KNOCK_LEN - TAG);
        let rest = body.strip_prefix(&[b'V', b'S', VERSION]).ok_or(Dropped::NotAKnock)?;
        let mut fields = Fields(rest);
        let knock = Self {
            gateway: GatewayId(fields.take()),
            bootstrap: BootstrapId(fields.take()),
            time: Millis(u64::from_be_bytes(fields.take())),
            nonce: fields.take(),
            address: address_from(fields.take()),
        };
        if knock.gateway != gateway {
            return Err(Dropped::OtherGateway);
        }
        let key = key(knock.bootstrap).ok_or(Dropped::UnknownBootstrap)?;
        tag(&key, Label::Spa, body).verify_slice(mac).map_err(|_| Dropped::BadMac)?;
        if now.since(knock.time) > MAX_SKEW || knock.time.since(now) > MAX_SKEW {
            return Err(Dropped::Skewed);
        }
        Ok(knock)
    }

    /// The answer to this knock: `"VA", version, bootstrap [16], nonce [16], HMAC [32]`.
    pub fn ack(&self, key: &[u8; 32]) -> [u8; ACK_LEN] {
        let body = [&b"VA"[..], &[VERSION], self.bootstrap.as_bytes(), &self.nonce].concat();
        let mac: [u8; TAG] = tag(key, Label::SpaAck, &body).finalize().into_bytes().into();
        let mut ack = [0; ACK_LEN];
        ack[..body.len()].copy_from_slice(&body);
        ack[body.len()..].copy_from_slice(&mac);
        ack
    }

    /// Whether these bytes answer this knock.
    pub fn is_answered_by(&self, ack: &[u8], key: &[u8; 32]) -> bool {
        use subtle::ConstantTimeEq;
        ack.len() == ACK_LEN && bool::from(self.ack(key).ct_eq(ack))
    }
}

/// Fixed-width fields off the front; the caller has checked the total length.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut field = [0; N];
        let (head, rest) = self.0.split_at(N);
        field.copy_from_slice(head);
        self.0 = rest;
        field
    }
}

const _: () = assert!(ACK_LEN < KNOCK_LEN, "an ack is never larger than its request");

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: [u8; 32] = [4; 32];
    const GATEWAY: GatewayId = GatewayId([1; 16]);
    const NOW: Millis = Millis(1_800_000_000_000);

    fn knock() -> Knock {
        Knock {
            gateway: GATEWAY,
            bootstrap: BootstrapId([2; 16]),
            time: NOW,
            nonce: [3; 16],
            address: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 11)),
        }
    }

    fn check(packet: &[u8], now: Millis) -> Result<Knock, Dropped> {
        Knock::verify(packet, GATEWAY, now, |id| (id == BootstrapId([2; 16])).then_some(KEY))
    }

    #[test]
    fn a_right_knock_is_read_back() {
        assert_eq!(check(&knock().to_packet(&KEY), NOW), Ok(knock()));
    }

    #[test]
    fn a_knock_wrong_in_any_bit_is_dropped() {
        let packet = knock().to_packet(&KEY);
        for bit in 0..packet.len() * 8 {
            let mut wrong = packet;
            wrong[bit / 8] ^= 1 << (bit % 8);
            assert!(check(&wrong, NOW).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_knock_of_another_length_is_dropped() {
        let packet = knock().to_packet(&KEY);
        assert_eq!(check(&packet[..KNOCK_LEN - 1], NOW), Err(Dropped::NotAKnock));
        assert_eq!(check(&[&packet[..], &[0]].concat(), NOW), Err(Dropped::NotAKnock));
    }

    #[test]
    fn a_knock_for_another_gateway_is_dropped() {
        let other = Knock { gateway: GatewayId([9; 16]), ..knock() };
        assert_eq!(check(&other.to_packet(&KEY), NOW), Err(Dropped::OtherGateway));
    }

    #[test]
    fn thirty_seconds_of_skew_are_allowed_and_thirty_one_are_not() {
        let packet = knock().to_packet(&KEY);
        for (offset, allowed) in [(30_000, true), (30_001, false)] {
            assert_eq!(check(&packet, Millis(NOW.0 + offset)).is_ok(), allowed);
            assert_eq!(check(&packet, Millis(NOW.0 - offset)).is_ok(), allowed);
        }
    }

    #[test]
    fn only_the_right_ack_answers_a_knock() {
        let ack = knock().ack(&KEY);
        assert!(knock().is_answered_by(&ack, &KEY));
        assert!(!Knock { nonce: [9; 16], ..knock() }.is_answered_by(&ack, &KEY));
        assert!(!knock().is_answered_by(&ack, &[5; 32]));
        assert!(!knock().is_answered_by(&ack[..60], &KEY));
    }
}
