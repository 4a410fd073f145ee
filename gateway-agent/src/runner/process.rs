//! A long-running program that outlives its starter: found again by its number and its start time.

use crate::link;
use rustix::{
    event::{PollFd, PollFlags},
    process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, pidfd_open, pidfd_send_signal},
};
use std::{
    fs, io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::process::CommandExt,
    },
    path::Path,
    process::Command,
    time::Duration,
};
use tokio::io::Interest;

/// How long a program may take from SIGTERM to its end.
const GRACE: Duration = Duration::from_secs(2);

/// A running process, by a descriptor that never comes to mean another one.
#[derive(Debug)]
pub(super) struct Process(OwnedFd);

/// The kernel's word for when a process started: with its number, it names the process.
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

impl Process {
    pub fn open(pid: u32) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        pidfd_open(pid, PidfdFlags::NONBLOCK).ok().map(Self)
    }

    /// The one that the file tells of, if it still runs.
    pub fn recorded(file: &Path) -> Option<Self> {
        let text = fs::read_to_string(file).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let pid = pid.parse().ok()?;
        let process = Self::open(pid)?;
        (start_time(pid)? == started.parse::<u64>().ok()? && process.runs()).then_some(process)
    }

    /// Started in a group of its own, and written down.
    pub fn start(command: &mut Command, file: &Path) -> io::Result<Self> {
        let child = command.process_group(0).spawn()?;
        let pid = child.id();
        // Not waited for through `child`: the next runner, who is not its parent, can wait for it as well.
        let process = Self::open(pid).ok_or(io::ErrorKind::NotFound)?;
        let started = start_time(pid).ok_or(io::ErrorKind::NotFound)?;
        if let Err(error) = fs::write(file, format!("{pid} {started}\n")) {
            // One that nobody could find again must not run.
            process.signal(Signal::KILL);
            return Err(error);
        }
        Ok(process)
    }

    pub fn runs(&self) -> bool {
        let mut fds = [PollFd::new(&self.0, PollFlags::IN)];
        let now = rustix::time::Timespec { tv_sec: 0, tv_nsec: 0 };
        rustix::event::poll(&mut fds, Some(&now)).is_ok_and(|ready| ready == 0)
    }

    /// It has ended; nobody has waited for it yet.
    pub async fn ends(&self) {
        let Ok(fd) = self.0.try_clone() else { return };
        let Ok(fd) = link::watched(fd, Interest::READABLE) else { return };
        let _ = fd.readable().await;
    }

    /// It has ended and left nothing behind, if it was ours.
    pub async fn ended(&self) {
        self.ends().await;
        // Ours, or long inherited by somebody else who reaps it.
        let _ = rustix::process::waitid(
            WaitId::PidFd(self.0.as_fd()),
            WaitIdOptions::EXITED | WaitIdOptions::NOHANG,
        );
    }

    pub fn signal(&self, signal: Signal) {
        let _ = pidfd_send_signal(&self.0, signal);
    }
}

/// SIGTERM, then SIGKILL; and the file goes.
pub(super) async fn end(file: &Path) {
    if let Some(process) = Process::recorded(file) {
        process.signal(Signal::TERM);
        if tokio::time::timeout(GRACE, process.ended()).await.is_err() {
            process.signal(Signal::KILL);
            let _ = tokio::time::timeout(GRACE, process.ended()).await;
        }
    }
    let _ = fs::remove_file(file);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_program_is_found_again_by_what_was_written_down_and_by_nothing_less() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("sleep.pid");
        let process = Process::start(Command::new("sleep").arg("60"), &file).unwrap();
        assert!(process.runs());
        assert!(Process::recorded(&file).is_some());
        // The same number, started at another time: another program.
        let text = fs::read_to_string(&file).unwrap();
        let other = dir.path().join("other.pid");
        fs::write(&other, text.trim().to_owned() + "1").unwrap();
        assert!(Process::recorded(&other).is_none());
        end(&other).await;
        assert!(process.runs());
        end(&file).await;
        assert!(!process.runs());
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn nothing_is_found_by_a_file_that_is_damaged_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        for text in ["", "1", "one two", "-1 5", "0 0"] {
            let file = dir.path().join("pid");
            fs::write(&file, text).unwrap();
            assert!(Process::recorded(&file).is_none(), "{text:?}");
        }
        assert!(Process::recorded(&dir.path().join("none")).is_none());
    }
}
