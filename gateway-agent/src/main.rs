//! `viworks-agent`: parses, sets up the log, and becomes what it was asked to be.

#![expect(clippy::print_stdout, reason = "this is a command line's face")]

use clap::{Parser, Subcommand};
use std::{error::Error, path::PathBuf, process::ExitCode};
use viworks_agent::{control, doctor, edge, enrol, launch, parent, runner};

/// The agent of a ViWorkS gateway.
#[derive(Parser)]
#[command(name = "viworks-agent", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make this machine a gateway, with a one-use token from `viworks gateway invite`.
    Enrol(enrol::Enrol),
    /// Serve, until told to stop (SIGTERM).
    Run {
        #[arg(long)]
        state: PathBuf,
    },
    /// Say what stands in the way on this machine.
    Doctor {
        #[arg(long)]
        state: PathBuf,
    },
    #[command(hide = true)]
    Edge {
        #[arg(long)]
        state: PathBuf,
    },
    #[command(hide = true)]
    Control {
        #[arg(long)]
        state: PathBuf,
    },
    #[command(hide = true)]
    Runner {
        #[arg(long)]
        state: PathBuf,
    },
    #[command(hide = true)]
    Launch(launch::Launch),
}

/// Bad usage or configuration (sysexits EX_USAGE).
const EXIT_USAGE: u8 = 64;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let usage = error.use_stderr();
            // Nobody to tell, if even this cannot be printed.
            let _ = error.print();
            return ExitCode::from(if usage { EXIT_USAGE } else { 0 });
        }
    };
    log();
    let result: Result<(), Box<dyn Error>> = match cli.command {
        Command::Enrol(enrol) => on_one_thread(enrol::run(&enrol)),
        Command::Run { state } => on_one_thread(parent::run(&state)),
        Command::Doctor { state } => return doctor(&state),
        Command::Edge { .. } => edge::run().map_err(Into::into),
        Command::Control { state } => control::run(&state).map_err(Into::into),
        Command::Runner { state } => runner::run(&state).map_err(Into::into),
        Command::Launch(launch) => Err(launch.exec().into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut chain = vec![];
            let mut source = error.source();
            while let Some(cause) = source {
                chain.push(cause.to_string());
                source = cause.source();
            }
            tracing::error!(because = chain.join(": "), "{error}");
            if is_bad_configuration(error.as_ref()) { ExitCode::from(EXIT_USAGE) } else { ExitCode::FAILURE }
        }
    }
}

/// Found before anything was bound, asked or written.
fn is_bad_configuration(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(parent::ParentError::Config(_)))
        || matches!(error.downcast_ref(), Some(enrol::EnrolError::Config(_) | enrol::EnrolError::NotAToken))
}

fn on_one_thread<E: Error + 'static>(
    future: impl Future<Output = Result<(), E>>,
) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(future).map_err(Into::into)
}

fn log() {
    use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};
    let asked = std::env::var("RUST_LOG").ok().and_then(|text| text.parse::<Targets>().ok());
    let filter = asked.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let lines = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines).with(filter).init();
}

fn doctor(state: &std::path::Path) -> ExitCode {
    let mut sound = true;
    for finding in doctor::look(state) {
        match finding.problem {
            None => println!("ok    {}", finding.what),
            Some(problem) => {
                sound = false;
                println!("MEND  {}: {problem}", finding.what);
            }
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
