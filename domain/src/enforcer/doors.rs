//! Doors are counted per bootstrap: behind one address there may be two people.

use crate::{
    ids::BootstrapId,
    lease::{Clocks, Deadline},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

#[derive(Debug, Default)]
pub(super) struct Doors(BTreeMap<IpAddr, BTreeMap<BootstrapId, Deadline>>);

impl Doors {
    pub fn hold(&mut self, address: IpAddr, bootstrap: BootstrapId, until: Deadline) {
        self.0.entry(address).or_default().insert(bootstrap, until);
    }

    /// The addresses whose door nobody holds any more.
    pub fn release(&mut self, bootstrap: BootstrapId) -> BTreeSet<IpAddr> {
        let mut free = BTreeSet::new();
        self.0.retain(|address, holders| {
            if holders.remove(&bootstrap).is_some() && holders.is_empty() {
                free.insert(*address);
            }
            !holders.is_empty()
        });
        free
    }

    /// Whether the door of this address is to be closed: nobody else holds it.
    pub fn release_at(&mut self, address: IpAddr, bootstraps: impl Fn(&BootstrapId) -> bool) -> bool {
        if let Some(holders) = self.0.get_mut(&address) {
            holders.retain(|bootstrap, _| !bootstraps(bootstrap));
            if !holders.is_empty() {
                return false;
            }
            self.0.remove(&address);
        }
        true
    }

    /// The kernel has closed these by itself.
    pub fn forget_passed(&mut self, now: Clocks) {
        self.0.retain(|_, holders| {
            holders.retain(|_, until| !until.has_passed(now));
            !holders.is_empty()
        });
    }
}
