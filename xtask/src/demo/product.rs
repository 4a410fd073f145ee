//! The product's programs, driven as people drive them: by their command lines, with `--json`.
//! What their options and fields are called is known here and in the steps of the walk, nowhere else.

use super::{
    containers,
    conversation::{self, Conversation},
    house::{House, UNTIL_READY, listens},
    json, netns,
    place::{self, PROBE},
    supervisor::Spec,
};
use crate::{
    exec,
    failure::{Failure, Result, bail},
};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

pub const URL: &str = "https://10.77.0.1:8443";
const HTTPS: &str = "10.77.0.1:8443";
const BUS: &str = "10.77.0.1:4222";
pub const BUS_NAME: &str = "nats-server";
pub const CONTROL_NAME: &str = "viworks";
pub const AGENT_NAME: &str = "viworks-agent";

pub struct Product {
    pub house: House,
    /// Where the console's files are, unless they are those in the program.
    pub console_files: Option<PathBuf>,
}

/// Somebody with an account and a phone.
#[derive(Clone)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub password: String,
}

impl Product {
    // --- bus and control plane

    pub fn data(&self) -> PathBuf {
        self.house.place.at("control")
    }

    pub fn ca(&self) -> PathBuf {
        self.data().join("ca.pem")
    }

    pub fn is_initialised(&self) -> bool {
        self.data().join("config.toml").is_file()
    }

    pub fn init(&self) -> Result<Value> {
        let mut init = netns::inside(netns::CONTROL, self.house.place.bin("viworks"));
        init.arg("init").arg("--data").arg(self.data()).args(["--listen", HTTPS, "--public-url", URL]);
        init.args(["--nats-listen", BUS, "--advertise-nats", BUS, "--json"]);
        let text = exec::succeed(&mut init)?;
        json::parse("viworks init", &text)
    }

    pub fn start_bus(&mut self) -> Result {
        let conf = self.data().join("nats/nats.conf");
        let program = self.house.place.bin("nats-server");
        self.house.processes.start(Spec::new(BUS_NAME, netns::CONTROL, program).args(["-c".into(), conf]))?;
        self.bus_ready()
    }

    pub fn bus_ready(&mut self) -> Result {
        self.house.processes.wait_until(BUS_NAME, "listening", UNTIL_READY, |_| listens(BUS))
    }

    pub fn start_control(&mut self) -> Result {
        let program = self.house.place.bin("viworks");
        let mut spec = Spec::new(CONTROL_NAME, netns::CONTROL, program).args([
            "serve".into(),
            "--data".into(),
            self.data(),
        ]);
        if let Some(dir) = &self.console_files {
            spec = spec.args(["--console-files".into(), dir.clone()]);
        }
        self.house.processes.start(spec)?;
        self.control_ready()
    }

    pub fn control_ready(&mut self) -> Result {
        self.house.processes.wait_until(CONTROL_NAME, "serving", UNTIL_READY, |_| listens(HTTPS))
    }

    /// The passwords that `serve` has printed, over all its starts.
    pub fn printed_passwords(&self) -> Vec<String> {
        let printed = self.house.processes.printed(CONTROL_NAME);
        let passwords = printed.lines().filter_map(|line| line.trim().strip_prefix("owner password:"));
        passwords.map(|password| password.trim().to_owned()).collect()
    }

    // --- the administrator's command line

    fn admin(&self) -> Command {
        let mut viworks = netns::inside(netns::CONTROL, self.house.place.bin("viworks"));
        viworks.env("VIWORKS_HOME", self.house.place.at("admin"));
        viworks
    }

    pub fn sign_in(&self, password: &str) -> Result {
        let mut viworks = self.admin();
        viworks.args(["signin", "--url", URL, "--ca"]).arg(self.ca());
        viworks.args(["--user", "owner", "--password-stdin", "--json"]);
        let said = exec::output_with_input(&mut viworks, &format!("{password}\n"))?;
        if said.ok() { Ok(()) } else { bail!("expected the owner to be signed in; {}", said.everything()) }
    }

    /// Runs `viworks <words> --json` and reads what it prints.
    pub fn ask(&self, words: &[&str]) -> Result<Value> {
        self.ask_with(words, "")
    }

    pub fn ask_with(&self, words: &[&str], input: &str) -> Result<Value> {
        let mut viworks = self.admin();
        viworks.args(words).arg("--json");
        let line = exec::shown(&viworks);
        let said = exec::output_with_input(&mut viworks, input)?;
        if !said.ok() {
            bail!("`viworks {}` failed: {}", words.join(" "), said.everything());
        }
        json::parse(&line, &said.stdout)
    }

    /// Asks again and again until the answer is as wanted.
    pub fn ask_until(
        &self,
        words: &[&str],
        what: &str,
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        let watch = crate::report::Stopwatch::start();
        loop {
            let answer = self.ask(words)?;
            if wanted(&answer) {
                return Ok(answer);
            }
            crate::interrupt::check()?;
            if watch.elapsed() > within {
                bail!(
                    "expected {what} within {} s; `viworks {}` says {answer}",
                    within.as_secs(),
                    words.join(" ")
                );
            }
            crate::clock::pause();
        }
    }

    pub fn create_user(&self, name: &str, policy: &str, gateway: &str) -> Result<Person> {
        let password = format!("{name}-{}", crate::clock::unix().as_nanos());
        let words = ["user", "create", name, "--password-stdin", "--policy", policy, "--gateway", gateway];
        let created = self.ask_with(&words, &format!("{password}\n"))?;
        let id = json::text(&created, "id")?.to_owned();
        Ok(Person { id, name: name.to_owned(), password })
    }

    // --- gateway

    pub fn agent_state(&self) -> PathBuf {
        self.house.place.at("gateway/state")
    }

    pub fn agent_is_enrolled(&self) -> bool {
        self.agent_state().join("agent.toml").is_file()
    }

    /// The gateway's own files: scripts, their allow-list, the agent's configuration.
    pub fn prepare_gateway(&self) -> Result<PathBuf> {
        let place = &self.house.place;
        let scripts = place.at("gateway/scripts");
        place.make(&scripts, 0o755)?;
        // The scripts run as a user of their own and write here.
        place.make(&place.at("gateway/records"), 0o1777)?;
        for name in ["vpn-user", "panel-user"] {
            let from = crate::workspace::root().join("deploy/gateway/scripts").join(name);
            place::copy(&from, &scripts.join(name), 0o755)?;
        }
        let config = place.at("gateway/agent.toml");
        place::write(&config, self.agent_config(&scripts).as_bytes(), 0o644)?;
        Ok(config)
    }

    fn agent_config(&self, scripts: &Path) -> String {
        format!(
            "listen = \"{ip}\"\nimages = [\"{image}\"]\nscripts = \"{scripts}\"\npodman = \"{podman}\"\n",
            ip = netns::GATEWAY_IP,
            image = containers::IMAGE,
            scripts = scripts.display(),
            podman = self.house.place.bin("podman").display(),
        )
    }

    pub fn enrol_agent(&self, token: &str) -> Result<exec::Said> {
        let config = self.prepare_gateway()?;
        let mut agent = netns::inside(netns::GATEWAY, self.house.place.bin("viworks-agent"));
        agent
            .args(["enrol", "--token", token, "--state"])
            .arg(self.agent_state())
            .arg("--config")
            .arg(config);
        exec::output(&mut agent)
    }

    pub fn start_agent(&mut self) -> Result {
        let program = self.house.place.bin("viworks-agent");
        let spec = Spec::new(AGENT_NAME, netns::GATEWAY, program);
        self.house.processes.start(spec.args(["run".into(), "--state".into(), self.agent_state()]))
    }

    /// What the provisioning script of `kind` has recorded on the gateway.
    pub fn recorded(&self, kind: &str) -> Vec<String> {
        let dir = self.house.place.at("gateway/records").join(kind);
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    // --- phone

    pub fn phone_state(&self, person: &str) -> PathBuf {
        self.house.place.at("phones").join(person)
    }

    pub fn phone(&self, person: &str, words: &[&str]) -> Command {
        let program = self.house.place.bin("viworks-authenticator");
        let mut phone = netns::inside(netns::CONTROL, program);
        phone.args(words).arg("--state").arg(self.phone_state(person));
        phone
    }

    // --- desktop

    pub fn start_tunneld(&mut self, desktop: &Desktop) -> Result {
        let dir = desktop.dir(&self.house);
        self.house.place.make(&dir, 0o755)?;
        let home = desktop.home(&self.house);
        self.house.place.make(&home, 0o700)?;
        let nobody = Some(conversation::NOBODY);
        chown(&home, nobody, nobody).map_err(|error| Failure::file("give away", &home, &error))?;
        let socket = desktop.socket(&self.house);
        let spec = Spec::new(desktop.helper, desktop.namespace, self.house.place.bin("viworks-tunneld"));
        let group = "nogroup";
        self.house
            .processes
            .start(spec.args(["--socket".into(), socket.clone()]).args(["--group", group]))?;
        self.house.processes.wait_until(desktop.helper, "listening", UNTIL_READY, |_| socket.exists())
    }

    /// `viworks-connect`, as a user without rights, password typed.
    pub fn connect(&self, desktop: &Desktop, person: &Person) -> Result<Conversation> {
        self.connect_as(desktop, &person.name, &person.password, &[])
    }

    pub fn connect_as(
        &self,
        desktop: &Desktop,
        name: &str,
        password: &str,
        more: &[&str],
    ) -> Result<Conversation> {
        let mut command =
            conversation::unprivileged(desktop.namespace, &self.house.place.bin("viworks-connect"));
        let home = desktop.home(&self.house);
        command.env("HOME", &home).env("VIWORKS_HOME", home.join("viworks"));
        command.args(["--url", URL, "--ca"]).arg(self.public_ca()?).args(["--user", name]);
        command.args(["--password-stdin", "--code-stdin", "--json", "--tunnel-socket"]);
        command.arg(desktop.socket(&self.house)).args(more);
        let log = self.house.place.at("logs").join(format!("{}-{name}.err", desktop.namespace));
        let mut talk = Conversation::start(&format!("viworks-connect ({name})"), &mut command, &log)?;
        talk.say(password)?;
        Ok(talk)
    }

    /// `viworks-probe`, likewise.
    pub fn probe(&self, desktop: &Desktop, person: &Person) -> Result<Conversation> {
        let mut command = conversation::unprivileged(desktop.namespace, &self.house.place.bin(PROBE));
        command.args(["--url", URL, "--ca"]).arg(self.public_ca()?).args(["--user", &person.name, "--home"]);
        command.arg(desktop.home(&self.house).join("probe"));
        let log = self.house.place.at("logs").join("probe.err");
        let mut talk = Conversation::start(PROBE, &mut command, &log)?;
        talk.say(&person.password)?;
        Ok(talk)
    }

    /// The control plane's directory is closed to others; its CA certificate is for everybody.
    pub fn public_ca(&self) -> Result<PathBuf> {
        let copy = self.house.place.at("run/ca.pem");
        if !copy.is_file() {
            place::copy(&self.ca(), &copy, 0o644)?;
        }
        Ok(copy)
    }
}

/// One person's machine: a namespace with a tunnel helper in it.
#[derive(Clone, Copy)]
pub struct Desktop {
    pub namespace: &'static str,
    pub helper: &'static str,
}

pub const DESKTOP_1: Desktop = Desktop { namespace: netns::DESKTOP_1, helper: "tunneld-1" };
pub const DESKTOP_2: Desktop = Desktop { namespace: netns::DESKTOP_2, helper: "tunneld-2" };

impl Desktop {
    fn dir(&self, house: &House) -> PathBuf {
        house.place.at("run").join(self.namespace)
    }
    fn home(&self, house: &House) -> PathBuf {
        self.dir(house).join("home")
    }
    fn socket(&self, house: &House) -> PathBuf {
        self.dir(house).join("tunnel.sock")
    }
}
