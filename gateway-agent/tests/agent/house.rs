//! Everything up: ground, bus, an enrolled agent, its container engine and image, the resources.

use super::{
    clock::until,
    desktop::Desktop,
    ground::{Ground, enter, find, inside},
};
use data_encoding::HEXLOWER;
use ed25519_dalek::SigningKey;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use rustix::process::Signal;
use std::{
    fs,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};
use viworks_agent::identity::Enrolment;
use viworks_api::gateway::EnrolResponse;
use viworks_domain::{
    Millis,
    gateway::Endpoint,
    gateway_bus::{KeySet, SignedKeySet},
};
use viworks_nats::testing::{LOG, TestGateway, TestServer};

pub const IMAGE: &str = "localhost/viworks/page:1";

pub struct House {
    pub runtime: tokio::runtime::Runtime,
    pub server: Option<TestServer>,
    pub gateway: TestGateway,
    pub orders_key: SigningKey,
    pub report_key: SigningKey,
    pub opening: p256::SecretKey,
    pub session_ca: Arc<CertifiedIssuer<'static, KeyPair>>,
    pub desktop: Desktop,
    pub state: PathBuf,
    agent: Option<Child>,
    dir: tempfile::TempDir,
    ground: Ground,
}

fn ca(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A leaf for `key`, as the control plane would issue it.
pub fn leaf(
    issuer: &CertifiedIssuer<'static, KeyPair>,
    key: &KeyPair,
    name: &str,
    usage: ExtendedKeyUsagePurpose,
) -> rcgen::Certificate {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    params.signed_by(key, issuer).unwrap()
}

impl House {
    pub fn raise(test: &str) -> Option<Self> {
        let ground = match Ground::build() {
            Ok(ground) => ground,
            Err(reason) => {
                println!("skipped: {reason}");
                if let Some(file) = std::env::var_os("VIWORKS_SKIPS") {
                    let mut file = fs::File::options().append(true).create(true).open(file).unwrap();
                    file.write_all(format!("{test}: {reason}\n").as_bytes()).unwrap();
                }
                return None;
            }
        };
        // This process, and what it starts, is on the gateway's machine: bus and agent meet on its loopback.
        enter(&ground.gateway());
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let dir = tempfile::Builder::new().prefix("vw").tempdir().unwrap();
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let (server, gateway) = runtime.block_on(async {
            let server = TestServer::start().await;
            let gateway = server.gateway(7).await;
            (server, gateway)
        });
        let (session_ca, gateway_ca) = (ca("sessions"), ca("gateways"));
        let state = dir.path().join("state");
        let mut house = Self {
            desktop: Desktop::new(&ground, &gateway_ca.pem()),
            runtime,
            gateway,
            orders_key: SigningKey::from_bytes(&[21; 32]),
            report_key: SigningKey::from_bytes(&[22; 32]),
            opening: p256::SecretKey::from_slice(&[23; 32]).unwrap(),
            session_ca: Arc::new(session_ca),
            state,
            agent: None,
            server: Some(server),
            dir,
            ground,
        };
        house.enrol(&gateway_ca);
        house.image();
        house.resources();
        house.start_agent();
        Some(house)
    }

    fn enrol(&self, gateway_ca: &CertifiedIssuer<'static, KeyPair>) {
        let server = self.server.as_ref().unwrap();
        let root = SigningKey::from_bytes(&[20; 32]);
        let keys = KeySet {
            epoch: 1,
            keys: vec![*self.orders_key.verifying_key().as_bytes()],
            not_after: Millis::MAX,
        };
        let (tls, vpn) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let server_leaf = |key| {
            leaf(gateway_ca, key, &self.gateway.id.to_string(), ExtendedKeyUsagePurpose::ServerAuth).pem()
        };
        let of_bus = |name: &str| fs::read_to_string(server.directory().join(name)).unwrap();
        let response = EnrolResponse {
            gateway: self.gateway.id,
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            bus_urls: vec![server.url()],
            account: self.gateway.account.clone(),
            bus_jwt: self.gateway.jwt.clone(),
            bus_ca: of_bus("bus-ca.pem"),
            bus_certificate: of_bus("client.pem"),
            tls_certificate: server_leaf(&tls),
            vpn_certificate: server_leaf(&vpn),
            gateway_ca: gateway_ca.pem(),
            session_ca: self.session_ca.pem(),
            root_key: root.verifying_key().as_bytes().to_vec().into(),
            keys: SignedKeySet::sign(&keys, &root),
            endpoint: Endpoint { address: Ipv4Addr::new(10, 77, 0, 2), spa_port: 62_201, tls_port: 443 },
        };
        let enrolment = Enrolment { url: "https://127.0.0.1:1".into(), https_ca: gateway_ca.pem(), response };
        let keys = self.state.join("keys");
        fs::create_dir_all(&keys).unwrap();
        fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
        for (name, bytes) in [
            ("bus.seed", self.gateway.user.seed().as_bytes()),
            ("bus.key", of_bus("client.key").as_bytes()),
            ("tls.key", tls.serialize_pem().as_bytes()),
            ("vpn.key", vpn.serialize_pem().as_bytes()),
            ("opening.key", &self.opening.to_bytes()[..]),
            ("report.key", self.report_key.as_bytes()),
            ("enrolment.json", &serde_json::to_vec(&enrolment).unwrap()),
        ] {
            fs::write(keys.join(name), bytes).unwrap();
        }
        fs::write(
            self.state.join("agent.toml"),
            format!(
                "listen = \"10.77.0.2\"\nimages = [\"{IMAGE}\"]\nnetworks = [\"10.78.0.0/24\"]\npodman = {:?}\n",
                self.podman()
            ),
        )
        .unwrap();
        let scripts = self.dir.path().join("scripts");
        fs::create_dir_all(&scripts).unwrap();
        let mut list = String::new();
        for (name, body) in [("vpn-user", "exit 0"), ("panel-user", "echo no; exit 3")] {
            let path = scripts.join(name);
            let text = format!("#!/bin/sh\n{body}\n");
            fs::write(&path, &text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
            let digest = HEXLOWER.encode(&<sha2::Sha256 as sha2::Digest>::digest(text.as_bytes()));
            list.push_str(&format!("[{name}]\npath = {path:?}\nsha256 = \"{digest}\"\n"));
        }
        fs::write(self.state.join("scripts.toml"), list).unwrap();
    }

    /// An engine with a storage of its own.
    fn podman(&self) -> PathBuf {
        self.dir.path().join("podman")
    }

    fn image(&self) {
        let dir = self.dir.path().join("containers");
        fs::create_dir_all(dir.join("rootfs/run/vw")).unwrap();
        fs::write(
            dir.join("containers.conf"),
            "[containers]\ndefault_ulimits = [\"nofile=4096:4096\", \"nproc=4096:4096\"]\n[engine]\n\
             runtime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"none\"\n",
        )
        .unwrap();
        fs::write(
            dir.join("storage.conf"),
            format!(
                "[storage]\ndriver = \"overlay\"\ngraphroot = \"{0}/storage\"\nrunroot = \"{0}/run\"\n",
                dir.display()
            ),
        )
        .unwrap();
        fs::write(
            self.podman(),
            format!(
                "#!/bin/sh\nexport CONTAINERS_CONF={0}/containers.conf CONTAINERS_STORAGE_CONF={0}/storage.conf\n\
                 export PATH=/usr/sbin:/usr/bin:/sbin:/bin\nexec {1} \"$@\"\n",
                dir.display(),
                find("podman").unwrap().display()
            ),
        )
        .unwrap();
        fs::set_permissions(self.podman(), fs::Permissions::from_mode(0o755)).unwrap();
        let built = page();
        fs::copy(built, dir.join("rootfs/page")).unwrap();
        let tar = dir.join("page.tar");
        succeed(Command::new("tar").arg("-cf").arg(&tar).arg("-C").arg(dir.join("rootfs")).arg("."));
        let changes = ["--change", "ENTRYPOINT [\"/page\"]", "--change", "STOPSIGNAL SIGKILL"];
        succeed(Command::new(self.podman()).arg("import").arg("--quiet").args(changes).arg(&tar).arg(IMAGE));
    }

    /// Answer `hello` to whoever connects.
    fn resources(&self) {
        let namespace = self.ground.resources();
        let (ready, is_ready) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            enter(&namespace);
            let listener = TcpListener::bind("0.0.0.0:8080").unwrap();
            ready.send(()).unwrap();
            for visitor in listener.incoming() {
                // Until the visitor goes.
                std::thread::spawn(move || {
                    let Ok(mut visitor) = visitor else { return };
                    let _ = visitor.write_all(b"hello");
                    let mut block = [0; 64];
                    while let Ok(n) = visitor.read(&mut block) {
                        if n == 0 || visitor.write_all(&block[..n]).is_err() {
                            return;
                        }
                    }
                });
            }
        });
        is_ready.recv().unwrap();
    }

    pub fn start_agent(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.log_path()).unwrap();
        // Another build of it, to be measured.
        let program = std::env::var_os("VIWORKS_AGENT");
        let program = program.unwrap_or_else(|| env!("CARGO_BIN_EXE_viworks-agent").into());
        let child = Command::new(program)
            .args(["run", "--state"])
            .arg(&self.state)
            .env("RUST_LOG", "info,viworks_agent=debug")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.agent = Some(child);
        let state = self.state.clone();
        until("OpenVPN's management socket", || state.join("vpn/mgmt.sock").exists());
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("agent.log")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    pub fn gateway_address(&self, port: u16) -> SocketAddr {
        SocketAddr::from(([10, 77, 0, 2], port))
    }

    pub fn allowed(&self) -> SocketAddr {
        SocketAddr::from(([10, 78, 0, 2], 8080))
    }

    pub fn forbidden(&self) -> SocketAddr {
        SocketAddr::from(([10, 78, 0, 3], 8080))
    }

    pub fn containers(&self) -> Vec<String> {
        let said =
            Command::new(self.podman()).args(["ps", "--all", "--format", "{{.Names}}"]).output().unwrap();
        String::from_utf8_lossy(&said.stdout).lines().map(str::to_owned).collect()
    }

    /// The agent's child of that name.
    pub fn child(&self, name: &str) -> Option<i32> {
        let parent = self.agent.as_ref()?.id();
        let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &i32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            line.split(|byte| *byte == 0).nth(1) == Some(name.as_bytes())
        })
    }

    /// Resident kilobytes of each of the agent's processes.
    pub fn resident(&self) -> Vec<(&'static str, String)> {
        let of = |pid: i32| {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
            line.trim().to_owned()
        };
        let parent = self.agent.as_ref().map_or(0, |agent| agent.id() as i32);
        let children = ["edge", "control", "runner"].map(|name| (name, of(self.child(name).unwrap())));
        [("parent", of(parent))].into_iter().chain(children).collect()
    }

    /// SIGKILL; the next one runs when this returns.
    pub fn kill_child(&self, name: &str) {
        let pid = self.child(name).unwrap();
        signal(pid, Signal::KILL);
        until("another one", || self.child(name).is_some_and(|other| other != pid));
    }

    pub fn kill_openvpn(&self) {
        let text = fs::read_to_string(self.state.join("runner/openvpn.pid")).unwrap();
        signal(text.split_whitespace().next().unwrap().parse().unwrap(), Signal::KILL);
    }

    /// SIGKILL to the parent alone: its children have to notice.
    pub fn kill_agent(&mut self) {
        let children = ["edge", "control", "runner"].map(|name| self.child(name).unwrap());
        let mut agent = self.agent.take().unwrap();
        agent.kill().unwrap();
        agent.wait().unwrap();
        until("the children's end", || {
            children.iter().all(|pid| {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                stat.is_empty() || stat.contains(") Z ")
            })
        });
    }

    pub fn stop_children(&self, names: &[&str]) -> Stopped {
        let pids: Vec<i32> = names.iter().map(|name| self.child(name).unwrap()).collect();
        for pid in &pids {
            signal(*pid, Signal::STOP);
        }
        Stopped(pids)
    }

    /// SIGTERM; then nothing of it may be left.
    pub fn lower(&mut self) {
        let Some(mut agent) = self.agent.take() else { return };
        let pid = rustix::process::Pid::from_child(&agent);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        until("the agent's end", || matches!(agent.try_wait(), Ok(Some(_))));
        let left = inside(&self.ground.gateway(), "true").status().map(|_| processes(&self.ground.gateway()));
        let ours = std::process::id().to_string();
        let left: Vec<String> = left.unwrap().into_iter().filter(|pid| *pid != ours).collect();
        let named: Vec<String> = left
            .iter()
            .map(|pid| fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim().to_owned())
            .filter(|name| !name.contains("nats") && !name.is_empty())
            .collect();
        assert_eq!(named, Vec::<String>::new(), "left behind:\n{}", self.log());
    }
}

/// Stand still until this goes.
pub struct Stopped(Vec<i32>);

impl Stopped {
    pub fn resume(self) {}
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            signal(*pid, Signal::CONT);
        }
    }
}

fn signal(pid: i32, signal: Signal) {
    let _ = rustix::process::kill_process(rustix::process::Pid::from_raw(pid).unwrap(), signal);
}

impl Drop for House {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.log());
            for name in ["openvpn.log", "nginx.log"] {
                println!(
                    "--- {name}\n{}",
                    fs::read_to_string(self.state.join("runner").join(name)).unwrap_or_default()
                );
            }
            println!(
                "{}",
                String::from_utf8_lossy(
                    &Command::new("nft").args(["list", "ruleset"]).output().unwrap().stdout
                )
            );
        }
        if let Some(agent) = &mut self.agent {
            let pid = rustix::process::Pid::from_child(agent);
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            viworks_agent::clock::wait_until(std::time::Duration::from_secs(10), || {
                matches!(agent.try_wait(), Ok(Some(_)))
            });
            let _ = agent.kill();
            let _ = agent.wait();
        }
        let _ = Command::new(self.podman()).args(["rm", "--all", "--force", "--time", "0"]).output();
        // Mounted by the engine; a directory under a mount cannot be removed.
        let _ = Command::new("umount").arg(self.dir.path().join("containers/storage/overlay")).output();
    }
}

fn processes(namespace: &str) -> Vec<String> {
    let said = Command::new("ip").args(["netns", "pids", namespace]).output().unwrap();
    String::from_utf8_lossy(&said.stdout).split_whitespace().map(str::to_owned).collect()
}

/// The page's program, linked statically.
fn page() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let build =
        ["rustc", "--quiet", "--locked", "--package=viworks-page", "--bin=viworks-page", "--profile=small"];
    let link = ["--", "-C", "target-feature=+crt-static"];
    succeed(Command::new(env!("CARGO")).current_dir(root).args(build).args(link));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    target.join("small/viworks-page")
}

pub fn succeed(command: &mut Command) {
    let said = command.output().unwrap();
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
}
