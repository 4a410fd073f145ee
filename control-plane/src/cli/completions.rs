use super::{Cli, failure::Failure, shown::Shown};
use clap::CommandFactory as _;

#[derive(clap::Args)]
pub struct Args {
    shell: clap_complete::Shell,
}

pub fn run(args: &Args) -> Result<Shown, Failure> {
    let mut script = vec![];
    clap_complete::generate(args.shell, &mut Cli::command(), "viworks", &mut script);
    Ok(Shown::text(String::from_utf8_lossy(&script)))
}
