//! What the machine's own administrator allows at the most; no signature goes beyond it.

use crate::policy::Grant;
use serde::{Deserialize, Deserializer, Serialize, de};
use std::{fmt, net::Ipv4Addr, str::FromStr, time::Duration};

/// `10.78.0.0/24`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: u32,
    prefix: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a network such as 10.78.0.0/24")]
pub struct NotANetwork;

impl Network {
    /// # Errors
    /// A prefix beyond 32, or bits set below it.
    pub fn new(base: Ipv4Addr, prefix: u8) -> Result<Self, NotANetwork> {
        let base = u32::from(base);
        if prefix > 32 || base & !Self::mask(prefix) != 0 {
            return Err(NotANetwork);
        }
        Ok(Self { base, prefix })
    }

    const fn mask(prefix: u8) -> u32 {
        if prefix == 0 { 0 } else { u32::MAX << (32 - prefix) }
    }

    pub fn contains(&self, address: Ipv4Addr) -> bool {
        u32::from(address) & Self::mask(self.prefix) == self.base
    }

    pub const fn base(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base)
    }

    pub const fn prefix(&self) -> u8 {
        self.prefix
    }

    pub const fn netmask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(Self::mask(self.prefix))
    }

    pub const fn broadcast(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.base | !Self::mask(self.prefix))
    }
}

impl FromStr for Network {
    type Err = NotANetwork;
    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let (base, prefix) = text.split_once('/').ok_or(NotANetwork)?;
        Self::new(base.parse().map_err(|_| NotANetwork)?, prefix.parse().map_err(|_| NotANetwork)?)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base(), self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Network {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// Where grants may lead.
    pub networks: Vec<Network>,
    /// Images that may be published.
    pub images: Vec<String>,
    /// How far away an end may be.
    pub longest: Duration,
    /// Sessions at the same time.
    pub sessions: usize,
}

impl Ceiling {
    pub fn covers(&self, grants: &[Grant]) -> bool {
        // The nft set and the pushed routes are bounded by the policy's own limit of 64 resources.
        grants.len() <= 64
            && grants.iter().all(|g| g.port != 0 && self.networks.iter().any(|n| n.contains(g.address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Protocol;

    #[test]
    fn a_network_is_read_back_as_it_was_written_and_nothing_else_is_one() {
        let network: Network = "10.78.0.0/24".parse().expect("a network");
        assert_eq!(network.to_string(), "10.78.0.0/24");
        assert!(
            network.contains(Ipv4Addr::new(10, 78, 0, 255)) && !network.contains(Ipv4Addr::new(10, 78, 1, 0))
        );
        assert_eq!(network.netmask(), Ipv4Addr::new(255, 255, 255, 0));
        for wrong in ["10.78.0.1/24", "10.78.0.0/33", "10.78.0.0", "/24", "10.78.0/24"] {
            assert_eq!(wrong.parse::<Network>(), Err(NotANetwork), "{wrong}");
        }
        let all: Network = "0.0.0.0/0".parse().expect("a network");
        assert!(all.contains(Ipv4Addr::BROADCAST));
    }

    #[test]
    fn a_grant_outside_every_network_is_beyond_the_ceiling() {
        let ceiling = Ceiling {
            networks: vec!["10.78.0.0/24".parse().expect("a network")],
            images: vec![],
            longest: Duration::from_secs(60),
            sessions: 1,
        };
        let grant =
            |last| Grant { address: Ipv4Addr::new(10, 78, last, 2), port: 80, protocol: Protocol::Tcp };
        assert!(ceiling.covers(&[grant(0)]) && !ceiling.covers(&[grant(0), grant(1)]));
        assert!(!ceiling.covers(&[Grant { port: 0, ..grant(0) }]));
    }
}
