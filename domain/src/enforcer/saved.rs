//! What an agent knows after a restart. No secret is in it.

use crate::{
    Millis,
    gateway_bus::{Provision, SignedKeySet},
    ids::{BootstrapId, EndId, SessionId},
    lease::Deadline,
    policy::Grant,
};
use serde::{Deserialize, Serialize};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Everything that a start is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    pub state: State,
    pub tombstones: Vec<Tombstone>,
    pub nonces: Vec<SpentNonce>,
}

/// Written as a whole by `SaveState`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    pub epoch: u32,
    /// The newest one seen.
    pub keys: Option<SignedKeySet>,
    pub seen: Seen,
    pub sessions: Vec<Held>,
    /// Tunnel addresses that are not given out yet.
    pub resting: Vec<(Ipv4Addr, Deadline)>,
    /// Accepted steps that have no result yet; scripts are made to be run twice.
    pub steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub n: u64,
    pub provision: Provision,
}

/// A session that has something at this gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub session: SessionId,
    pub version: u64,
    pub address: Ipv4Addr,
    pub image: String,
    pub grants: Vec<Grant>,
    pub ends: Deadline,
    pub lease: Deadline,
    /// A TLS connection stood at some time.
    pub was_connected: bool,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// This session has ended here, for good. Appended by `SaveTombstone`; a later one of a session replaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    pub session: SessionId,
    pub version: u64,
    pub at: Millis,
    /// Absent when the agent ended it by itself and the control plane has not spoken yet.
    pub end: Option<EndId>,
    /// Something of it stood at this gateway.
    pub existed: bool,
    pub was_connected: bool,
}

/// A nonce that opened a door. Appended by `SaveNonce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentNonce {
    pub bootstrap: BootstrapId,
    pub nonce: [u8; 16],
    /// Of no use to anybody after this.
    pub until: Millis,
}

/// The numbers of orders taken, in bounded space: everything up to `floor`, and some above.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    floor: u64,
    above: BTreeSet<u64>,
}

impl Seen {
    /// Orders of different processes overtake each other, but not by this many.
    const WINDOW: usize = 4_096;

    pub fn contains(&self, n: u64) -> bool {
        n <= self.floor || self.above.contains(&n)
    }

    /// Whether it is new.
    pub fn insert(&mut self, n: u64) -> bool {
        if self.contains(n) {
            return false;
        }
        self.above.insert(n);
        while self.above.len() > Self::WINDOW {
            if let Some(lowest) = self.above.pop_first() {
                self.floor = lowest;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_new_once_and_what_fell_out_of_the_window_is_never_new() {
        let mut seen = Seen::default();
        assert!(seen.insert(160) && !seen.insert(160));
        assert!(seen.insert(16), "orders may overtake each other");
        for n in 1_000..1_000 + Seen::WINDOW as u64 {
            assert!(seen.insert(n));
        }
        assert!(!seen.insert(16) && !seen.insert(17), "older than the window");
        assert!(seen.above.len() <= Seen::WINDOW);
    }
}
