//! Long-running processes: started with a log of their own, waited for until they are ready, killed and
//! restarted on purpose, and ended in the reverse order, whatever happens.

use super::netns;
use crate::{
    clock, exec,
    failure::{Failure, Result, bail},
    interrupt,
    report::Stopwatch,
};
use std::{
    ffi::OsString,
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// How long a process may take from SIGTERM to its end.
const GRACE: Duration = Duration::from_secs(8);

/// What to start, so that it can be started again.
#[derive(Clone)]
pub struct Spec {
    pub name: &'static str,
    pub namespace: &'static str,
    pub program: PathBuf,
    pub args: Vec<OsString>,
}

impl Spec {
    pub fn new(name: &'static str, namespace: &'static str, program: impl Into<PathBuf>) -> Self {
        Self { name, namespace, program: program.into(), args: Vec::new() }
    }

    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, args: I) -> Self {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    fn command(&self) -> Command {
        let mut command = netns::inside(self.namespace, &self.program);
        command.args(&self.args);
        command
    }
}

struct Running {
    spec: Spec,
    child: Child,
}

pub struct Supervisor {
    logs: PathBuf,
    running: Vec<Running>,
}

impl Supervisor {
    pub fn new(logs: &Path) -> Self {
        Self { logs: logs.to_path_buf(), running: Vec::new() }
    }

    pub fn start(&mut self, spec: Spec) -> Result {
        let child = self.spawn(&spec, &[])?;
        self.running.push(Running { spec, child });
        Ok(())
    }

    fn spawn(&self, spec: &Spec, environment: &[(String, String)]) -> Result<Child> {
        interrupt::check()?;
        let mut command = spec.command();
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        // Its own process group: Ctrl-C reaches this program alone, which ends the others in order.
        command.process_group(0).stdin(Stdio::null());
        command.stdout(self.log(spec.name, "out")?).stderr(self.log(spec.name, "err")?);
        exec::spawn(&mut command)
    }

    fn log(&self, name: &str, stream: &str) -> Result<File> {
        let path = self.log_path(name, stream);
        File::options()
            .create(true)
            .append(true)
            .open(&path)
            .map_err(|error| Failure::file("open", &path, &error))
    }

    pub fn log_path(&self, name: &str, stream: &str) -> PathBuf {
        self.logs.join(format!("{name}.{stream}"))
    }

    /// What the process says is wrong with itself, over all its starts: every ERROR of its log, and every panic.
    pub fn errors(&self, name: &str) -> Vec<String> {
        let log = fs::read(self.log_path(name, "err")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        log.lines().filter(|line| is_error(line)).map(str::to_owned).collect()
    }

    /// What the process has printed on stdout, over all its starts.
    pub fn printed(&self, name: &str) -> String {
        fs::read_to_string(self.log_path(name, "out")).unwrap_or_default()
    }

    pub fn pid(&self, name: &str) -> Result<u32> {
        self.running
            .iter()
            .find(|running| running.spec.name == name)
            .map(|running| running.child.id())
            .ok_or_else(|| Failure::said(format!("{name} was never started")))
    }

    /// Waits until `condition` holds; a process that ends meanwhile, or a deadline, is a failure that shows the
    /// end of its log.
    pub fn wait_until(
        &mut self,
        name: &str,
        what: &str,
        deadline: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Result {
        let watch = Stopwatch::start();
        loop {
            if condition(self) {
                return Ok(());
            }
            interrupt::check()?;
            if let Some(status) = self.ended(name)? {
                bail!("expected {name} to be {what}; it ended with {status}\n{}", self.tail(name));
            }
            if watch.elapsed() > deadline {
                bail!("expected {name} to be {what} within {} s\n{}", deadline.as_secs(), self.tail(name));
            }
            clock::pause();
        }
    }

    fn ended(&mut self, name: &str) -> Result<Option<std::process::ExitStatus>> {
        let Some(running) = self.running.iter_mut().find(|running| running.spec.name == name) else {
            bail!("{name} was never started");
        };
        running.child.try_wait().map_err(|error| Failure::said(format!("{name}: {error}")))
    }

    /// The end of both logs, for a failure's text.
    pub fn tail(&self, name: &str) -> String {
        const LINES: usize = 12;
        let mut shown = String::new();
        for stream in ["out", "err"] {
            let path = self.log_path(name, stream);
            let text = fs::read(&path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
            let text = text.unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            let from = lines.len().saturating_sub(LINES);
            for line in &lines[from..] {
                shown.push_str(&format!("    {name}.{stream}: {line}\n"));
            }
        }
        shown
    }

    /// SIGKILL, as a power cut would: no last words.
    pub fn kill(&mut self, name: &str) -> Result {
        let Some(running) = self.running.iter_mut().find(|running| running.spec.name == name) else {
            bail!("{name} was never started");
        };
        let killed = running.child.kill().and_then(|()| running.child.wait());
        killed.map(drop).map_err(|error| Failure::said(format!("cannot kill {name}: {error}")))
    }

    /// Starts again what was killed.
    pub fn restart(&mut self, name: &str) -> Result {
        self.restart_with(name, &[])
    }

    /// The same, for this one start with settings in its environment.
    pub fn restart_with(&mut self, name: &str, environment: &[(String, String)]) -> Result {
        let Some(at) = self.running.iter().position(|running| running.spec.name == name) else {
            bail!("{name} was never started");
        };
        let spec = self.running[at].spec.clone();
        let child = self.spawn(&spec, environment)?;
        self.running[at].child = child;
        Ok(())
    }

    /// SIGTERM, then, for what does not listen, SIGKILL; last started first.
    pub fn stop_all(&mut self) {
        while let Some(mut running) = self.running.pop() {
            if matches!(running.child.try_wait(), Ok(Some(_))) {
                continue;
            }
            signal(running.child.id(), "TERM");
            let watch = Stopwatch::start();
            while matches!(running.child.try_wait(), Ok(None)) && watch.elapsed() < GRACE {
                clock::pause();
            }
            // Already gone is as good as killed.
            let _ = running.child.kill();
            let _ = running.child.wait();
        }
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stop_all();
    }
}

pub fn signal(pid: u32, signal: &str) {
    let mut kill = Command::new(netns::kill_program());
    // A process that is gone needs no signal.
    let _ = kill.args(netns::kill_words(signal)).arg(pid.to_string()).output();
}

/// `2026-11-22T01:44:31.241547Z ERROR viworks::http::problem: ...`
fn is_error(line: &str) -> bool {
    line.split_whitespace().nth(1) == Some("ERROR") || line.contains("panicked at")
}

/// SIGKILL to a whole process group: to a program and all that stayed with it.
pub fn end_group(leader: u32) {
    let mut kill = Command::new(netns::kill_program());
    // A group that is gone needs no signal.
    let _ = kill.args(netns::kill_words("KILL")).arg(format!("-{leader}")).output();
}

/// SIGKILL to every process that was started with a path below `dir`.
pub fn end_all_that_name(dir: &Path) {
    let dir = dir.as_os_str().as_encoded_bytes();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        if let Some(pid) = pid
            && line.windows(dir.len()).any(|part| part == dir)
        {
            signal(pid, "KILL");
        }
    }
}

/// The processes whose parent is `parent`, with their command lines.
pub fn children(parent: u32) -> Vec<(u32, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // `pid (name with anything in it) state ppid ...`
        let ppid =
            stat.rsplit_once(')').and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<u32>().ok());
        if ppid == Some(parent) {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push((pid, String::from_utf8_lossy(&line).replace('\0', " ").trim().to_owned()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::is_error;

    #[test]
    fn errors_and_panics_are_told_from_what_only_speaks_of_errors() {
        assert!(is_error("2026-11-22T01:44:31.241547Z ERROR viworks::http::problem: the bus is away"));
        assert!(is_error("thread 'main' panicked at control-plane/src/serve.rs:12:5:"));
        assert!(!is_error(
            "2026-11-22T01:45:18.948388Z  WARN viworks_agent::runner: control is gone error=ERROR"
        ));
    }
}
