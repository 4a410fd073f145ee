//! What the engine hears.

use super::Ticket;
use std::net::Ipv4Addr;
use viworks_api::desktop::{AnswerResponse, DesktopView};
use viworks_domain::otp::Digits;

pub enum Input {
    /// The person has given name and password.
    SignIn,
    Opened(DesktopView),
    OpenFailed(Failure),
    /// A long poll came back.
    Seen(DesktopView),
    PollFailed(Failure),
    /// Six digits, typed.
    Code(Digits),
    Answered(AnswerResponse),
    AnswerFailed(Failure),
    Bootstrapped(Box<Ticket>),
    BootstrapFailed(Failure),
    /// A UDP packet from the gateway's address.
    Packet(Vec<u8>),
    /// The pinned TLS connection of attempt `n` stands.
    TlsUp {
        n: u32,
    },
    TlsFailed {
        n: u32,
    },
    TunnelUp {
        n: u32,
        address: Ipv4Addr,
    },
    TunnelDown {
        n: u32,
        how: Down,
    },
    /// The person signs out (Ctrl-C).
    SignOut,
    SignedOut,
    SignOutFailed(Failure),
    /// The time of [`super::Engine::next_wake`] has come; harmless at any other.
    Wake,
}

/// How a tunnel went down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    /// The gateway said that it is over, and why.
    Halted(String),
    /// The connection broke, or OpenVPN ended.
    Broken,
    /// The helper is not there, or does not do what is asked.
    Helper(HelperTrouble),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelperTrouble {
    NotRunning,
    NotPermitted,
    Busy,
    NoOpenVpn,
}

/// Why an answer of the API is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nobody answered, or the server cannot at the moment: asking again is safe.
    Unreachable,
    /// The server's certificate is not under the CA we trust.
    NotTrusted,
    Refused(Refusal),
    /// An answer that makes no sense.
    Broken,
}

/// The server's no, in its own neutral words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub code: String,
    pub text: String,
    /// For an administrator to look up.
    pub correlation: String,
}
