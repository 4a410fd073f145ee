//! The stage: the product put up by `cargo xtask demo --console-check`, and the socket on which it does what a
//! browser cannot. One JSON line each way per connection.

use crate::failure::{Done, Failure, fail};
use serde_json::{Map, Value, json};
use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    sync::Arc,
};

const SOCKET: &str = "VIWORKS_CONSOLE_STAGE";

/// Where the stage listens, before it has been looked at.
pub struct Socket(PathBuf);

#[derive(Clone)]
pub struct Stage(Arc<Facts>);

struct Facts {
    socket: PathBuf,
    told: Value,
    trust: crate::wire::Trust,
}

/// Somebody who can sign in to the console.
#[derive(Clone, Debug)]
pub struct Operator {
    pub name: String,
    pub password: String,
}

/// Somebody with an account, a phone, and a desktop to connect from.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub name: String,
    pub password: String,
}

impl Stage {
    pub fn from_env() -> Option<Socket> {
        std::env::var_os(SOCKET).map(|path| Socket(path.into()))
    }

    fn text(&self, key: &str) -> &str {
        self.0.told[key].as_str().unwrap_or_default()
    }

    /// The console's origin: `https://host:port`.
    pub fn url(&self) -> &str {
        self.text("url")
    }
    pub fn policy(&self) -> &str {
        self.text("policy")
    }
    pub fn policy_name(&self) -> &str {
        self.text("policy_name")
    }
    pub fn gateway(&self) -> &str {
        self.text("gateway")
    }
    pub fn gateway_name(&self) -> &str {
        self.text("gateway_name")
    }
    /// Of what sessions' containers are made.
    pub fn image(&self) -> &str {
        self.text("image")
    }
    pub fn trust(&self) -> &crate::wire::Trust {
        &self.0.trust
    }

    fn ask(&self, request: &Value) -> Done<Value> {
        say(&self.0.socket, request)
    }

    /// `viworks <words> --json`, as the owner.
    pub fn viworks(&self, words: &[&str]) -> Done<Value> {
        self.ask(&json!({"do": "viworks", "words": words}))
    }

    /// A new operator.
    pub fn operator(&self, name: &str, role: &str) -> Done<Operator> {
        let told = self.ask(&json!({"do": "invite", "name": name, "role": role}))?;
        Ok(Operator { name: name.to_owned(), password: field(&told, "password")? })
    }

    /// `viworks operator recover`: a new password; every sign-in with the old one ends.
    pub fn recover(&self, name: &str) -> Done<Operator> {
        let told = self.ask(&json!({"do": "recover", "name": name}))?;
        Ok(Operator { name: name.to_owned(), password: field(&told, "password")? })
    }

    /// A user with all steps done and a phone.
    pub fn person(&self, name: &str) -> Done<Person> {
        let told = self.ask(&json!({"do": "person", "name": name}))?;
        Ok(Person { id: field(&told, "id")?, name: name.to_owned(), password: field(&told, "password")? })
    }

    /// Enrols the phone of that name with what a QR code held.
    pub fn enrol_phone(&self, name: &str, payload: &str) -> Done {
        self.ask(&json!({"do": "enrol-phone", "name": name, "payload": payload})).map(drop)
    }

    /// Signs in on a free desktop, takes the code from the phone, and stays connected.
    pub fn connect(&self, person: &Person) -> Done {
        let Person { id, name, password } = person;
        self.ask(&json!({"do": "connect", "id": id, "name": name, "password": password})).map(drop)
    }

    /// What the desktop says when it is cut off: its `ended` line.
    pub fn cut_off(&self, name: &str) -> Done<Value> {
        self.ask(&json!({"do": "cut-off", "name": name}))
    }

    /// The person hangs up.
    pub fn leave(&self, name: &str) -> Done {
        self.ask(&json!({"do": "leave", "name": name})).map(drop)
    }

    // What is taken from everybody: tests ask their scene for it, which gives it back.

    /// SIGKILL, and it stays down.
    pub fn kill(&self, program: Program) -> Done {
        self.ask(&json!({"do": "kill", "what": program.name()})).map(drop)
    }

    /// Starts again what was killed, this once with these settings in its environment, and waits until it is ready.
    pub fn start(&self, program: Program, settings: &[(&str, &str)]) -> Done {
        let settings: Map<String, Value> =
            settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        self.ask(&json!({"do": "start", "what": program.name(), "settings": settings})).map(drop)
    }

    /// SIGSTOP.
    pub fn freeze(&self, program: Program) -> Done {
        self.ask(&json!({"do": "freeze", "what": program.name()})).map(drop)
    }

    /// Lets it go on, and waits until it is ready.
    pub fn thaw(&self, program: Program) -> Done {
        self.ask(&json!({"do": "thaw", "what": program.name()})).map(drop)
    }

    /// The gateway's nginx ends, and another program listens in its place.
    pub fn take_page_port(&self) -> Done {
        self.ask(&json!({"do": "take-page-port"})).map(drop)
    }

    pub fn give_page_port_back(&self) -> Done {
        self.ask(&json!({"do": "give-page-port-back"})).map(drop)
    }

    /// The gateway's script of this name is not what it was pinned as, and its step fails.
    pub fn spoil(&self, script: &str) -> Done {
        self.ask(&json!({"do": "spoil", "script": script})).map(drop)
    }

    pub fn mend(&self, script: &str) -> Done {
        self.ask(&json!({"do": "mend", "script": script})).map(drop)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Program {
    Viworks,
    Agent,
}

impl Program {
    const fn name(self) -> &'static str {
        match self {
            Self::Viworks => "viworks",
            Self::Agent => "viworks-agent",
        }
    }
}

impl Socket {
    /// Asks the stage for its facts, and for the key that its server shows.
    pub fn look(self) -> Done<Stage> {
        let told = say(&self.0, &json!({"do": "tell"}))?;
        let trust = crate::wire::Trust::of(&field(&told, "url")?, &field(&told, "ca")?)?;
        Ok(Stage(Arc::new(Facts { socket: self.0, told, trust })))
    }
}

pub fn field(value: &Value, key: &str) -> Done<String> {
    match value[key].as_str() {
        Some(text) => Ok(text.to_owned()),
        None => fail!("expected a text `{key}` in {value}"),
    }
}

/// Blocking: whoever asks the stage for something waits for it.
fn say(socket: &std::path::Path, request: &Value) -> Done<Value> {
    let mut stream = UnixStream::connect(socket)?;
    writeln!(stream, "{request}")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    let answer: Value = serde_json::from_str(&line)?;
    match answer["error"].as_str() {
        Some(why) => Err(Failure(format!("the stage, asked for {request}: {why}"))),
        None => Ok(answer["done"].clone()),
    }
}
