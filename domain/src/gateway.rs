//! A Linux gateway: invited, enrolled with keys it made itself, up or not, draining, retired.

mod command;
mod event;
mod listener;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{
    Draining, Enrolled, Event, HealthChanged, IncarnationSeen, Invited, ReportAccepted, Retired,
};
pub use listener::Listener;
pub use refusal::Refusal;
pub use state::{Gateway, Phase};

use crate::{gateway_bus::Service, ids::BusAccount};
use serde::{Deserialize, Serialize};
use std::{net::Ipv4Addr, time::Duration};

pub const INVITATION_LIFETIME: Duration = Duration::from_secs(600);

/// Where clients reach it. Admins set it; it is never shown on a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    pub address: Ipv4Addr,
    pub spa_port: u16,
    pub tls_port: u16,
}

/// The gateway's public halves, made on the gateway; and the bus account that was minted for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub account: BusAccount,
    /// The gateway's NATS user, an nkey public key.
    pub bus_user: String,
    /// P-256, uncompressed SEC 1: bootstraps are sealed to it.
    pub opening_key: Vec<u8>,
    /// Ed25519: reports are signed with it.
    pub report_key: [u8; 32],
    /// SHA-256 of the TLS server key's SPKI: clients pin it.
    pub server_key: crate::ids::Digest,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    Up,
    Degraded,
    Down,
}

impl Health {
    /// What its services make of a gateway: down where a way in is missing, degraded where anything else is.
    pub fn of(services: &[Service]) -> Self {
        const WAYS_IN: [&str; 3] = ["spa", "tls", "openvpn"];
        let is_up = |name: &str| services.iter().any(|service| service.name == name && service.up);
        if !WAYS_IN.into_iter().all(is_up) {
            Self::Down
        } else if services.iter().all(|service| service.up) {
            Self::Up
        } else {
            Self::Degraded
        }
    }
}
