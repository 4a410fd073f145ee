//! The command line, and what the phone says of itself.

use clap::{Args, CommandFactory, Parser, Subcommand};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use viworks_domain::{
    Millis,
    policy::{Country, KeyProtection, PostureValues},
};

/// A phone for ViWorkS on the command line: it answers sign-ins with a code that only it can open.
#[derive(Parser)]
#[command(name = "viworks-authenticator", version, after_help = AFTER)]
pub struct Arguments {
    #[command(subcommand)]
    pub verb: Verb,
    /// Where this phone keeps its keys: a directory that only you may enter.
    #[arg(long, value_name = "DIR", global = true)]
    pub state: Option<PathBuf>,
    /// One JSON object per line instead of sentences.
    #[arg(long, global = true)]
    pub json: bool,
}

const AFTER: &str = "Example:\n  viworks-authenticator enrol --payload vwqr1.... --state ~/.config/viworks/phone\n  \
                     viworks-authenticator wait --state ~/.config/viworks/phone\n\nExit codes: 0 done, 1 it could \
                     not be done (the reason is said), 2 wrong usage, 3 the sign-in was denied or is over.";

#[derive(Subcommand)]
pub enum Verb {
    /// Make this phone's keys and enrol it with what the QR code holds (ten minutes, one use).
    Enrol {
        /// The QR code's text, vwqr1....
        #[arg(long, value_name = "TEXT")]
        payload: String,
    },
    /// Wait for a sign-in, report, and show the code. With --json it ends once a code is shown.
    Wait {
        #[command(flatten)]
        values: Values,
        /// With --json too, stay until the code was typed or the sign-in is over.
        #[arg(long)]
        stay: bool,
    },
    /// Say whose phone this is, and whether somebody signs in.
    Status,
    /// "This is not me": end the sign-in that waits for this phone.
    Deny,
    /// Print completions for a shell.
    Completions { shell: clap_complete::Shell },
}

/// What a terminal cannot find out by itself. Each flag goes before posture.json in the state directory.
#[derive(Args, Clone, Debug, Default)]
pub struct Values {
    /// Country of the network this phone is in, such as AU.
    #[arg(long, value_name = "CC")]
    pub country: Option<Country>,
    /// Country of the SIM, such as AU.
    #[arg(long, value_name = "CC")]
    pub sim_country: Option<Country>,
    /// Operating system; found out if not given.
    #[arg(long, value_name = "NAME")]
    pub os: Option<String>,
    /// Its version; found out if not given.
    #[arg(long, value_name = "VERSION")]
    pub os_version: Option<String>,
    /// Report that the system is rooted.
    #[arg(long)]
    pub rooted: bool,
    /// Report that this is an emulator.
    #[arg(long)]
    pub emulator: bool,
    /// Report that there is no screen lock.
    #[arg(long)]
    pub no_screen_lock: bool,
}

/// `posture.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PostureFile {
    pub country: Option<Country>,
    pub sim_country: Option<Country>,
    pub os: Option<String>,
    pub os_version: Option<String>,
    pub rooted: bool,
    pub emulator: bool,
    pub no_screen_lock: bool,
}

impl Values {
    /// What is reported: flags first, then the file.
    pub fn over(&self, file: PostureFile) -> PostureFile {
        PostureFile {
            country: self.country.or(file.country),
            sim_country: self.sim_country.or(file.sim_country),
            os: self.os.clone().or(file.os),
            os_version: self.os_version.clone().or(file.os_version),
            rooted: self.rooted || file.rooted,
            emulator: self.emulator || file.emulator,
            no_screen_lock: self.no_screen_lock || file.no_screen_lock,
        }
    }
}

impl PostureFile {
    /// The report as of `now`.
    pub fn at(&self, now: Millis) -> PostureValues {
        let system = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
        let said = |name: &str| {
            let line = system.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
            line.map(|value| value.trim_matches('"').to_owned())
        };
        PostureValues {
            reported_at: now,
            os: self.os.clone().or_else(|| said("ID")).unwrap_or_else(|| "linux".to_owned()),
            os_version: self.os_version.clone().or_else(|| said("VERSION_ID")).unwrap_or_default(),
            network_country: self.country,
            sim_country: self.sim_country,
            rooted: self.rooted,
            emulator: self.emulator,
            screen_lock: !self.no_screen_lock,
            key_protection: KeyProtection::File,
        }
    }
}

#[expect(clippy::print_stdout, reason = "completions are this verb's output")]
pub fn completions(shell: clap_complete::Shell) {
    let mut out = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "viworks-authenticator", &mut out);
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
    fn a_flag_goes_before_the_file() {
        let file: PostureFile = serde_json::from_str(r#"{"country":"RU","rooted":true}"#).expect("values");
        let flags = Values { country: "AU".parse().ok(), ..Values::default() };
        let values = flags.over(file).at(Millis(7));
        assert_eq!(values.network_country.map(|c| c.to_string()).as_deref(), Some("AU"));
        assert!(values.rooted && values.screen_lock);
        assert_eq!(values.reported_at, Millis(7));
    }

    #[test]
    fn a_word_that_posture_does_not_know_is_refused() {
        assert!(serde_json::from_str::<PostureFile>(r#"{"contry":"AU"}"#).is_err());
        assert!(serde_json::from_str::<PostureFile>(r#"{"country":"au"}"#).is_err());
    }
}
