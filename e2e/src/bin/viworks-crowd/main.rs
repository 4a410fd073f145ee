//! `viworks-crowd`: serves the built console and a live feed of many sessions that never rest, so that
//! `cargo xtask bench web` can measure what a browser makes of it.
//!
//! It speaks the real feed's frames over TLS, with rows from memory: no bus, no database, no sign-in. What the
//! server costs is measured elsewhere; here it must be too fast to matter. It never ships.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to its caller")]

mod clock;
mod crowd;
mod feed;
mod serve;

use clap::Parser;
use std::{path::PathBuf, process::ExitCode};

#[derive(Clone, Debug, Parser)]
pub struct Arguments {
    /// The built console: `index.html` and `assets/`.
    #[arg(long)]
    console: PathBuf,
    /// Sessions in the list.
    #[arg(long, default_value_t = 20_000)]
    rows: usize,
    /// Rows that change in place every second; one of eighty also comes and one goes.
    #[arg(long, default_value_t = 2_000)]
    changes: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("error: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve::run(arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
