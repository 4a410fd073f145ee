//! One control plane of a test's own; everything is gone when it is dropped.

use crate::{
    app::{self, Asker},
    clock,
    config::{self, Config},
    entropy, init,
    keys::{Keys, RootKey, Username},
    keystore::DataKeys,
    log_identity, operators,
    operators::Desk,
    password::Passwords,
    serve,
    state::StateDir,
};
use http::StatusCode;
use rustls::pki_types::ServerName;
use secrecy::ExposeSecret as _;
use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime,
    sync::oneshot,
};
use tokio_rustls::client::TlsStream;
use viworks_api::{
    client::{Ca, Client, IdempotencyKey},
    operator::SignInRequest,
};
use viworks_domain::{
    actor::{Actor, Origin},
    command::WireCommand,
    event::AggregateRef,
    ids::CorrelationId,
    operator::Operator,
    permission::Role,
};
use viworks_nats::{
    event_store::EventStore, folds::Folds, identity::role::BusRole, key_value, testing::find_server,
};

/// Every wait of a test ends here.
const PATIENCE: Duration = Duration::from_secs(40);

pub struct Stand {
    pub data: PathBuf,
    pub address: SocketAddr,
    pub url: String,
    /// The node runs as long as this is there.
    node: Option<Node>,
    config: Config,
    /// The node as a program of its own, where its memory is measured.
    program: Option<Child>,
    bus: Child,
    ground: Ground,
}

struct Node {
    /// Its end is the node's.
    kill: oneshot::Sender<()>,
    ask: oneshot::Sender<()>,
    thread: std::thread::JoinHandle<()>,
}

impl Drop for Stand {
    fn drop(&mut self) {
        self.node.take();
        if let Some(mut program) = self.program.take() {
            let _ = program.kill();
            let _ = program.wait();
        }
        let _ = self.bus.kill();
        let _ = self.bus.wait();
    }
}

impl Stand {
    pub async fn up() -> Self {
        Self::up_with(|name| name.starts_with("VIWORKS_LIMITS_").then(|| "100000".to_owned())).await
    }

    /// With settings from what would be the environment.
    pub async fn up_with(environment: impl Fn(&str) -> Option<String>) -> Self {
        let ground = Ground::lay();
        let config = ground.config(environment);
        Self::on(ground, config).await
    }

    /// With the console of this directory.
    pub async fn up_with_console(files: &Path) -> Self {
        let ground = Ground::lay();
        let config = Config { console_files: Some(files.to_owned()), ..ground.config(|_| None) };
        Self::on(ground, config).await
    }

    /// With a node that was built before, and the limits of a crowd.
    pub async fn up_beside(program: &Path) -> Self {
        let ground = Ground::lay();
        let config = ground.config(|_| None);
        let mut stand = Self::without_node(ground, config).await;
        let mut serve = Command::new(program);
        serve.arg("serve").arg("--data").arg(&stand.data).stdout(Stdio::null());
        for limit in ["SIGN_INS_PER_MINUTE", "FEEDS_PER_OPERATOR"] {
            serve.env(format!("VIWORKS_LIMITS_{limit}"), "100000");
        }
        stand.program = Some(serve.spawn().expect("the node starts"));
        stand.answers().await;
        stand
    }

    /// The process of a node that is a program of its own.
    pub fn process(&self) -> Option<u32> {
        self.program.as_ref().map(Child::id)
    }

    async fn on(ground: Ground, config: Config) -> Self {
        let mut stand = Self::without_node(ground, config).await;
        stand.start_node().await;
        stand
    }

    async fn without_node(ground: Ground, config: Config) -> Self {
        let bus = ground.start_bus().await;
        let (data, address) = (ground.data.clone(), ground.address);
        let url = format!("https://{address}");
        Self { data, address, url, node: None, config, program: None, bus, ground }
    }

    pub async fn start_node(&mut self) {
        let (state, config) = (self.data.clone(), self.config.clone());
        let ((kill, killed), (ask, asked)) = (oneshot::channel(), oneshot::channel());
        // A runtime of its own, as in the program: everything that it started is gone with it.
        let thread = std::thread::spawn(move || {
            let runtime = runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let runtime = runtime.expect("a runtime");
            let asked = async {
                if asked.await.is_err() {
                    std::future::pending().await
                }
            };
            let mut serving = Box::pin(serve::run_until(&state, config, asked));
            runtime.block_on(async {
                tokio::select! {
                    ended = serving.as_mut() => if let Err(error) = ended {
                        panic!("the control plane stopped: {error:?}");
                    },
                    _ = killed => {}
                }
            });
            // Before what holds the parts together is dropped, which they would take for a farewell.
            runtime.shutdown_timeout(PATIENCE);
            drop(serving);
        });
        self.node = Some(Node { kill, ask, thread });
        self.answers().await;
    }

    async fn answers(&self) {
        // With our certificate: a port that was free a moment ago may be another's by now.
        let deadline = clock::now().plus(PATIENCE);
        while self.try_connect().await.is_err() {
            assert!(clock::now() < deadline, "the control plane does not answer on {}", self.address);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// As SIGTERM does: whoever is connected is told.
    pub async fn stop_node(&mut self) {
        let Node { kill, ask, thread } = self.node.take().expect("it runs");
        ask.send(()).expect("it runs");
        let ended = tokio::task::spawn_blocking(|| thread.join());
        ended.await.expect("it ended").expect("well");
        drop(kill);
    }

    /// Everything that the node was doing ends where it is.
    pub async fn kill_node(&mut self) {
        self.node.take();
        self.is_gone().await;
    }

    async fn is_gone(&self) {
        let deadline = clock::now().plus(PATIENCE);
        while TcpListener::bind(self.address).is_err() {
            assert!(clock::now() < deadline, "the control plane still listens on {}", self.address);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub const fn bus_address(&self) -> SocketAddr {
        self.ground.bus
    }

    pub fn kill_bus(&mut self) {
        self.bus.kill().and_then(|()| self.bus.wait()).expect("killed");
    }

    pub async fn start_bus(&mut self) {
        self.bus = self.ground.start_bus().await;
    }
}

/// What `init` made, and nothing that runs.
pub struct Ground {
    pub data: PathBuf,
    address: SocketAddr,
    bus: SocketAddr,
    _temp: tempfile::TempDir,
}

impl Ground {
    pub fn lay() -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let data = temp.path().join("state");
        let (address, bus) = (free(), free());
        init::run(&init::Options {
            data: data.clone(),
            listen: address,
            public_url: format!("https://{address}"),
            nats_listen: bus,
            advertise_nats: vec![],
        })
        .expect("made");
        Self { data, address, bus, _temp: temp }
    }

    fn config(&self, environment: impl Fn(&str) -> Option<String>) -> Config {
        let text = std::fs::read_to_string(self.data.join(config::FILE)).expect("a configuration");
        Config::parse(&text, &self.data, environment).expect("a good configuration")
    }

    pub async fn start_bus(&self) -> Child {
        let program = find_server().expect("a nats-server: run `cargo xtask setup`");
        let child = Command::new(program)
            .arg("-c")
            .arg(self.data.join(init::NATS_CONF))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nats-server starts");
        reachable(self.bus).await;
        child
    }
}

impl Stand {
    pub fn ca(&self) -> Ca {
        Ca::from_pem(&std::fs::read(self.data.join(init::CA_FILE)).expect("a CA")).expect("one certificate")
    }

    pub fn client(&self) -> Client {
        Client::new(&self.url, &self.ca()).expect("a client")
    }

    /// The owner, signed in with a password that was recovered on this machine.
    pub async fn owner(&self) -> (Client, String) {
        let password = self.recover(operators::OWNER).await;
        self.owner_with(&password).await
    }

    /// The owner, whose password is known: nobody else's sign-in ends.
    pub async fn owner_with(&self, password: &str) -> (Client, String) {
        let token = self.sign_in(operators::OWNER, password).await;
        (self.client().with_token(&token).expect("a client"), token)
    }

    /// An operator of that role, signed in.
    pub async fn operator(&self, name: &str, role: Role) -> String {
        let parsed = Username::parse(name).expect("a name");
        self.at_desk(async |desk| operators::invite(desk, &parsed, role).await.expect("invited")).await;
        let password = self.recover(name).await;
        self.sign_in(name, &password).await
    }

    pub async fn recover(&self, name: &str) -> String {
        let name = Username::parse(name).expect("a name");
        self.at_desk(async |desk| {
            let password = operators::recover(desk, &name).await.expect("recovered");
            password.expect("an operator").expose_secret().to_owned()
        })
        .await
    }

    async fn sign_in(&self, name: &str, password: &str) -> String {
        let request = SignInRequest { name: name.into(), password: password.into() };
        self.client().sign_in(&key(), &request).await.expect("signed in").token
    }

    /// What an operator may command without there being a route for it; gives its sequence.
    pub async fn command(&self, name: &str, aggregate: impl Into<AggregateRef>, body: WireCommand) -> u64 {
        let name = Username::parse(name).expect("a name");
        let aggregate = aggregate.into();
        self.at_desk(async |desk| {
            let id = desk.keys.operator(&name);
            let version = desk.folds.fresh::<Operator>(id).await.expect("folded").version;
            let asker = Asker {
                actor: Actor::Operator { id, version },
                correlation: CorrelationId(entropy::bytes()),
                key: entropy::bytes::<16>().to_vec(),
            };
            let digest = body.digest(&aggregate);
            let decided = app::ask(desk.commands, desk.log, &asker, aggregate, body, digest).await;
            decided.expect("accepted").seq
        })
        .await
    }

    pub async fn at_desk<T>(&self, work: impl AsyncFnOnce(Desk<'_>) -> T) -> T {
        let state = StateDir::open(&self.data).expect("a state directory");
        let config = Config::load(&self.data).expect("a configuration");
        let keys = Keys::derive(&RootKey::load(&state).expect("a root key").0);
        let link = serve::link(&state, &config).expect("a link");
        let bus = serve::bus(&serve::bus_operator(&state).expect("an operator"), &link, BusRole::Api)
            .await
            .expect("a bus");
        let bucket = key_value::DataKeys::open(&bus).await.expect("a bucket");
        let desk = Desk {
            log: log_identity::read(&state).expect("an identity"),
            keys: &keys,
            folds: &Folds::new(EventStore::new(bus.clone())),
            commands: &serve::sender(&bus, Origin::Api, &keys).await.expect("a sender"),
            data_keys: &DataKeys::new(bucket, keys.wrapping.clone()),
            passwords: &Passwords::new(keys.pepper.clone(), 1),
        };
        work(desk).await
    }

    /// Sends bytes over TLS and reads to the end: nothing between the test and the server tidies them up.
    pub async fn raw(&self, request: &[u8]) -> Raw {
        let mut stream = self.connect().await;
        // The server may answer and close before it has read all of it.
        let _ = stream.write_all(request).await;
        let mut answer = vec![];
        let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await.expect("an end");
        Raw::parse(&answer)
    }

    /// Sends bytes and reads no further than the status: what follows may never end.
    pub async fn status(&self, request: &[u8]) -> StatusCode {
        let mut stream = self.connect().await;
        stream.write_all(request).await.expect("written");
        let mut line = [0; 12];
        let read = tokio::time::timeout(PATIENCE, stream.read_exact(&mut line)).await;
        read.expect("an answer").expect("twelve bytes");
        let code = std::str::from_utf8(&line[9..]).ok().and_then(|code| code.parse().ok());
        code.unwrap_or_else(|| panic!("expected an answer of HTTP/1.1; got {line:?}"))
    }

    pub async fn connect(&self) -> TlsStream<TcpStream> {
        self.try_connect().await.expect("a connection")
    }

    async fn try_connect(&self) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.ca().der().to_vec().into()).expect("a root");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .expect("TLS 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let stream = TcpStream::connect(self.address).await?;
        let name = ServerName::IpAddress(self.address.ip().into());
        tokio_rustls::TlsConnector::from(Arc::new(tls)).connect(name, stream).await
    }

    /// One request of HTTP/1.1, closed afterwards.
    pub async fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Raw {
        let mut request =
            format!("{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n", self.address);
        for (name, value) in headers {
            request.push_str(&format!("{name}: {value}\r\n"));
        }
        request.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
        self.raw(&[request.as_bytes(), body].concat()).await
    }
}

#[derive(Debug)]
pub struct Raw {
    pub status: StatusCode,
    pub head: String,
    pub body: String,
}

impl Raw {
    fn parse(answer: &[u8]) -> Self {
        let text = String::from_utf8_lossy(answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.and_then(|code: u16| StatusCode::from_u16(code).ok());
        Self {
            status: status.unwrap_or_else(|| panic!("expected an answer of HTTP/1.1; got {text:?}")),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }
}

pub fn key() -> IdempotencyKey {
    IdempotencyKey::from_random(entropy::bytes())
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

async fn reachable(address: SocketAddr) {
    let deadline = clock::now().plus(PATIENCE);
    while TcpStream::connect(address).await.is_err() {
        assert!(clock::now() < deadline, "nobody listens on {address}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
