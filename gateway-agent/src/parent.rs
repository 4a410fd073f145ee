//! The parent: root, and therefore short. It binds, loads the base ruleset, starts the children, hands them
//! their sockets, starts again what dies, and does nothing else.

mod ruleset;

use crate::{
    config::{Checked, Config, Places},
    frames::{Child, ControlBoot, EdgeBoot, ToChild},
    identity::{Enrolment, NotEnrolled, read_secret},
    link::{self, LinkError},
};
use std::{
    fs::{self, File},
    io::{self, Write},
    net::{SocketAddr, TcpListener, UdpSocket},
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{DirBuilderExt, PermissionsExt, chown},
    },
    path::Path,
    process::Stdio,
    time::Duration,
};
use tokio::{
    process::Command,
    signal::unix::{SignalKind, signal},
};
use zeroize::Zeroizing;

pub use ruleset::base as base_ruleset;

/// A child that dies at once is not started more often than this.
const RESTART_PAUSE: Duration = Duration::from_millis(200);

#[derive(Debug, thiserror::Error)]
pub enum ParentError {
    #[error(transparent)]
    Config(#[from] crate::config::BadConfig),
    #[error(transparent)]
    NotEnrolled(#[from] NotEnrolled),
    #[error("cannot listen on {address}")]
    Bind { address: SocketAddr, source: io::Error },
    #[error("the base ruleset was not loaded: {0}")]
    Ruleset(String),
    #[error("{0} failed")]
    Io(&'static str, #[source] io::Error),
    #[error("a child cannot be spoken to")]
    Link(#[from] LinkError),
}

/// Until SIGTERM or SIGINT.
pub async fn run(state: &Path) -> Result<(), ParentError> {
    let places = Places::new(state);
    let checked = Config::read(&places.config(), state)?;
    let enrolment = Enrolment::read(&places)?;
    let boots = Boots::read(&places, &checked, &enrolment)?;
    prepare_directories(&places, &checked)?;
    load_ruleset(&checked)?;
    let mut parent = Parent::bind(&places, &checked, boots)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|e| ParentError::Io("signals", e))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|e| ParentError::Io("signals", e))?;
    for child in [Child::Runner, Child::Control, Child::Edge] {
        parent.start(child)?;
    }
    tracing::info!("the agent is up");
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            child = parent.any_death() => {
                tracing::warn!(?child, "a child has died and is started again");
                tokio::time::sleep(RESTART_PAUSE).await;
                parent.start(child)?;
            }
        }
    }
    parent.stop().await;
    Ok(())
}

/// First messages, read once as root: no child opens a key file.
struct Boots {
    edge: Zeroizing<Vec<u8>>,
    control: Zeroizing<Vec<u8>>,
}

impl Boots {
    fn read(places: &Places, checked: &Checked, enrolment: &Enrolment) -> Result<Self, NotEnrolled> {
        let keys = places.keys();
        let text = |name: &str| -> Result<String, NotEnrolled> {
            let bytes = read_secret(&keys.join(name))?;
            String::from_utf8(bytes.to_vec()).map_err(|_| NotEnrolled::Damaged { file: name.to_owned() })
        };
        let array = |name: &str| -> Result<[u8; 32], NotEnrolled> {
            let bytes = read_secret(&keys.join(name))?;
            bytes.as_slice().try_into().map_err(|_| NotEnrolled::Damaged { file: name.to_owned() })
        };
        let edge = EdgeBoot {
            gateway: enrolment.response.gateway,
            vpn_port: checked.config.vpn_port,
            user: checked.config.users.edge,
            tls_key: text("tls.key")?,
            tls_certificate: enrolment.response.tls_certificate.clone(),
            session_ca: enrolment.response.session_ca.clone(),
        };
        let control = ControlBoot {
            enrolment: read_secret(&keys.join("enrolment.json"))?.to_vec(),
            bus_seed: text("bus.seed")?,
            bus_key: text("bus.key")?,
            opening_key: array("opening.key")?,
            report_key: array("report.key")?,
        };
        let encode = |boot: ToChild| Zeroizing::new(viworks_domain::bytes::encode(&boot));
        Ok(Self { edge: encode(ToChild::Edge(edge)), control: encode(ToChild::Control(control)) })
    }

    fn of(&self, child: Child) -> Result<ToChild, LinkError> {
        let bytes = match child {
            Child::Edge => &self.edge,
            Child::Control => &self.control,
            Child::Runner => return Ok(ToChild::Runner),
        };
        viworks_domain::bytes::decode(bytes).map_err(|_| LinkError::NotAFrame)
    }
}

struct Parent {
    state: std::path::PathBuf,
    boots: Boots,
    udp: UdpSocket,
    tcp: TcpListener,
    edge: Option<Running>,
    control: Option<Running>,
    runner: Option<Running>,
}

struct Running {
    process: tokio::process::Child,
    link: OwnedFd,
}

impl Parent {
    fn bind(places: &Places, checked: &Checked, boots: Boots) -> Result<Self, ParentError> {
        let config = &checked.config;
        let udp_address = SocketAddr::from((config.listen, config.spa_port));
        let tcp_address = SocketAddr::from((config.listen, config.tls_port));
        let udp = UdpSocket::bind(udp_address)
            .map_err(|source| ParentError::Bind { address: udp_address, source })?;
        let tcp = TcpListener::bind(tcp_address)
            .map_err(|source| ParentError::Bind { address: tcp_address, source })?;
        udp.set_nonblocking(true).map_err(|e| ParentError::Io("the UDP socket", e))?;
        tcp.set_nonblocking(true).map_err(|e| ParentError::Io("the TCP socket", e))?;
        Ok(Self { state: places.state.clone(), boots, udp, tcp, edge: None, control: None, runner: None })
    }

    fn start(&mut self, child: Child) -> Result<(), ParentError> {
        let name = match child {
            Child::Edge => "edge",
            Child::Control => "control",
            Child::Runner => "runner",
        };
        let (ours, theirs) = link::pair().map_err(|e| ParentError::Io("a socket pair", e))?;
        let process = Command::new("/proc/self/exe")
            .arg(name)
            .arg("--state")
            .arg(&self.state)
            .env_clear()
            .envs(std::env::var_os("RUST_LOG").map(|level| ("RUST_LOG", level)))
            .stdin(Stdio::from(theirs))
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| ParentError::Io("starting a child", e))?;
        let boot = self.boots.of(child)?;
        let sockets: &[_] = match child {
            Child::Edge => &[self.udp.as_fd(), self.tcp.as_fd()],
            Child::Control | Child::Runner => &[],
        };
        // A child that is dead already is noticed by its death.
        let _ = link::send_with_fds(&ours, &boot, sockets);
        *self.slot(child) = Some(Running { process, link: ours });
        match child {
            Child::Edge => self.connect(Child::Edge, Child::Control),
            Child::Runner => self.connect(Child::Runner, Child::Control),
            Child::Control => {
                self.connect(Child::Edge, Child::Control)?;
                self.connect(Child::Runner, Child::Control)
            }
        }
    }

    const fn slot(&mut self, child: Child) -> &mut Option<Running> {
        match child {
            Child::Edge => &mut self.edge,
            Child::Control => &mut self.control,
            Child::Runner => &mut self.runner,
        }
    }

    /// A fresh pair between two children that both live.
    fn connect(&mut self, one: Child, other: Child) -> Result<(), ParentError> {
        let (a, b) = link::pair().map_err(|e| ParentError::Io("a socket pair", e))?;
        if self.slot(one).is_none() || self.slot(other).is_none() {
            return Ok(());
        }
        for (child, peer, end) in [(one, other, a), (other, one, b)] {
            if let Some(running) = self.slot(child) {
                let _ = link::send_with_fds(&running.link, &ToChild::Peer(peer), &[end.as_fd()]);
            }
        }
        Ok(())
    }

    async fn any_death(&mut self) -> Child {
        async fn death(running: &mut Option<Running>) {
            match running {
                Some(running) => drop(running.process.wait().await),
                None => std::future::pending().await,
            }
        }
        let child = tokio::select! {
            () = death(&mut self.edge) => Child::Edge,
            () = death(&mut self.control) => Child::Control,
            () = death(&mut self.runner) => Child::Runner,
        };
        *self.slot(child) = None;
        child
    }

    /// Strangers first, then the rules, then what runs: the runner takes its programs and containers down.
    async fn stop(&mut self) {
        for child in [Child::Edge, Child::Control, Child::Runner] {
            let Some(mut running) = self.slot(child).take() else { continue };
            let _ = link::send_with_fds(&running.link, &ToChild::Stop, &[]);
            let patience = Duration::from_secs(if child == Child::Runner { 6 } else { 1 });
            if tokio::time::timeout(patience, running.process.wait()).await.is_err() {
                let _ = running.process.kill().await;
            }
        }
    }
}

fn prepare_directories(places: &Places, checked: &Checked) -> Result<(), ParentError> {
    let users = checked.config.users;
    let made = (|| -> io::Result<()> {
        for (path, owner, group, mode) in [
            (places.control(), users.control, users.control, 0o700),
            (places.vpn(), users.vpn, users.control, 0o750),
            (places.web(), users.web, users.web, 0o700),
            (places.runner(), 0, 0, 0o700),
            (places.panel(), users.control, users.web, 0o710),
            (places.sessions(), 0, users.web, 0o711),
        ] {
            fs::DirBuilder::new().recursive(true).mode(mode).create(&path)?;
            chown(&path, Some(owner), Some(group))?;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        Ok(())
    })();
    make_tun(places, users.vpn);
    made.map_err(|e| ParentError::Io("preparing the state directory", e))
}

/// `/dev/net/tun` is root's alone on some machines, and OpenVPN is not root. Where no node can be made, the
/// usual one has to do.
fn make_tun(places: &Places, user: u32) {
    use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};
    let node = places.tun();
    let _ = fs::remove_file(&node);
    let made = mknodat(CWD, &node, FileType::CharacterDevice, Mode::from_raw_mode(0o600), makedev(10, 200));
    let usable = made.map_err(io::Error::from).and_then(|()| {
        chown(&node, Some(user), Some(user))?;
        File::options().read(true).write(true).open(&node)
    });
    if let Err(error) = usable {
        tracing::debug!(%error, "no tun device of our own");
        let _ = fs::remove_file(&node);
    }
}

fn load_ruleset(checked: &Checked) -> Result<(), ParentError> {
    let text = ruleset::base(checked);
    let mut nft = std::process::Command::new(&checked.config.nft)
        .args(["-f", "-"])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| ParentError::Io("starting nft", e))?;
    if let Some(mut stdin) = nft.stdin.take() {
        stdin.write_all(text.as_bytes()).map_err(|e| ParentError::Io("nft's input", e))?;
    }
    let said = nft.wait_with_output().map_err(|e| ParentError::Io("waiting for nft", e))?;
    if said.status.success() {
        Ok(())
    } else {
        Err(ParentError::Ruleset(String::from_utf8_lossy(&said.stderr).trim().to_owned()))
    }
}
