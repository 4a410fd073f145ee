//! The privileged helper's entry.

use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;
use viworks_desktop::tunneld::{
    arguments::{Arguments, completions},
    run,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(shell) = arguments.completions {
        completions(shell);
        return ExitCode::SUCCESS;
    }
    let level = EnvFilter::try_from_env("VIWORKS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).init();
    run(arguments).await
}
