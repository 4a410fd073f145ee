//! `agent.toml`: what the machine's own administrator decides. Root-owned; no message changes it.

use serde::Deserialize;
use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    time::Duration,
};
use viworks_domain::enforcer::{Ceiling, Network, Pool};

/// Paths of unix sockets end at 107 bytes; below the state directory we need up to 60.
const LONGEST_STATE_PATH: usize = 47;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where clients reach us.
    pub listen: Ipv4Addr,
    pub spa_port: u16,
    pub tls_port: u16,
    /// OpenVPN's, on loopback.
    pub vpn_port: u16,
    pub tunnel: String,
    pub tunnel_device: String,
    /// The published pages', on the gateway's tunnel address.
    pub page_port: u16,
    /// Open to everybody, such as 22 for the machine's administrator.
    pub open_tcp_ports: Vec<u16>,

    // The ceiling.
    pub networks: Vec<String>,
    pub images: Vec<String>,
    pub longest_minutes: u32,
    pub sessions: usize,

    /// The directory with `vpn-user` and `panel-user`; `enrol` pins their digests in `scripts.toml`.
    pub scripts: Option<PathBuf>,
    pub podman: PathBuf,
    pub openvpn: PathBuf,
    pub nginx: PathBuf,
    pub nft: PathBuf,
    pub users: Users,
}

/// Numeric users; they need no entry anywhere.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Users {
    pub edge: u32,
    pub control: u32,
    pub vpn: u32,
    pub web: u32,
    pub scripts: u32,
    pub page: u32,
}

impl Default for Users {
    fn default() -> Self {
        Self { edge: 62_211, control: 62_212, vpn: 62_213, web: 62_214, scripts: 62_215, page: 62_216 }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: Ipv4Addr::UNSPECIFIED,
            spa_port: 62_201,
            tls_port: 443,
            vpn_port: 1194,
            tunnel: "10.8.0.0/24".into(),
            tunnel_device: "tun0".into(),
            page_port: 80,
            // Whoever installs the agent over ssh must not lock themselves out by it.
            open_tcp_ports: vec![22],
            networks: ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"].map(String::from).into(),
            images: vec![],
            longest_minutes: 24 * 60,
            sessions: 1_000,
            scripts: None,
            podman: "/usr/bin/podman".into(),
            openvpn: "/usr/sbin/openvpn".into(),
            nginx: "/usr/sbin/nginx".into(),
            nft: "/usr/sbin/nft".into(),
            users: Users::default(),
        }
    }
}

/// Every problem found, not only the first.
#[derive(Debug, thiserror::Error)]
#[error("the configuration cannot be used:\n  {}", .0.join("\n  "))]
pub struct BadConfig(pub Vec<String>);

/// A configuration that was checked, with what was parsed out of it.
#[derive(Clone, Debug)]
pub struct Checked {
    pub config: Config,
    pub tunnel: Network,
    pub ceiling: Ceiling,
}

impl Config {
    /// # Errors
    /// With every problem in one list.
    pub fn read(path: &Path, state: &Path) -> Result<Checked, BadConfig> {
        let text = fs::read_to_string(path)
            .map_err(|error| BadConfig(vec![format!("{}: {error}", path.display())]))?;
        let config: Self = toml::from_str(&text)
            .map_err(|error| BadConfig(vec![format!("{}: {}", path.display(), error.message())]))?;
        config.check(state)
    }

    fn check(self, state: &Path) -> Result<Checked, BadConfig> {
        let mut problems = vec![];
        if state.as_os_str().len() > LONGEST_STATE_PATH {
            problems.push(format!(
                "state directory: {} is longer than {LONGEST_STATE_PATH} bytes; sockets below it would not fit",
                state.display()
            ));
        }
        // It stands in the configurations that are made from this one.
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"/._-".contains(&b);
        if !state.is_absolute() || !state.as_os_str().as_encoded_bytes().iter().all(|b| plain(*b)) {
            problems.push(format!(
                "state directory: {} is not an absolute path of letters, digits, dots, dashes and underscores",
                state.display()
            ));
        }
        let tunnel = self.tunnel.parse::<Network>().ok().filter(|n| (16..=29).contains(&n.prefix()));
        if tunnel.is_none() {
            problems.push(format!("tunnel: {} is not a network of /16 to /29", self.tunnel));
        }
        let mut networks = vec![];
        for text in &self.networks {
            match text.parse() {
                Ok(network) => networks.push(network),
                Err(_) => problems.push(format!("networks: {text} is not a network such as 10.78.0.0/24")),
            }
        }
        if self.images.is_empty() {
            problems.push("images: name at least one image that may be published".into());
        }
        for (name, path) in
            [("podman", &self.podman), ("openvpn", &self.openvpn), ("nginx", &self.nginx), ("nft", &self.nft)]
        {
            if !path.is_absolute() || !path.is_file() {
                problems.push(format!("{name}: {} is not a program's absolute path", path.display()));
            }
        }
        let device = self.tunnel_device.as_bytes();
        if !self.tunnel_device.starts_with("tun")
            || device.len() > 15
            || !device.iter().all(u8::is_ascii_alphanumeric)
        {
            problems.push("tunnel_device: give a name such as tun0".into());
        }
        let u = self.users;
        let mut users = [u.edge, u.control, u.vpn, u.web, u.scripts, u.page];
        users.sort_unstable();
        if users[0] == 0 || users.windows(2).any(|pair| pair[0] == pair[1]) {
            problems.push("users: each needs a user of its own, and none may be root".into());
        }
        match tunnel {
            Some(tunnel) if problems.is_empty() => {
                let ceiling = Ceiling {
                    networks,
                    images: self.images.clone(),
                    longest: Duration::from_secs(u64::from(self.longest_minutes) * 60),
                    sessions: self.sessions,
                };
                Ok(Checked { config: self, tunnel, ceiling })
            }
            _ => Err(BadConfig(problems)),
        }
    }
}

impl Checked {
    /// The gateway's own address in the tunnel.
    pub fn gateway_address(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.tunnel.base().to_bits() + 1)
    }

    pub fn pool(&self) -> Pool {
        let last = Ipv4Addr::from_bits(self.tunnel.broadcast().to_bits() - 1);
        let first = Ipv4Addr::from_bits((self.tunnel.base().to_bits() + 10).min(last.to_bits()));
        Pool { first, last }
    }
}

/// Where things lie below the state directory.
#[derive(Clone, Debug)]
pub struct Places {
    pub state: PathBuf,
}

impl Places {
    pub fn new(state: &Path) -> Self {
        Self { state: state.to_path_buf() }
    }
    pub fn config(&self) -> PathBuf {
        self.state.join("agent.toml")
    }
    pub fn scripts(&self) -> PathBuf {
        self.state.join("scripts.toml")
    }
    /// Root's: private keys as `enrol` made them, handed out by the parent.
    pub fn keys(&self) -> PathBuf {
        self.state.join("keys")
    }
    pub fn control(&self) -> PathBuf {
        self.state.join("control")
    }
    pub fn vpn(&self) -> PathBuf {
        self.state.join("vpn")
    }
    pub fn management(&self) -> PathBuf {
        self.state.join("vpn/mgmt.sock")
    }
    /// The tun device, for OpenVPN's user alone; absent where no device can be made.
    pub fn tun(&self) -> PathBuf {
        self.state.join("vpn/tun")
    }
    pub fn web(&self) -> PathBuf {
        self.state.join("web")
    }
    pub fn runner(&self) -> PathBuf {
        self.state.join("runner")
    }
    /// `panel/<tunnel address>/<path>` -> `sessions/<session>`.
    pub fn panel(&self) -> PathBuf {
        self.state.join("panel")
    }
    pub fn sessions(&self) -> PathBuf {
        self.state.join("sessions")
    }
}

/// For the tests of texts that are made from it.
#[cfg(test)]
pub(crate) fn example() -> (Places, Checked) {
    let tunnel: Network = Config::default().tunnel.parse().unwrap();
    let images = vec!["localhost/viworks/page:1".into()];
    let ceiling = Ceiling { networks: vec![], images, longest: Duration::from_secs(3600), sessions: 100 };
    (Places::new(Path::new("/var/lib/viworks")), Checked { config: Config::default(), tunnel, ceiling })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_named_at_once() {
        let config = Config {
            tunnel: "10.8.0.0/8".into(),
            networks: vec!["everything".into()],
            podman: "podman".into(),
            ..Config::default()
        };
        let BadConfig(problems) = config.check(Path::new("/var/lib/viworks")).unwrap_err();
        for field in ["tunnel", "networks", "images", "podman"] {
            assert!(problems.iter().any(|p| p.starts_with(field)), "{field}: {problems:?}");
        }
    }

    #[test]
    fn unknown_settings_are_refused() {
        assert!(toml::from_str::<Config>("image = \"one\"").is_err());
        assert!(toml::from_str::<Config>("images = [\"one\"]\n[users]\nedge = 5").is_ok());
    }
}
