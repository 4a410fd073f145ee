//! A gateway's machine: what stands there whatever its agent believes. The kernel's own timers are real.

use super::world::Way;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr},
};
use viworks_domain::{
    enforcer::{Memory, SpaKey},
    gateway_bus::{News, Report},
    ids::{BootstrapId, SessionId},
};

/// Synced: it survives everything.
#[derive(Default)]
pub(super) struct Disk {
    pub memory: Memory,
    /// Which writing of the whole state this is: an earlier one never overtakes a later.
    pub state_written: u64,
    pub outbox: Vec<Report>,
    /// Scripts that ran, by user, place and action.
    pub scripts: u64,
}

pub(super) struct Tls {
    pub port: u16,
    pub way: Way,
    pub allowed: bool,
}

pub(super) struct Client {
    pub port: u16,
    pub way: Way,
    /// Inside the tunnel, once OpenVPN was told yes.
    pub address: Option<Ipv4Addr>,
}

#[derive(Default)]
pub(super) struct Os {
    /// Until when, in true milliseconds.
    pub doors: BTreeMap<IpAddr, u64>,
    pub grants: BTreeMap<Ipv4Addr, u64>,
    pub keys: BTreeMap<BootstrapId, SpaKey>,
    pub tls: BTreeMap<u64, Tls>,
    pub clients: BTreeMap<u64, Client>,
    pub containers: BTreeSet<SessionId>,
    pub paths: BTreeMap<Ipv4Addr, SessionId>,
}

impl Os {
    /// Whether packets of this client reach anything now.
    pub fn flows(&self, client: &Client, now: u64) -> bool {
        client.address.is_some_and(|address| self.grants.get(&address).is_some_and(|until| now < *until))
    }

    /// After a power cut nothing of it is left but what the disk holds.
    pub fn reboot(&mut self) {
        *self = Self::default();
    }
}

impl Disk {
    /// The next number, over all starts.
    pub fn report(&mut self, news: News, base: Report) {
        let report_n = self.outbox.len() as u64 + 1;
        self.outbox.push(Report { report_n, news, ..base });
    }
}
