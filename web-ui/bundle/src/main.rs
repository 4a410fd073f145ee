//! Makes the console's bundle: what cargo linked for wasm32, and `assets/` and `style/`, become one directory of
//! files that a server hands out as they are, each beside its compressed forms.
//!
//! It fetches nothing, starts no other program, and puts no script and no style into a page: the console's content
//! policy allows neither. Two runs over the same input write the same bytes.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to a person")]

mod bindgen;
mod compress;
mod failure;
mod publish;
mod site;
mod sizes;
mod sources;

use clap::Parser;
use failure::Result;
use std::{path::PathBuf, process::ExitCode};

/// Makes the console's bundle.
#[derive(Parser)]
#[command(name = "viworks-web-bundle")]
struct Cli {
    /// What cargo linked for wasm32-unknown-unknown.
    #[arg(long, value_name = "FILE")]
    wasm: PathBuf,
    /// index.html, boot.js and whatever they name.
    #[arg(long, value_name = "DIR")]
    assets: PathBuf,
    /// Style sheets; they become one, in the order of their names.
    #[arg(long, value_name = "DIR")]
    style: PathBuf,
    /// Where the bundle goes. The directory is replaced as a whole, and left alone when nothing changed.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// For work on the console: the page reloads itself when the bundle changes, names are kept for the browser's
    /// tools, and compression is quick rather than good.
    #[arg(long)]
    watch: bool,
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result {
    let mut sources = sources::read(&cli.assets, &cli.style)?;
    if cli.watch {
        sources.reload_on_change()?;
    }
    let linked = bindgen::link(&cli.wasm, bindgen::Names::kept_if(cli.watch))?;
    let files = site::lay_out(sources, linked)?;
    let effort = if cli.watch { compress::Effort::Quick } else { compress::Effort::Highest };
    let bundle = compress::all(files, effort)?;
    let outcome = publish::replace(&cli.out, &bundle)?;
    if cli.json {
        println!("{}", sizes::json(&bundle, outcome));
    } else {
        print!("{}", sizes::table(&bundle));
    }
    Ok(())
}
