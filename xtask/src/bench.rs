//! `cargo xtask bench`: what a command costs beside one raw publish (the measuring is the `nats` crate's example;
//! here it is built optimised and given its server), and with `web` what a browser makes of many live rows.

mod web;

use crate::{exec, failure::Result, setup};

#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

#[derive(clap::Subcommand)]
enum What {
    /// The console in a real Chromium with 20,000 live rows: frames, tasks, the first useful screen.
    Web(web::Options),
}

pub fn run(arguments: &Arguments) -> Result {
    match &arguments.what {
        Some(What::Web(options)) => web::run(options),
        None => commands(arguments.json),
    }
}

fn commands(json: bool) -> Result {
    let mut cargo = exec::cargo();
    cargo.args(["run", "--quiet", "--release", "--locked", "--package", "viworks-nats"]);
    cargo.args(["--features", "testing", "--example", "bench", "--"]).args(json.then_some("--json"));
    exec::interactive(cargo.env("VIWORKS_NATS_SERVER", setup::nats_server::program()?))
}
