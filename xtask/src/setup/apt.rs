//! Debian's packages, as root or through sudo, without starting the services that they bring.

use crate::{
    exec,
    failure::{Failure, Result, bail},
    workspace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub fn install(packages: &[String]) -> Result {
    if workspace::find_program("apt-get").is_none() {
        bail!(
            "this machine has no apt-get; install what the packages {} bring by your system's own means, \
             then run this again",
            packages.join(", ")
        );
    }
    let _quiet = QuietServices::begin()?;
    exec::interactive(as_root(&["apt-get", "update", "--quiet"])?.stdin(Stdio::null()))?;
    let mut words =
        vec!["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", "-o", "Dpkg::Use-Pty=0"];
    words.extend(packages.iter().map(String::as_str));
    exec::interactive(as_root(&words)?.stdin(Stdio::null()))
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

/// Debian starts what it installs; a web server and a database that nobody asked for are not for us to start.
/// `policy-rc.d` is Debian's own way to say so. One that is already there is left alone.
struct QuietServices(Option<PathBuf>);

impl QuietServices {
    fn begin() -> Result<Self> {
        let policy = Path::new("/usr/sbin/policy-rc.d");
        if policy.exists() || !workspace::is_root() {
            return Ok(Self(None));
        }
        fs::write(policy, "#!/bin/sh\nexit 101\n").map_err(|error| Failure::file("write", policy, &error))?;
        let ours = Self(Some(policy.to_path_buf()));
        exec::succeed(exec::command("chmod").arg("0755").arg(policy))?;
        Ok(ours)
    }
}

impl Drop for QuietServices {
    fn drop(&mut self) {
        if let Some(policy) = &self.0 {
            // Nothing better can be done than to leave it for the person to see.
            let _ = fs::remove_file(policy);
        }
    }
}
