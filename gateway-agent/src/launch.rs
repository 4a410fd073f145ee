//! `viworks-agent launch`: the last step before another program, in a process of its own: its user, its
//! capabilities, its place in a dying family; then it is that program.

use crate::privileges::{self, CannotDrop};
use caps::Capability;
use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, Stdio},
};

#[derive(Clone, Debug, clap::Args)]
pub struct Launch {
    /// Absent: with the starter's own powers.
    #[arg(long, requires = "group")]
    user: Option<u32>,
    #[arg(long, requires = "user")]
    group: Option<u32>,
    /// `net_admin` or `net_bind_service`.
    #[arg(long)]
    capability: Vec<String>,
    /// Die when the runner does.
    #[arg(long)]
    tied: bool,
    #[arg(last = true, required = true)]
    argv: Vec<OsString>,
}

#[derive(Debug, thiserror::Error)]
pub enum CannotLaunch {
    #[error("no such capability: {0}")]
    NoSuchCapability(String),
    #[error(transparent)]
    Powers(#[from] CannotDrop),
    #[error("the program did not start")]
    Exec(#[source] io::Error),
}

/// For the runner: a command that becomes `program` with these powers and nothing of our environment.
pub fn command(user: u32, group: u32, capabilities: &[&str], tied: bool, program: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.env_clear().stdin(Stdio::null()).current_dir("/");
    command.args(["launch", "--user", &user.to_string(), "--group", &group.to_string()]);
    for capability in capabilities {
        command.args(["--capability", capability]);
    }
    if tied {
        command.arg("--tied");
    }
    command.arg("--").arg(program);
    command
}

/// For the runner: a command with the runner's own powers, that dies when the runner does.
pub fn tied(program: &Path) -> Command {
    let mut command = bare();
    command.args(["--tied", "--"]).arg(program);
    command
}

fn bare() -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::null()).current_dir("/");
    command.arg("launch");
    command
}

impl Launch {
    /// Returns only when it failed.
    pub fn exec(&self) -> CannotLaunch {
        let mut keep = vec![];
        for name in &self.capability {
            match name.as_str() {
                "net_admin" => keep.push(Capability::CAP_NET_ADMIN),
                "net_bind_service" => keep.push(Capability::CAP_NET_BIND_SERVICE),
                other => return CannotLaunch::NoSuchCapability(other.to_owned()),
            }
        }
        if let (Some(user), Some(group)) = (self.user, self.group)
            && let Err(error) = privileges::become_user(user, group, &keep, true)
        {
            return error.into();
        }
        if self.tied
            && let Err(error) = privileges::die_with_parent()
        {
            return error.into();
        }
        let [program, args @ ..] = self.argv.as_slice() else {
            return CannotLaunch::Exec(io::ErrorKind::NotFound.into());
        };
        CannotLaunch::Exec(Command::new(program).args(args).exec())
    }
}
