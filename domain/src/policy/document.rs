//! The policy document: what an admin writes and what `evaluate` reads.

use serde::{Deserialize, Serialize};
use std::{fmt, net::Ipv4Addr, str::FromStr};

/// ISO 3166-1 alpha-2, upper case.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Country([u8; 2]);

/// A policy that cannot mean anything, with the field and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidDocument {
    pub field: &'static str,
    pub problem: &'static str,
}

impl FromStr for Country {
    type Err = InvalidDocument;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            [a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([*a, *b])),
            _ => Err(InvalidDocument {
                field: "country",
                problem: "give the two capital letters of ISO 3166-1, such as AU",
            }),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = InvalidDocument;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    pub name: String,
    /// IANA name; windows are read on this zone's clock.
    pub time_zone: String,
    /// Empty: any time. Otherwise one of them must hold.
    pub windows: Vec<Window>,
    /// The policy admits nobody from this moment on, and ends what it had admitted.
    pub not_after: Option<crate::Millis>,
    pub countries: CountryRule,
    pub posture: PostureRule,
    pub resources: Vec<Resource>,
    /// The published image's name in the gateway's own list.
    pub image: String,
    pub max_minutes: u32,
    /// How long a gateway lets a session live without word from the control plane, seconds.
    pub lease_seconds: u32,
    pub concurrent_sessions: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

/// A weekly window, `[from, to)` in minutes of the local day; `to` may be 1440 (midnight).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    pub days: Vec<Weekday>,
    pub from_minute: u16,
    pub to_minute: u16,
}

/// An empty `allow` allows every country that is not denied.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CountryRule {
    pub allow: Vec<Country>,
    pub deny: Vec<Country>,
}

/// How well a phone guards its keys, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyProtection {
    File,
    Browser,
    Hardware,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostureRule {
    /// The report must not be older than this, seconds.
    pub max_age_seconds: u32,
    pub forbid_rooted: bool,
    pub forbid_emulator: bool,
    pub require_screen_lock: bool,
    /// The SIM's country must be the same as the network's.
    pub sim_matches_network: bool,
    pub min_key_protection: KeyProtection,
}

impl Default for PostureRule {
    fn default() -> Self {
        Self {
            max_age_seconds: 300,
            forbid_rooted: true,
            forbid_emulator: true,
            require_screen_lock: true,
            sim_matches_network: false,
            min_key_protection: KeyProtection::File,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    Tcp,
    Udp,
}

impl Protocol {
    /// IANA protocol number.
    pub const fn number(self) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
        }
    }
}

/// Something behind a gateway, by the name people know it under.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resource {
    pub label: String,
    pub address: Ipv4Addr,
    pub port: u16,
    pub protocol: Protocol,
}

/// What a gateway opens for one session: the resource without its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grant {
    pub address: Ipv4Addr,
    pub port: u16,
    pub protocol: Protocol,
}

impl From<&Resource> for Grant {
    fn from(r: &Resource) -> Self {
        Self { address: r.address, port: r.port, protocol: r.protocol }
    }
}

impl Document {
    /// # Errors
    /// The first field that cannot be meant: an empty name, an unknown time zone, an empty or inverted
    /// window, no length, no lease, too many resources.
    pub fn validate(&self) -> Result<(), InvalidDocument> {
        let err = |field, problem| Err(InvalidDocument { field, problem });
        if self.name.trim().is_empty() || self.name.len() > 64 {
            return err("name", "give a name of 1 to 64 bytes");
        }
        if jiff::tz::TimeZone::get(&self.time_zone).is_err() {
            return err("time_zone", "give an IANA name such as Australia/Sydney");
        }
        if self
            .windows
            .iter()
            .any(|w| w.days.is_empty() || w.from_minute >= w.to_minute || w.to_minute > 1440)
        {
            return err(
                "windows",
                "give days, and from before to, at most 24:00; split what crosses midnight",
            );
        }
        if !(1..=24 * 60).contains(&self.max_minutes) {
            return err("max_minutes", "give 1 to 1440 minutes");
        }
        // Shorter leases would end sessions on any hiccup; longer ones outlive AAL2 (NIST 800-63B: 24 h).
        if !(30..=86_400).contains(&self.lease_seconds) {
            return err("lease_seconds", "give 30 to 86400 seconds");
        }
        if self.concurrent_sessions == 0 {
            return err("concurrent_sessions", "give at least 1");
        }
        if self.resources.len() > 64 || self.resources.iter().any(|r| r.label.is_empty() || r.port == 0) {
            return err("resources", "give at most 64, each with a label and a port");
        }
        if self.image.is_empty() || self.image.len() > 128 {
            return err("image", "give the name of an image in the gateway's list");
        }
        Ok(())
    }
}
