//! Knocks: wrong ones meet silence; a right one is answered when `control` says that the door is open.

use super::Shared;
use crate::{clock, frames::FromEdge};
use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    rc::Rc,
};
use tokio::net::UdpSocket;
use viworks_domain::{
    Millis,
    ids::{BootstrapId, GatewayId},
    spa::{KNOCK_LEN, Knock},
};
use zeroize::Zeroizing;

/// Knocks that wait for `control`; the oldest is forgotten first, and its client knocks again.
const MOST_WAITING: usize = 1_024;
/// Packets read in one go before others get their turn.
const BURST: usize = 64;

pub(super) struct Keys {
    gateway: GatewayId,
    live: HashMap<BootstrapId, (Zeroizing<[u8; 32]>, Millis)>,
    waiting: VecDeque<(Knock, u16)>,
}

impl Keys {
    pub fn new(gateway: GatewayId) -> Self {
        Self { gateway, live: HashMap::new(), waiting: VecDeque::new() }
    }

    pub fn give(&mut self, bootstrap: BootstrapId, key: [u8; 32], until: Millis) {
        self.live.insert(bootstrap, (Zeroizing::new(key), until));
    }

    pub fn take(&mut self, bootstrap: BootstrapId) {
        self.live.remove(&bootstrap);
    }

    pub fn clear(&mut self) {
        self.live.clear();
        self.waiting.clear();
    }

    fn check(&mut self, packet: &[u8], from: SocketAddr, now: Millis) -> Option<Knock> {
        let live = &self.live;
        let key = |id| live.get(&id).filter(|(_, until)| now < *until).map(|(key, _)| **key);
        let knock = Knock::verify(packet, self.gateway, now, key).ok()?;
        if self.waiting.len() >= MOST_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((knock, from.port()));
        Some(knock)
    }

    /// The answer and where it goes: to the MACed address, at the port the packet came from.
    fn answer(&mut self, bootstrap: BootstrapId, nonce: [u8; 16]) -> Option<(Vec<u8>, SocketAddr)> {
        let at = self.waiting.iter().position(|(k, _)| k.bootstrap == bootstrap && k.nonce == nonce)?;
        let (knock, port) = self.waiting.remove(at)?;
        let (key, _) = self.live.get(&bootstrap)?;
        Some((knock.ack(key).to_vec(), SocketAddr::new(knock.address, port)))
    }
}

pub(super) async fn listen(shared: Rc<Shared>, socket: Rc<UdpSocket>) {
    // One byte more than a knock: what is longer is seen to be longer.
    let mut packet = [0; KNOCK_LEN + 1];
    loop {
        if let Err(error) = socket.readable().await {
            tracing::error!(%error, "the knocking socket failed");
            return;
        }
        for _ in 0..BURST {
            let Ok((length, from)) = socket.try_recv_from(&mut packet) else { break };
            let knock = shared.keys.borrow_mut().check(&packet[..length], from, clock::now());
            if let Some(knock) = knock {
                let Knock { bootstrap, nonce, address, .. } = knock;
                shared.tell(&FromEdge::Knock { bootstrap, nonce, address });
            }
        }
        tokio::task::yield_now().await;
    }
}

pub(super) async fn ack(shared: &Shared, socket: &UdpSocket, bootstrap: BootstrapId, nonce: [u8; 16]) {
    let answer = shared.keys.borrow_mut().answer(bootstrap, nonce);
    if let Some((ack, to)) = answer {
        // Lost answers are what the client knocks again for.
        let _ = socket.send_to(&ack, to).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const GATEWAY: GatewayId = GatewayId([1; 16]);
    const BOOTSTRAP: BootstrapId = BootstrapId([2; 16]);

    fn knock() -> Knock {
        Knock {
            gateway: GATEWAY,
            bootstrap: BOOTSTRAP,
            time: Millis(1_000_000),
            nonce: [3; 16],
            address: IpAddr::V4(Ipv4Addr::new(10, 77, 0, 11)),
        }
    }

    #[test]
    fn the_answer_goes_to_the_maced_address_and_only_once() {
        let mut keys = Keys::new(GATEWAY);
        keys.give(BOOTSTRAP, [4; 32], Millis(2_000_000));
        let forged_source = "10.66.0.1:5555".parse().unwrap();
        let packet = knock().to_packet(&[4; 32]);
        assert_eq!(keys.check(&packet, forged_source, Millis(1_000_000)), Some(knock()));
        let (ack, to) = keys.answer(BOOTSTRAP, [3; 16]).unwrap();
        assert!(knock().is_answered_by(&ack, &[4; 32]));
        assert_eq!(to, "10.77.0.11:5555".parse().unwrap());
        assert!(keys.answer(BOOTSTRAP, [3; 16]).is_none());
    }

    #[test]
    fn a_key_that_was_taken_or_has_expired_verifies_nothing() {
        let mut keys = Keys::new(GATEWAY);
        let from = "10.77.0.11:5555".parse().unwrap();
        let packet = knock().to_packet(&[4; 32]);
        keys.give(BOOTSTRAP, [4; 32], Millis(1_000_000));
        assert_eq!(keys.check(&packet, from, Millis(1_000_000)), None);
        keys.give(BOOTSTRAP, [4; 32], Millis(2_000_000));
        keys.take(BOOTSTRAP);
        assert_eq!(keys.check(&packet, from, Millis(1_000_000)), None);
    }
}
