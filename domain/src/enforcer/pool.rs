//! Tunnel addresses: the one that rested longest is given out first.

use crate::lease::{Clocks, Deadline};
use std::{collections::BTreeSet, net::Ipv4Addr};

/// Addresses that sessions may have, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pool {
    pub first: Ipv4Addr,
    pub last: Ipv4Addr,
}

#[derive(Debug)]
pub(super) struct Addresses {
    pool: Pool,
    /// Where to look next: round and round, so that a free address is used again as late as possible.
    next: u32,
    resting: Vec<(Ipv4Addr, Deadline)>,
}

impl Addresses {
    pub fn new(pool: Pool, resting: Vec<(Ipv4Addr, Deadline)>) -> Self {
        Self { pool, next: pool.first.to_bits(), resting }
    }

    pub fn take(&mut self, used: &BTreeSet<Ipv4Addr>, now: Clocks) -> Option<Ipv4Addr> {
        self.resting.retain(|(_, until)| !until.has_passed(now));
        let (first, last) = (self.pool.first.to_bits(), self.pool.last.to_bits());
        for _ in first..=last {
            let candidate = Ipv4Addr::from_bits(self.next.clamp(first, last));
            self.next = if candidate.to_bits() >= last { first } else { candidate.to_bits() + 1 };
            if !used.contains(&candidate) && self.resting.iter().all(|(address, _)| *address != candidate) {
                return Some(candidate);
            }
        }
        None
    }

    pub fn rest(&mut self, address: Ipv4Addr, until: Deadline) {
        self.resting.push((address, until));
    }

    pub fn resting(&self) -> &[(Ipv4Addr, Deadline)] {
        &self.resting
    }
}
