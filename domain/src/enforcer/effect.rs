//! What an agent's shell is asked to do, in this order.

use super::{SpentNonce, State, Tombstone};
use crate::{
    Millis,
    gateway_bus::{News, Provision},
    ids::{BootstrapId, SessionId},
    policy::Grant,
};
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Names one effect's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct SpaKey(pub [u8; 32]);

impl fmt::Debug for SpaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpaKey(..)")
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    // Durable: synced to disk before `Done`.
    SaveState {
        ticket: Ticket,
        state: State,
    },
    SaveTombstone {
        ticket: Ticket,
        tombstone: Tombstone,
    },
    SaveNonce {
        ticket: Ticket,
        nonce: SpentNonce,
    },
    /// Into the outbox, durably, with the next `report_n`.
    Report(News),
    /// The order with this number may be acknowledged on the bus.
    Settled {
        n: u64,
    },

    // The kernel. Adding what is there refreshes its timeout; removing what is not there succeeds.
    /// Forget every door and grant: they are of an earlier life.
    ResetKernel {
        ticket: Ticket,
    },
    OpenDoor {
        ticket: Ticket,
        address: IpAddr,
        ttl: Duration,
    },
    CloseDoor {
        ticket: Ticket,
        address: IpAddr,
    },
    /// `address`: inside the tunnel. It may reach the published page and `grants`.
    AddGrants {
        ticket: Ticket,
        address: Ipv4Addr,
        grants: Vec<Grant>,
        ttl: Duration,
    },
    /// With `page`, the published page too: nothing is left of this address.
    RemoveGrants {
        ticket: Ticket,
        address: Ipv4Addr,
        grants: Vec<Grant>,
        page: bool,
    },
    FlushConntrack {
        ticket: Ticket,
        address: Ipv4Addr,
    },

    // OpenVPN. Answered by events of its management socket, not by `Done`.
    VpnAllow {
        cid: u64,
        kid: u64,
        address: Ipv4Addr,
        routes: Vec<Grant>,
    },
    /// Yes again, to a renegotiation: nothing is pushed.
    VpnStillAllowed {
        cid: u64,
        kid: u64,
    },
    VpnDeny {
        cid: u64,
        kid: u64,
    },
    /// `client-kill CID HALT,reason`: the client stops and does not come back.
    VpnKill {
        cid: u64,
        reason: &'static str,
    },

    // The edge. A connection that was closed is answered by `TlsDown`.
    GiveSpaKey {
        ticket: Ticket,
        bootstrap: BootstrapId,
        key: SpaKey,
        until: Millis,
    },
    TakeSpaKey {
        ticket: Ticket,
        bootstrap: BootstrapId,
    },
    AckKnock {
        bootstrap: BootstrapId,
        nonce: [u8; 16],
    },
    TlsAllow {
        connection: u64,
    },
    TlsClose {
        connection: u64,
    },

    // The runner.
    /// Succeeds, too, when it runs already.
    StartContainer {
        ticket: Ticket,
        session: SessionId,
        image: String,
    },
    /// Succeeds, too, when there is none.
    KillContainer {
        ticket: Ticket,
        session: SessionId,
    },
    /// Answered by [`super::Outcome::Script`].
    RunScript {
        ticket: Ticket,
        step: Provision,
    },

    // The published path. Publishing replaces every earlier path of that address.
    PublishPath {
        ticket: Ticket,
        session: SessionId,
        address: Ipv4Addr,
        path: [u8; 16],
    },
    RemovePath {
        ticket: Ticket,
        session: SessionId,
        address: Ipv4Addr,
    },
}
