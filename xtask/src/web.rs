//! The console's build: the crate for browsers, then the bundle of files that a server hands out. And `cargo xtask
//! web`, for people who work on the console: the demo with a console that is rebuilt and reloaded on each change.

mod bundle;
mod work;

use crate::failure::Result;
pub use bundle::{CRATE, Profile, build_console, clippy, sizes};
use work::Options;

#[derive(clap::Args)]
pub struct Arguments {
    #[command(subcommand)]
    task: Option<Task>,
    #[command(flatten)]
    options: Options,
}

#[derive(clap::Subcommand)]
enum Task {
    /// Make the bundle that ships, and say how large each part of it is.
    Build {
        /// One line of JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
}

pub fn run(arguments: &Arguments) -> Result {
    match arguments.task {
        Some(Task::Build { json }) => bundle::show(json),
        None => work::run(&arguments.options),
    }
}
