use super::{failure::Failure, shown::Shown};
use crate::{config::Config, serve};
use std::{io::IsTerminal as _, path::PathBuf};
use tracing_subscriber::{EnvFilter, fmt};

#[derive(clap::Args)]
pub struct Args {
    /// The state directory that `viworks init` made
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// Logs as JSON, for collectors
    #[arg(long)]
    log_json: bool,
    /// Serve the console from this directory, reading each file anew, instead of the one that is built in
    #[arg(long, value_name = "DIR")]
    console_files: Option<PathBuf>,
}

pub async fn run(args: Args) -> Result<Shown, Failure> {
    let mut config = Config::load(&args.data)?;
    config.console_files = args.console_files;
    // `VIWORKS_LOG=debug` and the like; what each level means: docs/logging.md.
    let filter = EnvFilter::try_from_env("VIWORKS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let logs =
        fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal());
    if args.log_json {
        logs.json().init()
    } else {
        logs.init()
    }
    serve::run(&args.data, config).await.map_err(Failure::Serve)?;
    Ok(Shown::text(""))
}
