//! The helper's command line.

use super::Fault;
use clap::{CommandFactory, Parser};
use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// Runs OpenVPN for viworks-connect, which needs no rights of its own. Start it as root, in the network
/// namespace that the tunnel is for.
#[derive(Parser, Debug)]
#[command(name = "viworks-tunneld", version)]
pub struct Arguments {
    /// Where clients connect; only root and --group may.
    #[arg(long, value_name = "PATH", default_value = "/run/viworks/tunnel.sock")]
    pub socket: PathBuf,
    /// The group whose members may have a tunnel.
    #[arg(long, value_name = "NAME")]
    pub group: Option<String>,
    /// OpenVPN 2.6 or newer: an absolute path to a file that only root can change.
    #[arg(long, value_name = "PATH", default_value = "/usr/sbin/openvpn")]
    openvpn: PathBuf,
    /// Print completions for a shell and end.
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<clap_complete::Shell>,
}

impl Arguments {
    /// Whoever can change the program or a directory on its way could run anything as root.
    pub(super) fn openvpn(&self) -> Result<PathBuf, Fault> {
        let wrong = || Fault::NotOpenVpn { path: self.openvpn.clone() };
        if !self.openvpn.is_absolute() {
            return Err(wrong());
        }
        let real = self.openvpn.canonicalize().map_err(|_| wrong())?;
        if real.is_file() && real.ancestors().all(only_root_changes) { Ok(real) } else { Err(wrong()) }
    }
}

fn only_root_changes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|meta| meta.uid() == 0 && meta.mode() & 0o022 == 0)
}

#[expect(clippy::print_stdout, reason = "completions are the output")]
pub fn completions(shell: clap_complete::Shell) {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "viworks-tunneld", &mut out);
    print!("{}", String::from_utf8_lossy(&out));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(openvpn: &str) -> Arguments {
        Arguments::parse_from(["viworks-tunneld", "--openvpn", openvpn])
    }

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_program_that_others_could_change_is_not_run() {
        let dir = tempfile::tempdir().expect("a directory");
        let own = dir.path().join("openvpn");
        std::fs::write(&own, b"#!/bin/sh\n").expect("written");
        for wrong in [own.to_str().expect("a path"), "openvpn", "/nonexistent", "/usr/sbin"] {
            assert!(with(wrong).openvpn().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_program_of_the_system_is_run() {
        assert!(with("/bin/sh").openvpn().is_ok());
    }
}
