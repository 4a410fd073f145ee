//! Starting and ending the server.

use super::{PATIENCE, now};
use crate::{
    bus::Bus,
    conf::{self, Conf},
    connect,
    identity::{
        operator::{Operator, OperatorSecrets},
        role::BusRole,
    },
    stream,
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use std::{
    fs,
    io::Write as _,
    net::{Ipv4Addr, SocketAddr, TcpStream},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

/// Below the server's directory, for programs that a test starts.
pub const CLIENT_CERTIFICATE: &str = "client.pem";
pub const CLIENT_KEY: &str = "client.key";
pub const CA: &str = "bus-ca.pem";

/// What the server writes of itself.
#[derive(serde::Deserialize)]
struct Ports {
    nats: Vec<String>,
}

/// A running server. Killed, and its directory removed, when dropped.
pub struct TestServer {
    pub(super) operator: Arc<Operator>,
    pub(super) client_tls: rustls::ClientConfig,
    address: SocketAddr,
    conf: PathBuf,
    child: Option<Child>,
    directory: tempfile::TempDir,
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// `VIWORKS_NATS_SERVER`, or what `cargo xtask setup` installed above the crate, or `nats-server` on the path.
pub fn find_server() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("VIWORKS_NATS_SERVER") {
        return Some(named.into());
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let installed = here.ancestors().map(|above| above.join(".viworks/tools/bin/nats-server"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).map(|dir| dir.join("nats-server")).collect();
    installed.into_iter().chain(on_path).find(|candidate| candidate.is_file())
}

#[expect(clippy::expect_used, reason = "for tests only: every failure here is the test's end")]
impl TestServer {
    /// Starts a server, connects as setup and makes streams and consumers.
    ///
    /// # Panics
    /// When there is no server to start, or it does not come up.
    pub async fn start() -> Self {
        let server = Self::start_bare().await;
        stream::ensure(&server.bus(BusRole::Setup).await, 1).await.expect("streams are made");
        server
    }

    /// Without streams.
    ///
    /// # Panics
    /// When there is no server to start, or it does not come up.
    pub async fn start_bare() -> Self {
        Self::start_with(|text| text).await
    }

    /// With the configuration changed.
    ///
    /// # Panics
    /// When there is no server to start, or it does not come up.
    pub async fn start_with(change: impl FnOnce(String) -> String) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let secrets = OperatorSecrets::generate().expect("entropy");
        let operator = Arc::new(Operator::new(&secrets).expect("its own secrets"));
        let certificates = Certificates::make();
        let unknown = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let conf = conf::write(
            directory.path(),
            &Conf {
                listen: unknown,
                certificate_pem: certificates.server.0,
                key_pem: certificates.server.1,
                client_ca_pem: certificates.ca.clone(),
                trust: operator.server_trust(now()).expect("the operator's key is here"),
                max_file_store: 1 << 30,
            },
        )
        .expect("the configuration is written");
        let text = change(fs::read_to_string(&conf).expect("just written"));
        let (client, key) = &certificates.client;
        let client_tls = connect::tls(&certificates.ca, client, key).expect("its own certificates");
        for (name, pem) in [(CA, &certificates.ca), (CLIENT_CERTIFICATE, client), (CLIENT_KEY, key)] {
            write_closed(&directory.path().join(name), pem);
        }
        let mut server = Self { operator, client_tls, address: unknown, conf, child: None, directory };
        // The server takes a free port by itself and says which: nobody else can take it in between. From then
        // on it keeps that one.
        let any = format!("listen: \"127.0.0.1:-1\"\nports_file_dir: {:?}", server.directory());
        let fixed = format!("listen: \"{unknown}\"");
        fs::write(&server.conf, text.replace(&fixed, &any)).expect("writable");
        server.spawn();
        server.address = server.port().await;
        fs::write(&server.conf, text.replace(&fixed, &format!("listen: \"{}\"", server.address)))
            .expect("writable");
        server.ready().await;
        server
    }

    /// Which port the server took, from the file that it writes.
    async fn port(&mut self) -> SocketAddr {
        let id = self.child.as_ref().expect("just spawned").id();
        let file = self.directory.path().join(format!("nats-server_{id}.ports"));
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let said = fs::read(&file).ok().and_then(|text| serde_json::from_slice::<Ports>(&text).ok());
            if let Some(address) = said.and_then(|ports| ports.nats.first()?.rsplit('/').next()?.parse().ok())
            {
                return address;
            }
            self.still_coming_up(deadline);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn still_coming_up(&mut self, deadline: tokio::time::Instant) {
        let ended = self.child.as_mut().is_none_or(|child| !matches!(child.try_wait(), Ok(None)));
        let late = tokio::time::Instant::now() >= deadline;
        assert!(!ended && !late, "nats-server does not come up:\n{}", self.log());
    }

    async fn ready(&mut self) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_err() {
            self.still_coming_up(deadline);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Kills it at once, as SIGKILL does.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may be gone already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Starts it (again) on the same port and directory, and waits until it answers.
    ///
    /// # Panics
    /// When it does not come up.
    pub async fn restart(&mut self) {
        self.kill();
        self.spawn();
        self.ready().await;
    }

    fn spawn(&mut self) {
        let program = find_server().expect(
            "nats-server is needed: `cargo xtask setup` installs one, VIWORKS_NATS_SERVER names another",
        );
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.directory.path().join("server.log"))
            .expect("a log");
        let child = Command::new(program)
            .arg("-c")
            .arg(&self.conf)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("it starts");
        self.child = Some(child);
    }

    pub fn url(&self) -> String {
        format!("tls://{}", self.address)
    }

    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where `bus-ca.pem`, `client.pem` and `client.key` are, for programs that connect by themselves.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// What the server has said so far.
    pub fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("server.log")).unwrap_or_default()
    }

    /// A connection without any of a role's limits, as the control account's own key could make one: for what
    /// nobody at run time may do, such as deleting a stream.
    ///
    /// # Panics
    /// When the server does not accept it.
    pub async fn unlimited(&self) -> Bus {
        let credentials = self.operator.unlimited_for_tests(now());
        Bus::connect(&self.link(), &credentials, BusRole::Setup).await.expect("connects")
    }
}

/// Programs refuse keys that others can read.
#[expect(clippy::expect_used, reason = "for tests only")]
fn write_closed(path: &Path, text: &str) {
    let file = fs::File::options().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).expect("written");
}

/// PEM texts: certificate and key.
type Pair = (String, String);

/// One CA for both sides, as the bus has.
struct Certificates {
    ca: String,
    server: Pair,
    client: Pair,
}

#[expect(clippy::expect_used, reason = "for tests only")]
impl Certificates {
    fn make() -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("signed");
        let leaf = |names: Vec<String>, usage| {
            let mut params = CertificateParams::new(names).expect("names");
            params.extended_key_usages = vec![usage];
            let key = KeyPair::generate().expect("a key");
            let certificate = params.signed_by(&key, &ca).expect("signed");
            (certificate.pem(), key.serialize_pem())
        };
        Self {
            server: leaf(vec!["127.0.0.1".into(), "localhost".into()], ExtendedKeyUsagePurpose::ServerAuth),
            client: leaf(vec!["node".into()], ExtendedKeyUsagePurpose::ClientAuth),
            ca: ca.pem(),
        }
    }
}
