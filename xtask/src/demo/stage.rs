//! `demo --console-check`: the product put up as for the walk, and the tests of its console run in a real browser
//! against it. What a browser cannot do (kill the server, connect a desktop, spoil a gateway's script) those tests
//! ask for here, over a socket: one JSON line each way per connection, answered in turn.

mod asked;

use super::{
    containers,
    conversation::Conversation,
    json,
    product::{AGENT_NAME, CONTROL_NAME, DESKTOP_1, DESKTOP_2, Desktop, Product, URL},
    supervisor,
    walk::start,
};
use crate::{
    clock, exec,
    failure::{Failure, Result, bail},
    interrupt,
    report::{self, Stopwatch},
    workspace,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    io::{self, BufRead, BufReader, Write},
    os::unix::{
        net::{UnixListener, UnixStream},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::Duration,
};

/// The package with the tests.
pub const CRATE: &str = "viworks-e2e-console";

pub const POLICY: &str = "office";
pub const GATEWAY: &str = "gw1";

/// How long a request may take to arrive once somebody has connected.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a browser can be started here.
pub fn obstacle() -> Option<String> {
    let missing =
        |name: &str| workspace::find_program(name).is_none().then(|| format!("there is no {name} here"));
    missing("chromium").or_else(|| missing("chromedriver"))
}

/// Builds the tests and says where they are.
pub fn build() -> Result<PathBuf> {
    let mut cargo = exec::cargo();
    cargo.args(["test", "--package", CRATE, "--no-run", "--locked", "--quiet"]);
    let mut child =
        exec::spawn(cargo.arg("--message-format=json-render-diagnostics").stdout(Stdio::piped()))?;
    let mut built = None;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(io::Result::ok) {
            let said: Value = serde_json::from_str(&line).unwrap_or_default();
            if said["target"]["name"] == "console" && said["executable"].is_string() {
                built = said["executable"].as_str().map(PathBuf::from);
            }
        }
    }
    let status = child.wait().map_err(|error| Failure::said(format!("cargo test: {error}")))?;
    match built {
        Some(built) if status.success() => Ok(built),
        _ => bail!("the console's tests cannot be built: {status}"),
    }
}

pub struct Stage {
    // Desktops go before the ground that they stand on.
    connected: Vec<Connected>,
    product: Product,
    policy: String,
    gateway: String,
    /// Scripts that the agent has had to refuse.
    spoiled: BTreeSet<String>,
}

/// Somebody at a desktop.
struct Connected {
    name: String,
    desktop: Desktop,
    talk: Conversation,
}

/// Runs the built tests with these words (names to filter by, flags) and hands back whether all passed.
pub fn run(product: Product, tests: &Path, words: &[String]) -> Result {
    let watch = Stopwatch::start();
    let mut stage = Stage::raise(product)?;
    let socket = stage.product.house.place.at("run/stage.sock");
    let listener =
        UnixListener::bind(&socket).map_err(|error| Failure::file("listen at", &socket, &error))?;
    listener.set_nonblocking(true).map_err(|error| Failure::file("listen at", &socket, &error))?;
    report::tick("the stage", watch.elapsed());

    let profiles = stage.product.house.place.at("run/browsers");
    stage.product.house.place.make(&profiles, 0o700)?;
    let mut command = exec::command(tests);
    command.args(words).env("VIWORKS_CONSOLE_STAGE", &socket);
    let mut browsers = Browsers::start(command, profiles)?;
    let status = loop {
        match listener.accept() {
            Ok((stream, _)) => stage.serve(stream),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(Failure::file("accept at", &socket, &error)),
        }
        if let Some(status) = browsers.ended()? {
            break status;
        }
        interrupt::check()?;
        clock::pause();
    };
    drop(browsers);
    let errors = stage.unexpected_errors();
    for error in &errors {
        report::note(&report::red(error));
    }
    if !status.success() {
        bail!("the console's tests: {status}; what browsers showed is in .viworks/console-failures/");
    }
    if !errors.is_empty() {
        bail!(
            "the console's tests passed, but the product logged {} errors that none of them asked for",
            errors.len()
        );
    }
    stage.product.house.place.nothing_to_look_at();
    Ok(())
}

impl Stage {
    /// First start, policy, gateway, desktops: as the walk does it, and seen by the walk.
    fn raise(mut product: Product) -> Result<Self> {
        product.init()?;
        product.start_bus()?;
        product.start_control()?;
        product.sign_in(&start::first_password(&product)?)?;
        let policy = start::make_policy(&product, POLICY, &["--allow-country", "AU"])?;
        let (gateway, token) = start::invite(&product, GATEWAY)?;
        let said = product.enrol_agent(&token)?;
        if !said.ok() {
            bail!("expected the agent to enrol; {}", said.everything());
        }
        product.start_agent()?;
        start::gateway_up(&mut product, &gateway)?;
        product.start_tunneld(&DESKTOP_1)?;
        product.start_tunneld(&DESKTOP_2)?;
        Ok(Self { connected: Vec::new(), product, policy, gateway, spoiled: BTreeSet::new() })
    }

    /// A request that makes no sense, or fails, is answered with why; the tests decide what that means.
    fn serve(&mut self, stream: UnixStream) {
        let answer = match request(&stream).and_then(|request| self.answer(&request)) {
            Ok(done) => serde_json::json!({ "done": done }),
            Err(failure) => serde_json::json!({ "error": failure.to_string() }),
        };
        // Whoever hung up does not want to know.
        let _ = writeln!(&stream, "{answer}");
    }

    /// What server and gateway found wrong, but for the scripts that a test has spoiled. Being killed and losing
    /// the other end is a warning to whoever stays, no error.
    fn unexpected_errors(&self) -> Vec<String> {
        let refused = |error: &String| {
            error.contains("the script is not allowed")
                && self.spoiled.iter().any(|script| error.contains(script.as_str()))
        };
        let processes = &self.product.house.processes;
        let errors = [CONTROL_NAME, AGENT_NAME].into_iter().flat_map(|name| processes.errors(name));
        errors.filter(|error| !refused(error)).collect()
    }

    fn tell(&self) -> Result<Value> {
        Ok(serde_json::json!({
            "url": URL,
            "ca": self.product.public_ca()?,
            "policy": self.policy,
            "policy_name": POLICY,
            "gateway": self.gateway,
            "gateway_name": GATEWAY,
            "image": containers::IMAGE,
        }))
    }
}

fn request(stream: &UnixStream) -> Result<Value> {
    let mut line = String::new();
    let read = stream
        .set_nonblocking(false)
        .and_then(|()| stream.set_read_timeout(Some(PATIENCE)))
        .and_then(|()| BufReader::new(stream).read_line(&mut line));
    match read {
        Ok(_) => json::parse("a request of the tests", &line),
        Err(error) => bail!("a request of the tests: {error}"),
    }
}

/// The tests, and every browser that they started: all end with it.
pub struct Browsers {
    pub child: Child,
    /// Profiles lie below: a browser is known by it, whoever its parent is by now.
    profiles: PathBuf,
}

impl Browsers {
    pub fn start(mut tests: Command, profiles: PathBuf) -> Result<Self> {
        tests.env("TMPDIR", &profiles).env("HOME", &profiles);
        tests.process_group(0).stdin(Stdio::null());
        Ok(Self { child: exec::spawn(&mut tests)?, profiles })
    }

    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        self.child.try_wait().map_err(|error| Failure::said(format!("the console's tests: {error}")))
    }
}

impl Drop for Browsers {
    fn drop(&mut self) {
        supervisor::end_group(self.child.id());
        // Already gone is as good as killed.
        let _ = self.child.wait();
        supervisor::end_all_that_name(&self.profiles);
    }
}
