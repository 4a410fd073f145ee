//! Debian's packages, as root or through sudo, without starting the services that they bring.

use crate::{
    exec,
    failure::{Result, bail},
    workspace,
};
use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Debian's packages, with the list of them as new as it is; services that they bring stay as they are for as long
/// as this lives.
pub struct Apt {
    _quiet: QuietServices,
}

impl Apt {
    /// # Errors
    /// There is no apt-get, nobody may use it, or the lists cannot be read.
    pub fn ready(packages: &[String]) -> Result<Self> {
        if workspace::find_program("apt-get").is_none() {
            bail!(
                "this machine has no apt-get; install what the packages {} bring by your system's own means, \
                 then run this again",
                packages.join(", ")
            );
        }
        // First of all: from here on sudo knows the person.
        exec::interactive(as_root(&["apt-get", "update", "--quiet"])?.stdin(Stdio::null()))?;
        Ok(Self { _quiet: QuietServices::begin()? })
    }

    /// All of them or none.
    pub fn install(&self, packages: &[String]) -> Result {
        let mut words = vec!["apt-get", "install", "--yes", "--quiet", "--no-install-recommends"];
        words.extend(["-o", "Dpkg::Use-Pty=0"]);
        words.extend(packages.iter().map(String::as_str));
        exec::interactive(as_root(&words)?.stdin(Stdio::null()))
    }
}

fn as_root(words: &[&str]) -> Result<Command> {
    let mut all = Vec::new();
    if !workspace::is_root() {
        if workspace::find_program("sudo").is_none() {
            bail!("installing needs root, and there is no sudo here; run `{}` as root", words.join(" "));
        }
        all.extend(["sudo", "DEBIAN_FRONTEND=noninteractive"]);
    }
    all.extend(words);
    let mut command = exec::command(all[0]);
    command.args(&all[1..]).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

/// Debian's own way to say that what it installs is not to be started.
const POLICY: &str = "/usr/sbin/policy-rc.d";

/// Whether services that packages bring are kept from starting by us: a machine with a policy of its own knows best.
pub fn keeps_services_quiet() -> bool {
    !Path::new(POLICY).exists()
}

/// Debian starts what it installs; a web server and a database that nobody asked for are not for us to start.
struct QuietServices {
    is_ours: bool,
}

impl QuietServices {
    fn begin() -> Result<Self> {
        if !keeps_services_quiet() {
            return Ok(Self { is_ours: false });
        }
        let ours = Self { is_ours: true };
        let written = exec::output_with_input(&mut as_root(&["tee", POLICY])?, "#!/bin/sh\nexit 101\n")?;
        if !written.ok() {
            bail!("{POLICY} cannot be written: {}", written.everything());
        }
        exec::succeed(&mut as_root(&["chmod", "0755", POLICY])?)?;
        Ok(ours)
    }
}

impl Drop for QuietServices {
    fn drop(&mut self) {
        if self.is_ours
            && let Ok(mut remove) = as_root(&["rm", "-f", POLICY])
        {
            // Nothing better can be done than to leave it for the person to see.
            let _ = remove.status();
        }
    }
}
