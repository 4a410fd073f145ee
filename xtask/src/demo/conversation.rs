//! A program that is talked with: it says JSON lines, and now and then wants a line typed.

use super::{netns, supervisor};
use crate::{
    clock, exec,
    failure::{Failure, Result, bail},
    interrupt,
    report::Stopwatch,
};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// What was said, and how long after the start.
#[derive(Clone)]
struct Line {
    after: Duration,
    value: Value,
}

pub struct Conversation {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<Vec<Line>>>,
    /// How many lines have been looked at by [`Conversation::wait`].
    heard: usize,
    log: PathBuf,
}

impl Conversation {
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Result<Self> {
        let err = File::options()
            .create(true)
            .append(true)
            .open(log)
            .map_err(|error| Failure::file("open", log, &error))?;
        command.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(err);
        let mut child = exec::spawn(command)?;
        let since = Stopwatch::start();
        let said = Arc::new(Mutex::new(Vec::new()));
        if let Some(stdout) = child.stdout.take() {
            let said = Arc::clone(&said);
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                    // A line that is not JSON is kept as text: failures show it.
                    let value = serde_json::from_str(&line).unwrap_or(Value::String(line));
                    if let Ok(mut said) = said.lock() {
                        said.push(Line { after: since.elapsed(), value });
                    }
                }
            });
        }
        let stdin = child.stdin.take();
        Ok(Self { name: name.to_owned(), child, stdin, said, heard: 0, log: log.to_path_buf() })
    }

    /// Types a line.
    pub fn say(&mut self, line: &str) -> Result {
        let Some(stdin) = &mut self.stdin else { bail!("{} no longer listens", self.name) };
        let written = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        written.map_err(|error| Failure::said(format!("{} does not listen: {error}", self.name)))
    }

    /// The next line, from where the last wait stopped, for which `wanted` holds.
    pub fn wait(&mut self, what: &str, within: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let watch = Stopwatch::start();
        loop {
            let over = matches!(self.child.try_wait(), Ok(Some(_)));
            // The reader may be a moment behind the end of the process.
            let fresh = self.unheard();
            if let Some(at) = fresh.iter().position(&wanted) {
                self.heard += at + 1;
                return Ok(fresh[at].clone());
            }
            interrupt::check()?;
            if watch.elapsed() > within || (over && watch.elapsed() > Duration::from_millis(500)) {
                let how = if over { "it ended" } else { "it goes on" };
                bail!(
                    "expected {} to say {what} within {} s; {how}, and said\n{}",
                    self.name,
                    within.as_secs(),
                    self.everything()
                );
            }
            clock::pause();
        }
    }

    /// Waits for one of the named `state`s.
    pub fn wait_state(&mut self, states: &[&str], within: Duration) -> Result<Value> {
        let what = states.join(" or ");
        self.wait(&what, within, |value| value["state"].as_str().is_some_and(|state| states.contains(&state)))
    }

    fn unheard(&self) -> Vec<Value> {
        let Ok(said) = self.said.lock() else { return Vec::new() };
        said.iter().skip(self.heard).map(|line| line.value.clone()).collect()
    }

    /// When each state was reached, in ms after the start: `code_required 210, connected 480`.
    pub fn times(&self) -> String {
        let said = self.said.lock().map(|said| said.clone()).unwrap_or_default();
        let named = said.iter().filter_map(|line| Some((line.value["state"].as_str()?, line.after)));
        let shown: Vec<String> =
            named.map(|(state, after)| format!("{state} {}", after.as_millis())).collect();
        shown.join(", ")
    }

    /// All it said so far, and the end of its log.
    pub fn everything(&self) -> String {
        let said = self.said.lock().map(|said| said.clone()).unwrap_or_default();
        let mut text: String =
            said.iter().map(|line| format!("    {}: {}\n", self.name, line.value)).collect();
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        for line in &lines[lines.len().saturating_sub(12)..] {
            text.push_str(&format!("    {} (log): {line}\n", self.name));
        }
        text
    }

    /// Waits until it ends by itself.
    pub fn ended(&mut self, within: Duration) -> Result<ExitStatus> {
        let watch = Stopwatch::start();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Ok(status);
            }
            interrupt::check()?;
            if watch.elapsed() > within {
                bail!(
                    "expected {} to end within {} s; it said\n{}",
                    self.name,
                    within.as_secs(),
                    self.everything()
                );
            }
            clock::pause();
        }
    }

    /// As a person would with Ctrl-C.
    pub fn hang_up(&mut self, within: Duration) -> Result<ExitStatus> {
        supervisor::signal(self.child.id(), "INT");
        self.ended(within)
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command in a namespace as a user without any rights.
pub fn unprivileged(namespace: &str, program: &Path) -> Command {
    let mut command = netns::inside(namespace, "setpriv");
    command.args([
        format!("--reuid={NOBODY}"),
        format!("--regid={NOBODY}"),
        "--clear-groups".to_owned(),
        "--no-new-privs".to_owned(),
        "--".to_owned(),
    ]);
    command.arg(program);
    command
}

/// Debian's `nobody` and `nogroup`.
pub const NOBODY: u32 = 65534;
