//! What the processes say to each other: one postcard value per packet, 64 KiB at the most.

use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use viworks_domain::{
    Millis,
    gateway_bus::{Provision, Service},
    ids::{BootstrapId, Digest, GatewayId, SessionId},
    user::StepFailure,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub const LONGEST: usize = 64 * 1024;

/// From the parent to a child, each with file descriptors.
#[derive(Serialize, Deserialize)]
pub enum ToChild {
    /// First; with the UDP and the TCP socket.
    Edge(EdgeBoot),
    /// First.
    Control(ControlBoot),
    /// First.
    Runner,
    /// A (new) socket to this other child, which has just started.
    Peer(Child),
    /// Take down what you run, and go. (A closed socket means: go at once.)
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Child {
    Edge,
    Control,
    Runner,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct EdgeBoot {
    #[zeroize(skip)]
    pub gateway: GatewayId,
    #[zeroize(skip)]
    pub vpn_port: u16,
    #[zeroize(skip)]
    pub user: u32,
    /// PEM.
    pub tls_key: String,
    #[zeroize(skip)]
    pub tls_certificate: String,
    #[zeroize(skip)]
    pub session_ca: String,
}

/// Keys that `control` alone holds; it reads no key file.
#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct ControlBoot {
    /// `enrolment.json`.
    #[zeroize(skip)]
    pub enrolment: Vec<u8>,
    pub bus_seed: String,
    /// PEM.
    pub bus_key: String,
    pub opening_key: [u8; 32],
    pub report_key: [u8; 32],
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromEdge {
    /// First on every new socket: nothing is connected and no key is known.
    Hello,
    Knock {
        bootstrap: BootstrapId,
        nonce: [u8; 16],
        address: IpAddr,
    },
    TlsUp {
        connection: u64,
        port: u16,
        key: Digest,
        from: IpAddr,
    },
    TlsDown {
        connection: u64,
    },
    Done {
        ticket: u64,
    },
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Key(pub [u8; 32]);

#[derive(Serialize, Deserialize)]
pub enum ToEdge {
    GiveKey { ticket: u64, bootstrap: BootstrapId, key: Key, until: Millis },
    TakeKey { ticket: u64, bootstrap: BootstrapId },
    AckKnock { bootstrap: BootstrapId, nonce: [u8; 16] },
    Allow { connection: u64 },
    Close { connection: u64 },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum FromRunner {
    /// First on every new socket.
    Hello {
        containers: Vec<SessionId>,
    },
    Done {
        ticket: u64,
        ok: bool,
    },
    ScriptEnded {
        ticket: u64,
        result: Result<(), StepFailure>,
    },
    ContainerGone {
        session: SessionId,
    },
    Services(Vec<Service>),
}

#[derive(Debug, Serialize, Deserialize)]
pub enum ToRunner {
    StartContainer { ticket: u64, session: SessionId, image: String },
    KillContainer { ticket: u64, session: SessionId },
    RunScript { ticket: u64, step: Provision },
}
