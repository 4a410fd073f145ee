//! The command line of `viworks-connect`.

use clap::{CommandFactory, Parser};
use std::path::PathBuf;

/// Sign in, answer with the code on your phone, and stay connected until you press Ctrl-C or your time is up.
#[derive(Parser, Debug)]
#[command(name = "viworks-connect", version, after_help = AFTER)]
pub struct Arguments {
    /// The server, such as https://viworks.example.org:8443.
    #[arg(long, value_name = "URL", env = "VIWORKS_URL")]
    pub url: Option<String>,
    /// The server's CA in PEM, as your administrator gave it to you.
    #[arg(long, value_name = "FILE", env = "VIWORKS_CA")]
    pub ca: Option<PathBuf>,
    /// Your name.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Read the password from the first line of stdin instead of asking for it.
    #[arg(long)]
    pub password_stdin: bool,
    /// Read codes from the following lines of stdin; the same as typing them.
    #[arg(long)]
    pub code_stdin: bool,
    /// Where viworks-tunneld listens.
    #[arg(long, value_name = "PATH", default_value = "/run/viworks/tunnel.sock")]
    pub tunnel_socket: PathBuf,
    /// What your phone calls this desktop; this machine's name if not given.
    #[arg(long, value_name = "NAME")]
    desktop_name: Option<String>,
    /// One JSON object per line instead of sentences.
    #[arg(long)]
    pub json: bool,
    /// Print completions for a shell and end.
    #[arg(long, value_name = "SHELL")]
    pub completions: Option<clap_complete::Shell>,
}

const AFTER: &str = "\
Example:
  viworks-connect --url https://viworks.example.org:8443 --ca ca.pem --user ada

Nothing secret is written: VIWORKS_HOME (or ~/.config/viworks) holds this installation's key only.

Exit codes:
   0  you signed out                      14  the session's time was up
  10  the sign-in was refused             15  the session was ended for another reason
  11  access was denied                   20  the server cannot be reached or is not the right one
  12  no right code in time               21  the gateway cannot be reached
  13  an administrator ended the session  22  the tunnel helper cannot be used
  64  what was given cannot work          70  an answer that this version does not understand";

/// Bytes; the server takes no more: long enough for any name of a machine, short enough for a phone.
const LONGEST_NAME: usize = 64;

impl Arguments {
    /// Where this installation keeps its key.
    pub fn home(&self) -> PathBuf {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        set("VIWORKS_HOME")
            .or_else(|| Some(set("XDG_CONFIG_HOME")?.join("viworks")))
            .or_else(|| Some(set("HOME")?.join(".config/viworks")))
            .unwrap_or_else(|| PathBuf::from(".viworks"))
    }

    pub fn desktop_name(&self) -> String {
        let machine = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        let name = self.desktop_name.clone().unwrap_or_else(machine);
        let mut short = String::new();
        for c in name.chars().filter(|c| !c.is_control()) {
            if short.len() + c.len_utf8() > LONGEST_NAME {
                break;
            }
            short.push(c);
        }
        short
    }
}

#[expect(clippy::print_stdout, reason = "completions are the output")]
pub fn completions(shell: clap_complete::Shell) {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "viworks-connect", &mut out);
    print!("{}", String::from_utf8_lossy(&out));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_desktops_name_is_short_and_printable() {
        let long = "ä\x1b[2J".repeat(40);
        let name = Arguments::parse_from(["viworks-connect", "--desktop-name", &long]).desktop_name();
        assert!((LONGEST_NAME - 1..=LONGEST_NAME).contains(&name.len()) && !name.contains('\x1b'));
    }
}
