//! What the machine knows about one session.

use super::{Held, SpaKey, Ticket};
use crate::{
    ids::{BootstrapId, Digest, EndId},
    lease::{Clocks, Deadline},
    session::{Absence, EndReason, Layer},
};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

#[derive(Debug)]
pub(super) struct Session {
    pub held: Held,
    pub bootstrap: Option<Live>,
    pub container: Container,
    pub vpn: Option<Vpn>,
    /// Of the present OpenVPN client; added to the total when it goes.
    pub current_bytes: (u64, u64),
    /// The last door opened for it.
    pub door: Option<IpAddr>,
    /// Set at the moment from which on it has ended here.
    pub cut: Option<Cut>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Container {
    Absent,
    Starting,
    Up,
}

/// The last bootstrap: its secrets live here and nowhere else at the gateway.
#[derive(Debug)]
pub(super) struct Live {
    pub id: BootstrapId,
    pub key: SpaKey,
    pub path: [u8; 16],
    pub client_address: IpAddr,
    pub client_key: Digest,
    pub certificate: Digest,
    pub use_before: Deadline,
    pub stage: Stage,
    /// Its door is open, or was.
    pub knocked: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Waits for key, path and container.
    Preparing { key: bool, path: bool },
    /// May be used, once.
    Ready,
    /// The pinned TLS connection stood: nobody else's will.
    Consumed,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Vpn {
    pub cid: u64,
    pub established: bool,
}

/// The winding up of a session: what is not confirmed gone yet.
#[derive(Debug)]
pub(super) struct Cut {
    pub end: Option<EndId>,
    /// Why, if the agent decided it: still to be reported.
    pub reason: Option<EndReason>,
    /// The tombstone is on disk.
    pub durable: bool,
    /// The disk has answered, one way or the other.
    pub started: bool,
    /// A save is under way: receipts wait for it.
    pub saving: Option<Ticket>,
    pub remaining: BTreeSet<Part>,
    pub receipts: BTreeSet<Layer>,
    pub counted: bool,
    /// Boot clock, of the last asking.
    pub asked: u64,
}

/// In the order of cutting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Grants,
    Door,
    Key,
    Flows,
    Vpn,
    Tls,
    Container,
    Path,
}

impl Part {
    pub const ALL: [Self; 8] =
        [Self::Grants, Self::Door, Self::Key, Self::Flows, Self::Vpn, Self::Tls, Self::Container, Self::Path];

    pub const fn layer(self) -> Layer {
        match self {
            Self::Door | Self::Key => Layer::Spa,
            Self::Tls => Layer::Tls,
            Self::Grants | Self::Flows | Self::Vpn => Layer::Vpn,
            Self::Container => Layer::Container,
            Self::Path => Layer::Path,
        }
    }
}

impl Cut {
    pub fn new(end: Option<EndId>, reason: Option<EndReason>, durable: bool) -> Self {
        Self {
            end,
            reason,
            durable,
            started: durable,
            saving: None,
            remaining: Part::ALL.into(),
            receipts: BTreeSet::new(),
            counted: false,
            asked: 0,
        }
    }

    pub fn is_gone(&self, layer: Layer) -> bool {
        self.remaining.iter().all(|part| part.layer() != layer)
    }
}

impl Session {
    pub fn new(held: Held) -> Self {
        Self {
            held,
            bootstrap: None,
            container: Container::Absent,
            vpn: None,
            current_bytes: (0, 0),
            door: None,
            cut: None,
        }
    }

    /// Time is up, by either deadline and either clock.
    pub fn is_over(&self, now: Clocks) -> bool {
        self.held.ends.has_passed(now) || self.held.lease.has_passed(now)
    }

    pub fn why_over(&self, now: Clocks) -> EndReason {
        if self.held.ends.has_passed(now) { EndReason::WindowClosed } else { EndReason::LeaseLost }
    }

    /// What any kernel element of this session may live.
    pub fn left(&self, now: Clocks) -> Duration {
        self.held.ends.left(now).min(self.held.lease.left(now))
    }

    /// OpenVPN counts per connection; a session may have had several.
    pub fn count(&mut self, cid: u64, bytes_in: u64, bytes_out: u64) {
        if self.vpn.is_some_and(|v| v.cid == cid) {
            self.current_bytes = (bytes_in, bytes_out);
        }
    }

    pub fn settle_count(&mut self) {
        let (bytes_in, bytes_out) = self.total();
        self.current_bytes = (0, 0);
        self.held.bytes_in = bytes_in;
        self.held.bytes_out = bytes_out;
    }

    pub const fn total(&self) -> (u64, u64) {
        (
            self.held.bytes_in.saturating_add(self.current_bytes.0),
            self.held.bytes_out.saturating_add(self.current_bytes.1),
        )
    }

    pub fn absence(&self, layer: Layer) -> Absence {
        match layer {
            Layer::Tls | Layer::Vpn if !self.held.was_connected => Absence::NeverExisted,
            _ => Absence::Gone,
        }
    }
}
