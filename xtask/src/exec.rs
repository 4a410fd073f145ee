//! Running programs to their end: argv only, with a deadline, stopped when a person asks to stop.

use crate::{
    clock,
    failure::{Failure, Result, bail},
    interrupt,
    report::Stopwatch,
    workspace,
};
use std::{
    ffi::OsStr,
    fmt::Write as _,
    io::{Read, Write as _},
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

/// Long enough for anything that is not a build.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What a program said before it ended.
#[derive(Debug)]
pub struct Said {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    pub fn ok(&self) -> bool {
        self.status.success()
    }

    /// Both streams, the way a failure shows them.
    pub fn everything(&self) -> String {
        let mut text = format!("{}", self.status);
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let stream = stream.trim_end();
            if !stream.is_empty() {
                // Writing to a String cannot fail.
                let _ = write!(text, "\n    {name}: {}", stream.replace('\n', "\n            "));
            }
        }
        text
    }
}

pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    if let Ok(path) = std::env::join_paths(workspace::search_path()) {
        command.env("PATH", path);
    }
    command
}

/// The cargo that started this, at the top of the checkout.
pub fn cargo() -> Command {
    let mut command = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(workspace::root()).stdin(Stdio::null());
    command
}

/// Runs to the end with nothing on stdin; captured.
pub fn output(command: &mut Command) -> Result<Said> {
    output_within(command, None, PATIENCE)
}

/// Runs to the end with `input` on stdin; captured.
pub fn output_with_input(command: &mut Command, input: &str) -> Result<Said> {
    output_within(command, Some(input), PATIENCE)
}

/// # Errors
/// When the program cannot be started, outlives `patience`, or a person asks to stop.
pub fn output_within(command: &mut Command, input: Option<&str>, patience: Duration) -> Result<Said> {
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let line = shown(command);
    let mut child = spawn(command)?;
    if let (Some(text), Some(mut pipe)) = (input, child.stdin.take()) {
        // A program that ends without reading its input says itself what it did not like.
        let _ = pipe.write_all(text.as_bytes());
    }
    let stdout = collect(child.stdout.take());
    let stderr = collect(child.stderr.take());
    let status = wait(&mut child, &line, patience);
    let (stdout, stderr) = (stdout.text(), stderr.text());
    Ok(Said { status: status?, stdout, stderr })
}

/// Runs to the end and hands back what it printed; anything but success is a failure that shows all of it.
pub fn succeed(command: &mut Command) -> Result<String> {
    let line = shown(command);
    let said = output(command)?;
    if said.ok() { Ok(said.stdout) } else { bail!("`{line}` failed: {}", said.everything()) }
}

/// Runs to the end with the person's own terminal.
pub fn interactive(command: &mut Command) -> Result {
    let line = shown(command);
    let status = spawn(command)?.wait();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => {
            interrupt::check()?;
            bail!("`{line}` failed: {status}")
        }
        Err(error) => bail!("`{line}` cannot be waited for: {error}"),
    }
}

pub fn spawn(command: &mut Command) -> Result<Child> {
    let line = shown(command);
    command.spawn().map_err(|error| Failure::said(format!("`{line}` cannot be started: {error}")))
}

/// The command line as a person would type it.
pub fn shown(command: &Command) -> String {
    let mut words = vec![name_of(command.get_program())];
    words.extend(command.get_args().map(|arg| arg.to_string_lossy().into_owned()));
    words.join(" ")
}

fn name_of(program: &OsStr) -> String {
    Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned()
}

fn wait(child: &mut Child, line: &str, patience: Duration) -> Result<ExitStatus> {
    let watch = Stopwatch::start();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(error) => bail!("`{line}` cannot be waited for: {error}"),
        }
        let late = watch.elapsed() > patience;
        if late || interrupt::asked() {
            // Already gone is as good as killed.
            let _ = child.kill();
            let _ = child.wait();
            interrupt::check()?;
            bail!("`{line}` did not end within {} s", patience.as_secs());
        }
        clock::pause();
    }
}

/// A pipe read by a thread of its own. A grandchild may hold the pipe open for ever: whoever asks for the
/// text waits only a little for the end.
struct Collected {
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

fn collect<R: Read + Send + 'static>(pipe: Option<R>) -> Collected {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&bytes);
    let reader = thread::spawn(move || {
        let Some(mut pipe) = pipe else { return };
        let mut block = [0; 4096];
        // What came before a broken pipe is still what the program said.
        while let Ok(n @ 1..) = pipe.read(&mut block) {
            if let Ok(mut sink) = sink.lock() {
                sink.extend_from_slice(&block[..n]);
            }
        }
    });
    Collected { bytes, reader }
}

impl Collected {
    fn text(self) -> String {
        let watch = Stopwatch::start();
        while !self.reader.is_finished() && watch.elapsed() < Duration::from_secs(2) {
            clock::pause();
        }
        self.bytes.lock().map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
    }
}
