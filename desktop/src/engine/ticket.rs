//! A bootstrap as the engine holds it: in memory, once, zeroized when dropped.

use std::net::{IpAddr, Ipv4Addr};
use viworks_api::desktop::Bootstrap;
use viworks_domain::{
    Millis,
    ids::{BootstrapId, Digest, GatewayId},
    spa::Knock,
};
use zeroize::{Zeroize, Zeroizing};

pub struct Ticket {
    pub(super) bootstrap: BootstrapId,
    pub(super) gateway: GatewayId,
    pub(super) gateway_address: Ipv4Addr,
    pub(super) spa_port: u16,
    pub(super) tls_port: u16,
    pub(super) gateway_key: Digest,
    spa_key: Zeroizing<[u8; 32]>,
    client_address: IpAddr,
    pub(super) certificate: String,
    pub(super) gateway_ca: String,
    pub(super) address: Ipv4Addr,
    pub(super) page: String,
    pub(super) resources: Vec<String>,
    pub(super) clock: ServerClock,
    pub(super) use_before: Millis,
    pub(super) ends_at: Millis,
}

/// The server's time, seen from here: a desktop whose clock is wrong still knocks in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerClock {
    ahead: u64,
    behind: u64,
}

impl ServerClock {
    pub(super) const fn seen(server: Millis, here: Millis) -> Self {
        Self { ahead: server.0.saturating_sub(here.0), behind: here.0.saturating_sub(server.0) }
    }

    /// The server's time when it is `here` here.
    pub(super) const fn server(self, here: Millis) -> Millis {
        Millis(here.0.saturating_add(self.ahead).saturating_sub(self.behind))
    }

    /// The time here when it is `server` there.
    pub(super) const fn here(self, server: Millis) -> Millis {
        Millis(server.0.saturating_add(self.behind).saturating_sub(self.ahead))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection offer is not one this version understands")]
pub struct BadTicket;

impl Ticket {
    /// # Errors
    /// The SPA key is not 32 bytes.
    pub fn new(mut bootstrap: Bootstrap, now: Millis) -> Result<Self, BadTicket> {
        let spa_key = bootstrap.spa_key.array::<32>().map(Zeroizing::new);
        bootstrap.spa_key.0.zeroize();
        Ok(Self {
            bootstrap: bootstrap.bootstrap,
            gateway: bootstrap.gateway,
            gateway_address: bootstrap.gateway_address,
            spa_port: bootstrap.spa_port,
            tls_port: bootstrap.tls_port,
            gateway_key: bootstrap.gateway_key,
            spa_key: spa_key.ok_or(BadTicket)?,
            client_address: bootstrap.client_address,
            certificate: bootstrap.certificate,
            gateway_ca: bootstrap.gateway_ca,
            address: bootstrap.address,
            page: bootstrap.page,
            resources: bootstrap.resources,
            clock: ServerClock::seen(bootstrap.server_time, now),
            use_before: bootstrap.use_before,
            ends_at: bootstrap.ends_at,
        })
    }

    pub(super) const fn knock(&self, now: Millis, nonce: [u8; 16]) -> Knock {
        Knock {
            gateway: self.gateway,
            bootstrap: self.bootstrap,
            time: self.clock.server(now),
            nonce,
            address: self.client_address,
        }
    }

    pub(super) fn packet(&self, knock: &Knock) -> Vec<u8> {
        knock.to_packet(&self.spa_key).to_vec()
    }

    pub(super) fn is_answered(&self, knock: &Knock, ack: &[u8]) -> bool {
        knock.is_answered_by(ack, &self.spa_key)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        // Not secrets by themselves, but nothing of a bootstrap outlives its use.
        self.page.zeroize();
        self.certificate.zeroize();
    }
}
