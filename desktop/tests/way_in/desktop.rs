//! `viworks-connect` as a person without rights runs it.

use crate::ground::{Ground, eventually};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::{fs::chown, process::CommandExt},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex},
};

const NOBODY: u32 = 65534;

pub struct Desktop {
    child: Child,
    stdin: ChildStdin,
    said: Arc<Mutex<Vec<Value>>>,
    heard: usize,
    home: PathBuf,
}

impl Desktop {
    pub fn start(ground: &Ground) -> Self {
        let home = ground.dir.path().join("home");
        fs::create_dir_all(&home).expect("a home");
        chown(&home, Some(NOBODY), Some(NOBODY)).expect("given away");
        let mut child = Command::new(env!("CARGO_BIN_EXE_viworks-connect"))
            .args(["--user", "ada", "--password-stdin", "--code-stdin", "--json", "--url", &ground.api.url])
            .arg("--ca")
            .arg(&ground.api.ca)
            .arg("--tunnel-socket")
            .arg(ground.socket())
            .env("VIWORKS_HOME", &home)
            .env("VIWORKS_LOG", "debug")
            .uid(NOBODY)
            .gid(NOBODY)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("viworks-connect runs");
        let said = Arc::new(Mutex::new(vec![]));
        let (stdout, lines) = (child.stdout.take().expect("piped"), Arc::clone(&said));
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                println!("{line}");
                lines.lock().expect("not poisoned").push(serde_json::from_str(&line).expect("JSON"));
            }
        });
        let stdin = child.stdin.take().expect("piped");
        Self { child, stdin, said, heard: 0, home }
    }

    /// All the way.
    pub async fn connected(ground: &Ground) -> Self {
        let mut desktop = Self::start(ground);
        desktop.type_line("the password");
        desktop.state("code_required").await;
        ground.api.phone_speaks();
        desktop.type_line("492817");
        desktop.state("connected").await;
        desktop
    }

    pub fn type_line(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("it listens");
    }

    /// The next line of this state.
    pub async fn state(&mut self, state: &str) -> Value {
        let (said, heard) = (Arc::clone(&self.said), self.heard);
        let (at, line) = eventually(state, || {
            let said = said.lock().expect("not poisoned");
            let at = said.iter().skip(heard).position(|line| line["state"] == state)? + heard;
            Some((at, said[at].clone()))
        })
        .await;
        self.heard = at + 1;
        line
    }

    pub async fn exit_code(&mut self) -> Option<i32> {
        eventually("an exit", || self.child.try_wait().expect("waited")).await.code()
    }

    pub fn interrupt(&self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, Signal::INT).expect("signalled");
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Names of what it has written.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.home).expect("a home").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Desktop {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
