//! What the engine wants done, and shown.

use super::Why;
use std::{
    fmt,
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};
use viworks_domain::{Millis, ids::Digest, otp::Digits};

/// Names one act towards the API: 128 random bits.
pub type ActKey = [u8; 16];

pub enum Effect {
    OpenSession {
        key: ActKey,
    },
    /// `GET` the session, answered when newer than `after`; at most one is out at a time.
    Poll {
        after: u64,
        wait: Duration,
    },
    Answer {
        key: ActKey,
        digits: Digits,
    },
    /// With a CSR of the session's key.
    AskBootstrap {
        key: ActKey,
    },
    Knock {
        to: SocketAddrV4,
        packet: Vec<u8>,
    },
    /// TLS 1.3 with exactly this server key, as the holder of `certificate` (PEM).
    ConnectTls {
        n: u32,
        to: SocketAddrV4,
        gateway_key: Digest,
        certificate: String,
    },
    /// OpenVPN through the TLS connection of attempt `n`; both PEM.
    StartTunnel {
        n: u32,
        ca: String,
        certificate: String,
    },
    /// Close the tunnel, the TLS connection and the UDP socket, if they are there.
    CutTunnel,
    SignOut {
        key: ActKey,
    },
    /// Nothing of this session may stay in memory.
    Wipe,
    Show(Shown),
}

/// One line for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shown {
    SigningIn,
    /// The phone has not spoken yet; its code will be wanted.
    CodeRequired {
        answer_by: Millis,
    },
    /// The phone shows a code now.
    CodeOnPhone {
        left: u8,
    },
    CodeRefused {
        left: u8,
    },
    /// Said once per step of every attempt.
    Connecting {
        step: StepName,
        attempt: u32,
    },
    Connected {
        address: Ipv4Addr,
        page: String,
        resources: Vec<String>,
        ends_at: Millis,
    },
    /// It was connected and is not now.
    Reconnecting,
    SigningOut,
    Ended(Why),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepName {
    Bootstrap,
    Spa,
    Tls,
    Vpn,
    /// Before another attempt.
    Rest,
}

impl StepName {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bootstrap => "bootstrap",
            Self::Spa => "spa",
            Self::Tls => "tls",
            Self::Vpn => "vpn",
            Self::Rest => "rest",
        }
    }
}

impl fmt::Debug for Effect {
    /// Without what is secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OpenSession { .. } => f.write_str("OpenSession"),
            Self::Poll { after, .. } => write!(f, "Poll(after {after})"),
            Self::Answer { .. } => f.write_str("Answer"),
            Self::AskBootstrap { .. } => f.write_str("AskBootstrap"),
            Self::Knock { to, .. } => write!(f, "Knock({to})"),
            Self::ConnectTls { n, to, .. } => write!(f, "ConnectTls({n}, {to})"),
            Self::StartTunnel { n, .. } => write!(f, "StartTunnel({n})"),
            Self::CutTunnel => f.write_str("CutTunnel"),
            Self::SignOut { .. } => f.write_str("SignOut"),
            Self::Wipe => f.write_str("Wipe"),
            Self::Show(shown) => write!(f, "Show({shown:?})"),
        }
    }
}
