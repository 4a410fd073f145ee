//! What the tests may ask of the stage. Each is something that people or mishaps do to the product from outside
//! of any browser.

use super::{Connected, Stage};
use crate::{
    clock,
    demo::{
        json, netns, place,
        product::{AGENT_NAME, CONTROL_NAME, DESKTOP_1, DESKTOP_2, Person},
        supervisor::{self, Spec},
        walk::{SOON, code, phones, start},
    },
    exec,
    failure::{Result, bail},
    report::Stopwatch,
    workspace,
};
use serde_json::{Value, json};
use std::fs;

/// A program on the gateway that is none of ours.
const NEIGHBOUR: &str = "neighbour";
/// The gateway's `page_port`.
const PAGE_PORT: u16 = 80;

impl Stage {
    pub fn answer(&mut self, request: &Value) -> Result<Value> {
        let text = |key: &str| json::text(request, key);
        match text("do")? {
            "tell" => self.tell(),
            "viworks" => {
                let words = json::list(request, "words")?;
                let words: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
                self.product.ask(&words)
            }
            "invite" => self.operator(&["invite", "--user", text("name")?, "--role", text("role")?]),
            "recover" => self.operator(&["recover", "--user", text("name")?]),
            "person" => self.person(text("name")?),
            "enrol-phone" => {
                phones::enrol_with(&self.product, text("name")?, text("payload")?).map(|()| json!({}))
            }
            "connect" => {
                let own = |key: &str| text(key).map(str::to_owned);
                self.connect(Person { id: own("id")?, name: own("name")?, password: own("password")? })
            }
            "cut-off" => self.at_desktop(text("name")?, |connected| {
                let said = connected.talk.wait_state(&["ended"], SOON)?;
                connected.talk.ended(SOON)?;
                Ok(said)
            }),
            "leave" => self.at_desktop(text("name")?, |connected| {
                connected.talk.hang_up(SOON)?;
                Ok(json!({}))
            }),
            "kill" => self.product.house.processes.kill(text("what")?).map(|()| json!({})),
            "start" => self.start(text("what")?, &settings(request)),
            "freeze" => self.signal(text("what")?, "STOP"),
            "thaw" => {
                self.signal(text("what")?, "CONT")?;
                self.ready(text("what")?)
            }
            "take-page-port" => self.take_page_port(),
            "give-page-port-back" => self.product.house.processes.kill(NEIGHBOUR).map(|()| json!({})),
            "spoil" => self.spoil(text("script")?),
            "mend" => self.product.prepare_gateway().map(|_| json!({})),
            other => bail!("nobody here knows how to {other}"),
        }
    }

    /// `viworks operator ...`, on the machine itself.
    fn operator(&self, words: &[&str]) -> Result<Value> {
        let mut viworks = netns::inside(netns::CONTROL, self.product.house.place.bin("viworks"));
        viworks.arg("operator").args(words).arg("--data").arg(self.product.data()).arg("--json");
        json::parse("viworks operator", &exec::succeed(&mut viworks)?)
    }

    fn person(&self, name: &str) -> Result<Value> {
        let person = self.product.create_user(name, &self.policy, &self.gateway)?;
        start::steps_are_done(&self.product, &person)?;
        phones::enrol(&self.product, &person)?;
        Ok(json!({ "id": person.id, "password": person.password }))
    }

    fn connect(&mut self, person: Person) -> Result<Value> {
        let taken = |namespace: &str| self.connected.iter().any(|one| one.desktop.namespace == namespace);
        let Some(desktop) = [DESKTOP_1, DESKTOP_2].into_iter().find(|one| !taken(one.namespace)) else {
            bail!("both desktops are in use");
        };
        let mut talk = code::sign_in(&self.product, &desktop, &person)?;
        talk.say(&code::shown_code(&self.product, &person.name, "AU")?)?;
        let said = talk.wait_state(&["connected"], SOON)?;
        self.connected.push(Connected { name: person.name, desktop, talk });
        Ok(said)
    }

    /// The last thing that happens at a desktop; it is free afterwards.
    fn at_desktop(
        &mut self,
        name: &str,
        last: impl FnOnce(&mut Connected) -> Result<Value>,
    ) -> Result<Value> {
        let Some(at) = self.connected.iter().position(|one| one.name == name) else {
            bail!("{name} is not connected");
        };
        last(&mut self.connected.swap_remove(at))
    }

    fn start(&mut self, what: &str, settings: &[(String, String)]) -> Result<Value> {
        self.product.house.processes.restart_with(what, settings)?;
        self.ready(what)
    }

    fn ready(&mut self, what: &str) -> Result<Value> {
        match what {
            CONTROL_NAME => self.product.control_ready()?,
            AGENT_NAME => start::gateway_up(&mut self.product, &self.gateway)?,
            _ => {}
        }
        Ok(json!({}))
    }

    /// To a program and all that it started.
    fn signal(&self, what: &str, signal: &str) -> Result<Value> {
        let mut pids = vec![self.product.house.processes.pid(what)?];
        let mut at = 0;
        while let Some(&pid) = pids.get(at) {
            pids.extend(supervisor::children(pid).into_iter().map(|(child, _)| child));
            at += 1;
        }
        for pid in pids {
            supervisor::signal(pid, signal);
        }
        Ok(json!({}))
    }

    /// nginx ends, and before it is started again another program listens where published pages do.
    fn take_page_port(&mut self) -> Result<Value> {
        let watch = Stopwatch::start();
        loop {
            let running = processes_called("nginx");
            for pid in &running {
                supervisor::signal(*pid, "KILL");
            }
            if running.is_empty() {
                break;
            }
            if watch.elapsed() > SOON {
                bail!("expected nginx to end");
            }
            clock::pause();
        }
        let processes = &mut self.product.house.processes;
        if processes.pid(NEIGHBOUR).is_ok() {
            processes.restart(NEIGHBOUR)?;
        } else {
            let port = PAGE_PORT.to_string();
            let spec = Spec::new(NEIGHBOUR, netns::GATEWAY, netns::kill_program());
            processes.start(spec.args(["nc", "-l", "-p", &port]))?;
        }
        processes.wait_until(NEIGHBOUR, "listening", SOON, |_| listens_everywhere(PAGE_PORT))?;
        Ok(json!({}))
    }

    /// Other bytes than those that were pinned when the gateway enrolled: the agent refuses to run them.
    fn spoil(&mut self, script: &str) -> Result<Value> {
        let pinned = workspace::root().join("deploy/gateway/scripts").join(script);
        let at = self.product.house.place.at("gateway/scripts").join(script);
        if !pinned.is_file() {
            bail!("there is no script {script}");
        }
        place::write(&at, b"#!/bin/sh\nexit 0\n", 0o755)?;
        self.spoiled.insert(script.to_owned());
        Ok(json!({}))
    }
}

/// On the gateway.
fn processes_called(name: &str) -> Vec<u32> {
    let is_called = |pid: &u32| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|called| called.trim_end() == name)
    };
    let pids = netns::processes(netns::GATEWAY);
    pids.iter().filter_map(|pid| pid.parse().ok()).filter(is_called).collect()
}

/// Whether somebody on the gateway listens at a port of all its addresses, by the kernel's table.
fn listens_everywhere(port: u16) -> bool {
    let any = "0".repeat(32);
    let listener = format!(" {any}:{port:04X} {any}:0000 0A ");
    let table = netns::inside(netns::GATEWAY, "cat").arg("/proc/net/tcp6").output();
    table.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).contains(&listener))
}

/// `"settings": {"VIWORKS_...": "..."}`: for one start of a program, in its environment.
fn settings(request: &Value) -> Vec<(String, String)> {
    let settings = request["settings"].as_object().into_iter().flatten();
    settings.filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned()))).collect()
}
