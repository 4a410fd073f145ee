//! The command line, as people and completions see it.

use crate::moment::Until;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use viworks_domain::{Millis, ids::SessionId};

/// The auditor's tool: tells what happened from the log itself. It reads the bus and never writes to it.
#[derive(Debug, Parser)]
#[command(name = "viworks-replay", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Cli {
    /// Answer in JSON.
    #[arg(long, global = true)]
    pub json: bool,

    #[command(flatten)]
    pub source: Source,

    #[command(subcommand)]
    pub verb: Verb,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 differences were found; 64 wrong usage; 65 the log holds what \
this build cannot read (it says where, and stops); 66 nothing is known under that id; 69 the bus or the \
database cannot be reached.";

/// Where the log is. Either a state directory, or the bus with what an auditor was given for it.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Where the log is")]
pub struct Source {
    /// State directory of a control plane, as `viworks init` makes it: names the bus, and holds what its
    /// auditors are given below `audit/`.
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<PathBuf>,

    /// The bus: tls://host:port. Several may be given.
    #[arg(long, global = true, value_name = "URL", visible_alias = "nats")]
    pub bus: Vec<String>,

    /// Certificate of the CA that signed the bus's certificate.
    #[arg(long, global = true, value_name = "FILE")]
    pub ca: Option<PathBuf>,

    /// Client certificate for the bus.
    #[arg(long, global = true, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Its key; open to its owner alone.
    #[arg(long, global = true, value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// Credentials of the bus's role `reader`; open to their owner alone.
    #[arg(long, global = true, value_name = "FILE")]
    pub creds: Option<PathBuf>,

    /// Data keys of users, a line each: the user's id and 64 hexadecimal digits; open to its owner alone. With
    /// them, personal data is shown; without, ids.
    #[arg(long, global = true, value_name = "FILE")]
    pub personal_keys: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub enum Verb {
    /// The whole story: every decision, refusals too, who caused it, when, and what followed.
    Timeline {
        /// A session, a user, a correlation; or a device, gateway, policy or operator.
        #[arg(value_parser = id)]
        id: [u8; 16],
    },
    /// What was true at a moment of the past.
    At {
        /// A time such as 2026-03-01T12:00:00Z, or a sequence of the log.
        #[arg(value_name = "TIME|SEQUENCE", value_parser = until)]
        until: Until,
        /// This session only, over or not.
        #[arg(long)]
        session: Option<SessionId>,
    },
    /// Folds the projections anew, from the log alone.
    Rebuild {
        /// Compare the live database with a fresh fold of the log up to the same sequence; every difference is
        /// printed. Names of users are compared for those whose data key is given.
        #[arg(long, required = true)]
        check: bool,
        /// The live database; default: the one that the state directory's configuration names.
        #[arg(long, value_name = "URL")]
        database: Option<String>,
    },
    /// Completions for a shell, on standard output.
    Completions { shell: clap_complete::Shell },
}

fn id(text: &str) -> Result<[u8; 16], String> {
    let id: Result<SessionId, _> = text.parse();
    id.map(|id| id.0).map_err(|_| "give an id as ViWorkS prints it: 26 lower-case letters and digits".into())
}

fn until(text: &str) -> Result<Until, String> {
    if let Ok(seq) = text.parse() {
        return Ok(Until::Sequence(seq));
    }
    let time: Result<jiff::Timestamp, _> = text.parse();
    time.ok()
        .and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .map(|at| Until::Time(Millis(at)))
        .ok_or_else(|| "give a time with its zone, such as 2026-03-01T12:00:00Z, or a sequence".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_moment_is_a_time_with_a_zone_or_a_sequence() {
        assert_eq!(until("17"), Ok(Until::Sequence(17)));
        assert_eq!(until("1970-01-01T00:00:01.5Z"), Ok(Until::Time(Millis(1500))));
        assert_eq!(until("1970-01-01T10:00:01+10:00"), Ok(Until::Time(Millis(1000))));
        for wrong in ["yesterday", "1970-01-01T00:00:01", "1960-01-01T00:00:00Z", "-3"] {
            assert!(until(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_may_stand_on_either_side_of_the_verb() {
        let id = SessionId([7; 16]).to_string();
        let words = ["viworks-replay", "--data", "/d", "timeline", id.as_str(), "--json"];
        let cli = Cli::try_parse_from(words).expect("parsed");
        assert!(cli.json && cli.source.data.is_some());
    }

    #[test]
    fn a_rebuild_is_only_ever_a_check() {
        assert!(Cli::try_parse_from(["viworks-replay", "rebuild"]).is_err());
        assert!(Cli::try_parse_from(["viworks-replay", "rebuild", "--check"]).is_ok());
    }
}
