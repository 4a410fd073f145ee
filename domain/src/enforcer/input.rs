//! What happens to an agent.

use super::Ticket;
use crate::{
    bootstrap::Secrets,
    gateway_bus::GatewayCommand,
    ids::{BootstrapId, Digest, SessionId},
    user::StepFailure,
};
use std::net::IpAddr;

#[derive(Clone, Debug)]
pub enum Input {
    /// The first input of every life.
    Start,
    /// A verified order ([`super::receive`]). `secrets`: of an admit, if they opened.
    Order {
        command: Box<GatewayCommand>,
        secrets: Option<Secrets>,
    },
    /// A knock whose MAC the edge has checked, for this gateway and within the skew.
    Knock {
        bootstrap: BootstrapId,
        nonce: [u8; 16],
        /// The MACed address, not the packet's.
        address: IpAddr,
    },
    /// A TLS connection stands, with a certificate of the session CA; it is bound to `port` on loopback and
    /// waits for [`super::Effect::TlsAllow`] before it connects to OpenVPN.
    TlsUp {
        connection: u64,
        port: u16,
        /// SHA-256 of the SPKI that was proved.
        key: Digest,
        from: IpAddr,
    },
    TlsDown {
        connection: u64,
    },
    /// OpenVPN asks. `port`: its peer's, which is an edge connection's local one.
    VpnConnect {
        cid: u64,
        kid: u64,
        port: u16,
        /// `tls_digest_sha256_0`.
        certificate: Digest,
    },
    /// The same question again, at a renegotiation.
    VpnReauth {
        cid: u64,
        kid: u64,
        port: u16,
        certificate: Digest,
    },
    VpnEstablished {
        cid: u64,
    },
    VpnBytes {
        cid: u64,
        bytes_in: u64,
        bytes_out: u64,
    },
    VpnDisconnected {
        cid: u64,
    },
    /// OpenVPN's management socket is gone: it drops its clients, and nobody can be asked about them.
    VpnLost,
    /// The socket is back; these clients were found.
    VpnBack {
        clients: Vec<u64>,
    },
    /// The edge died: its connections are closed and its keys forgotten.
    EdgeLost,
    EdgeBack,
    RunnerLost,
    /// The runner is (again) there; containers of these sessions run.
    RunnerBack {
        containers: Vec<SessionId>,
    },
    /// A container ended by itself.
    ContainerGone {
        session: SessionId,
    },
    /// An effect with this ticket was carried out, or was not.
    Done {
        ticket: Ticket,
        outcome: Outcome,
    },
    /// At least once a second.
    Tick,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Failed,
    /// How a script ended.
    Script(Result<(), StepFailure>),
}

impl Outcome {
    pub const fn is_ok(self) -> bool {
        matches!(self, Self::Ok | Self::Script(Ok(())))
    }
}
