//! A gateway's state directory, a namespace, and the runner in it.

use rustix::{
    net::sockopt::{Timeout, set_socket_timeout},
    process::{Pid, Signal, kill_process},
    thread::{LinkNameSpaceType, move_into_link_name_space},
};
use std::{
    collections::HashMap,
    fs::{self, File},
    io::{ErrorKind, Write},
    net::Ipv4Addr,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::{PermissionsExt, chown},
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};
use viworks_agent::{
    clock::{instant, wait_until},
    config::{Places, Users},
    frames::{Child as Role, FromRunner, ToChild, ToRunner},
    identity::Enrolment,
    link,
    runner::scripts,
};
use viworks_api::gateway::EnrolResponse;
use viworks_domain::{
    Millis,
    gateway::Endpoint,
    gateway_bus::{Action, Place, Provision, Service, SignedKeySet},
    ids::{GatewayId, LogId, SessionId, UserId},
    user::StepFailure,
};

/// Longer than the runner's own limits.
const PATIENCE: Duration = Duration::from_secs(60);
pub const IMAGE: &str = "localhost/viworks/page:1";

pub struct Stage {
    pub places: Places,
    pub podman: Option<PathBuf>,
    namespace: String,
    runner: Option<Runner>,
    next_ticket: u64,
    answers: HashMap<u64, Answer>,
    pub gone: Vec<SessionId>,
    pub services: Vec<Service>,
    dir: tempfile::TempDir,
}

struct Runner {
    process: Child,
    /// The parent's end.
    parent: OwnedFd,
    control: OwnedFd,
}

enum Answer {
    Done(bool),
    Script(Result<(), StepFailure>),
}

/// Says why a test did not run, for `cargo xtask test` to print.
pub fn skip(test: &str, reason: &str) {
    eprintln!("skipped: {test}: {reason}");
    if let Some(file) = std::env::var_os("VIWORKS_SKIPS") {
        let mut file = File::options().create(true).append(true).open(file).unwrap();
        file.write_all(format!("{test}: {reason}\n").as_bytes()).unwrap();
    }
}

impl Stage {
    /// With its runner started. None, and the reason is told, where this machine does not allow it.
    pub fn set(test: &str) -> Option<Self> {
        let mut stage = Self::empty(test)?;
        stage.start();
        Some(stage)
    }

    pub fn empty(test: &str) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if !rustix::process::geteuid().is_root() {
            skip(test, "needs root");
            return None;
        }
        for program in
            ["/usr/sbin/openvpn", "/usr/sbin/nginx", "/usr/bin/podman", "/usr/sbin/nft", "/dev/net/tun"]
        {
            if !Path::new(program).exists() {
                skip(test, &format!("needs {program}"));
                return None;
            }
        }
        let namespace = format!("vwr{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        if !ip(&["netns", "add", &namespace]) {
            skip(test, "needs network namespaces");
            return None;
        }
        ip(&["-n", &namespace, "link", "set", "lo", "up"]);
        let dir = tempfile::Builder::new().prefix("vwr").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let stage = Self {
            places: Places::new(&dir.path().join("state")),
            podman: None,
            namespace,
            runner: None,
            next_ticket: 0,
            answers: HashMap::new(),
            gone: vec![],
            services: vec![],
            dir,
        };
        stage.furnish();
        Some(stage)
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// As the parent does, and `enrol` before it.
    fn furnish(&self) {
        let (users, places) = (Users::default(), &self.places);
        for (path, owner, group, mode) in [
            (places.state.clone(), 0, 0, 0o755),
            (places.keys(), 0, 0, 0o700),
            (places.vpn(), users.vpn, users.control, 0o750),
            (places.web(), users.web, users.web, 0o700),
            (places.runner(), 0, 0, 0o700),
            (places.panel(), users.control, users.web, 0o710),
            (places.sessions(), 0, users.web, 0o711),
            (self.dir().join("scripts"), 0, 0, 0o755),
            (self.dir().join("records"), 0, 0, 0o1777),
        ] {
            fs::create_dir(&path).unwrap();
            chown(&path, Some(owner), Some(group)).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
        let (enrolment, key) = enrolment();
        fs::write(places.keys().join("enrolment.json"), serde_json::to_vec(&enrolment).unwrap()).unwrap();
        fs::write(places.keys().join("vpn.key"), key).unwrap();
        self.configure("/usr/bin/podman".as_ref());
    }

    pub fn configure(&self, podman: &Path) {
        let text = format!("images = [\"{IMAGE}\"]\npodman = \"{}\"\n", podman.display());
        fs::write(self.places.config(), text).unwrap();
    }

    /// The same words as scripts of both names, allowed by their digest.
    pub fn script(&self, vpn: &str, panel: &str) {
        let mut list = String::new();
        for (name, text) in [("vpn-user", vpn), ("panel-user", panel)] {
            let path = self.dir().join("scripts").join(name);
            fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            let sha256 = scripts::digest(&fs::read(&path).unwrap());
            list += &format!("[{name}]\npath = \"{}\"\nsha256 = \"{sha256}\"\n", path.display());
        }
        fs::write(self.places.scripts(), list).unwrap();
    }

    /// What the runner says first: the containers it has found.
    pub fn start(&mut self) -> Vec<SessionId> {
        let (parent, theirs) = link::pair().unwrap();
        let process = Command::new("nsenter")
            .arg(format!("--net=/run/netns/{}", self.namespace))
            .args(["--", env!("CARGO_BIN_EXE_viworks-agent"), "runner", "--state"])
            .arg(&self.places.state)
            .stdin(Stdio::from(theirs))
            .spawn()
            .unwrap();
        link::send_with_fds(&parent, &ToChild::Runner, &[]).unwrap();
        let control = introduce(&parent);
        self.runner = Some(Runner { process, parent, control });
        self.hello()
    }

    /// Another `control` takes over.
    pub fn replace_control(&mut self) -> Vec<SessionId> {
        let runner = self.runner.as_mut().unwrap();
        runner.control = introduce(&runner.parent);
        self.hello()
    }

    fn hello(&self) -> Vec<SessionId> {
        match self.recv() {
            Some(FromRunner::Hello { containers }) => containers,
            other => panic!("the first word is {other:?}"),
        }
    }

    pub fn kill_runner(&mut self) {
        let mut runner = self.runner.take().unwrap();
        runner.process.kill().unwrap();
        runner.process.wait().unwrap();
    }

    /// As the parent does when the agent is told to stop.
    pub fn stop(&mut self) {
        let Some(mut runner) = self.runner.take() else { return };
        let _ = link::send_with_fds(&runner.parent, &ToChild::Stop, &[]);
        let ended = wait_until(Duration::from_secs(15), || runner.process.try_wait().unwrap().is_some());
        let _ = runner.process.kill();
        let _ = runner.process.wait();
        assert!(ended || std::thread::panicking(), "the runner did not stop");
    }

    // --- asking

    pub fn start_container(&mut self, session: SessionId, image: &str) -> u64 {
        let ticket = self.ticket();
        self.ask(&ToRunner::StartContainer { ticket, session, image: image.into() });
        ticket
    }

    pub fn kill_container(&mut self, session: SessionId) -> u64 {
        let ticket = self.ticket();
        self.ask(&ToRunner::KillContainer { ticket, session });
        ticket
    }

    pub fn run_script(&mut self, place: Place, user: UserId) -> u64 {
        let ticket = self.ticket();
        let not_after = Millis(u64::MAX);
        let step = Provision { user, place, action: Action::Create, attempt: 1, not_after };
        self.ask(&ToRunner::RunScript { ticket, step });
        ticket
    }

    fn ticket(&mut self) -> u64 {
        self.next_ticket += 1;
        self.next_ticket
    }

    fn ask(&self, ask: &ToRunner) {
        link::send_with_fds(&self.runner.as_ref().unwrap().control, ask, &[]).unwrap();
    }

    pub fn done(&mut self, ticket: u64) -> bool {
        self.until(|stage| stage.answers.contains_key(&ticket));
        match self.answers.remove(&ticket).unwrap() {
            Answer::Done(ok) => ok,
            Answer::Script(result) => panic!("a script's end: {result:?}"),
        }
    }

    pub fn script_ended(&mut self, ticket: u64) -> Result<(), StepFailure> {
        self.until(|stage| stage.answers.contains_key(&ticket));
        match self.answers.remove(&ticket).unwrap() {
            Answer::Script(result) => result,
            Answer::Done(ok) => panic!("a container's end: {ok}"),
        }
    }

    pub fn is_answered(&self, ticket: u64) -> bool {
        self.answers.contains_key(&ticket)
    }

    pub fn until_up(&mut self, service: &str) {
        self.until(|stage| stage.services.iter().any(|s| s.name == service && s.up));
    }

    pub fn until(&mut self, done: impl Fn(&Self) -> bool) {
        let from = instant();
        while !done(self) {
            assert!(from.elapsed() < PATIENCE, "not within {PATIENCE:?}");
            if let Some(said) = self.recv() {
                self.hear(said);
            }
        }
    }

    /// None: it has nothing to say for a long time.
    fn recv(&self) -> Option<FromRunner> {
        loop {
            match link::recv_with_fds(&self.runner.as_ref().unwrap().control) {
                Ok((said, _)) => return Some(said),
                Err(link::LinkError::Full) => return None,
                Err(link::LinkError::Io(error)) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("the runner is gone: {error:?}"),
            }
        }
    }

    fn hear(&mut self, said: FromRunner) {
        match said {
            FromRunner::Hello { .. } => panic!("a second hello"),
            FromRunner::Done { ticket, ok } => drop(self.answers.insert(ticket, Answer::Done(ok))),
            FromRunner::ScriptEnded { ticket, result } => {
                self.answers.insert(ticket, Answer::Script(result));
            }
            FromRunner::ContainerGone { session } => self.gone.push(session),
            FromRunner::Services(services) => self.services = services,
        }
    }

    // --- looking

    /// An address more, as if a tunnel had it.
    pub fn add_address(&self, address: &str) {
        assert!(ip(&["-n", &self.namespace, "address", "add", &format!("{address}/32"), "dev", "lo"]));
    }

    /// In the gateway's namespace.
    pub fn inside<T: Send>(&self, look: impl FnOnce() -> T + Send) -> T {
        let namespace = File::open(format!("/run/netns/{}", self.namespace)).unwrap();
        std::thread::scope(|scope| {
            let looker = scope.spawn(move || {
                move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                look()
            });
            looker.join().unwrap()
        })
    }

    pub fn pid(&self, name: &str) -> Option<i32> {
        let text = fs::read_to_string(self.places.runner().join(format!("{name}.pid"))).ok()?;
        text.split(' ').next()?.parse().ok()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            for name in ["openvpn.log", "nginx.log", "scripts.log"] {
                let log = fs::read_to_string(self.places.runner().join(name)).unwrap_or_default();
                eprintln!("--- {name}\n{log}");
            }
        }
        // What a killed runner left.
        for pid in ["openvpn", "nginx"].iter().filter_map(|name| Pid::from_raw(self.pid(name)?)) {
            let _ = kill_process(pid, Signal::KILL);
        }
        if let Some(podman) = &self.podman {
            let _ = Command::new(podman).args(["rm", "--all", "--force", "--time=0"]).output();
            super::engine::unmount_below(self.dir.path());
        }
        ip(&["netns", "delete", &self.namespace]);
    }
}

fn introduce(parent: &OwnedFd) -> OwnedFd {
    let (control, theirs) = link::pair().unwrap();
    set_socket_timeout(&control, Timeout::Recv, Some(PATIENCE)).unwrap();
    link::send_with_fds(parent, &ToChild::Peer(Role::Control), &[theirs.as_fd()]).unwrap();
    control
}

fn ip(args: &[&str]) -> bool {
    Command::new("ip").args(args).status().is_ok_and(|status| status.success())
}

pub fn alive(pid: i32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A zombie's state is the first word after its name.
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// `Uid`, `CapEff`, `NoNewPrivs` and the like.
pub fn status(pid: i32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

/// A CA of sessions, an OpenVPN server's key and certificate, and nothing else that is real.
fn enrolment() -> (Enrolment, String) {
    let ca_key = rcgen::KeyPair::generate().unwrap();
    let mut ca = rcgen::CertificateParams::new(vec![]).unwrap();
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let session_ca = ca.self_signed(&ca_key).unwrap().pem();
    let issuer = rcgen::Issuer::new(ca, &ca_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let mut server = rcgen::CertificateParams::new(vec!["gw1".to_owned()]).unwrap();
    server.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let vpn_certificate = server.signed_by(&key, &issuer).unwrap().pem();
    let response = EnrolResponse {
        gateway: GatewayId([1; 16]),
        log_id: LogId([2; 16]),
        epoch: 1,
        bus_urls: vec![],
        account: "A".repeat(56).parse().unwrap(),
        bus_jwt: String::new(),
        bus_ca: String::new(),
        bus_certificate: String::new(),
        tls_certificate: String::new(),
        vpn_certificate,
        gateway_ca: String::new(),
        session_ca,
        root_key: vec![].into(),
        keys: SignedKeySet { key_set: vec![], signature: vec![] },
        endpoint: Endpoint { address: Ipv4Addr::LOCALHOST, spa_port: 62_201, tls_port: 443 },
    };
    (Enrolment { url: String::new(), https_ca: String::new(), response }, key.serialize_pem())
}
