//! `cargo xtask`: sets up what the workspace needs, tests it, checks its promises and shows it running.
//!
//! It drives the product only through its binaries' command lines, as a person would; it links none of the
//! product's crates and never ships.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to a person")]

mod bench;
mod clock;
mod demo;
mod exec;
mod failure;
mod figures;
mod golden;
mod interrupt;
mod report;
mod setup;
mod test;
mod tidy;
mod web;
mod workspace;

use clap::{Parser, Subcommand};
use failure::Failure;
use std::process::ExitCode;

/// Sets up, tests and shows ViWorkS.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Install what building, testing and the demo need; says what and from where, and asks first.
    Setup {
        /// Install without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Say what this machine has and lacks; changes nothing.
    Doctor,
    /// Everything a submission must pass: format, clippy, tidy, build, every test, the demo's walk through every
    /// layer, and the console's tests in a real browser.
    Test {
        /// Leave out what needs the product put up: the demo's walk and the console's tests.
        #[arg(long)]
        no_demo: bool,
        /// Install what is missing without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Check the absences that ARCHITECTURE.md promises.
    Tidy,
    /// Write the golden bytes of what is stored and sent (`domain/golden/`) anew, and say which changed.
    ///
    /// For a version that is new. Bytes that anybody may have stored are never right to change: a new version,
    /// and an upcaster from the old one, is.
    Golden,
    /// Measure what a command costs beside one raw JetStream publish of the same run.
    ///
    /// Builds optimised, starts a nats-server of its own as configured for production (fsync before every
    /// acknowledgement), and prints p50, p99 and their ratios. It passes no judgement: no thresholds.
    Bench(bench::Arguments),
    /// Lines per crate, the longest file, sizes of what is built.
    Figures,
    /// The whole product on this machine: for a person, or with `--check` as a walk through every layer.
    Demo(demo::Options),
    /// Work on the console: the demo, its console rebuilt and reloaded on each change. `web build` makes the bundle.
    Web(web::Arguments),
    /// What an address looks like from where this is started.
    #[command(subcommand, hide = true)]
    Probe(demo::probe::Probe),
}

fn main() -> ExitCode {
    let task = Cli::parse().task;
    let outcome = match task {
        Task::Setup { yes } => setup::run(setup::Scope::Tests, setup::consent(yes)),
        Task::Doctor => setup::doctor(),
        Task::Test { no_demo, yes } => test::run(&test::Options { demo: !no_demo, yes }),
        Task::Tidy => tidy::run(),
        Task::Golden => golden::run(),
        Task::Bench(arguments) => bench::run(&arguments),
        Task::Figures => figures::run(),
        Task::Demo(options) => demo::run(&options),
        Task::Web(arguments) => web::run(&arguments),
        Task::Probe(probe) => demo::probe::run(&probe),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => {
            eprintln!("interrupted");
            ExitCode::from(130)
        }
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}
