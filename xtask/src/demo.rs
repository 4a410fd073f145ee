//! `cargo xtask demo`: the whole product on one machine, every layer real. With `--check` it walks a user's way
//! and says what it saw; without, it stays up for a person.

// The ground.
pub mod able;
mod containers;
mod house;
mod netns;
mod place;
pub mod probe;
mod supervisor;

// What runs on it, and who uses it.
mod conversation;
mod json;
mod person;
mod product;
mod walk;

use crate::{
    exec,
    failure::{Failure, Result},
    interrupt,
    report::{self, Stopwatch},
    setup, workspace,
};
use house::House;
use product::Product;
use std::path::PathBuf;

#[derive(clap::Args)]
pub struct Options {
    /// Walk a user's whole way, check every step, then end.
    #[arg(long)]
    check: bool,
    /// Install what is missing without asking.
    #[arg(long)]
    yes: bool,
    /// Keep the data in this directory; a later start continues from it.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// The programs are built already (set when starting itself again as root).
    #[arg(long, hide = true)]
    built: bool,
}

pub fn run(options: &Options) -> Result {
    interrupt::listen()?;
    if !options.built {
        setup::run(setup::Scope::Demo, setup::consent(options.yes))?;
        build()?;
    }
    if !workspace::is_root() {
        return again_as_root(options);
    }
    if let Some(obstacle) = able::obstacle() {
        return Err(Failure::Said(format!("the demo cannot run on this machine: {obstacle}")));
    }
    report::headline("putting everything up");
    let product = Product { house: House::raise(options.keep.as_deref())? };
    if !options.check {
        return person::stay(product);
    }
    let whole = Stopwatch::start();
    walk::all(product)?;
    report::headline("everything was seen, and nothing is left behind");
    nothing_left()?;
    report::tick("the whole walk", whole.elapsed());
    Ok(())
}

/// What the demo put up has gone with it.
fn nothing_left() -> Result {
    let left = netns::leftovers();
    if left.is_empty() { Ok(()) } else { Err(Failure::Said(format!("left behind: {}", left.join(", ")))) }
}

/// The same build as `cargo xtask test` makes, so that neither builds twice.
fn build() -> Result {
    report::headline("building");
    let watch = Stopwatch::start();
    for words in [&["build", "--workspace", "--locked", "--quiet"][..], &containers::PAGE_BUILD] {
        exec::interactive(exec::cargo().args(words))?;
    }
    report::tick("built", watch.elapsed());
    Ok(())
}

/// Namespaces, interfaces and rules are root's business; building is not.
fn again_as_root(options: &Options) -> Result {
    if workspace::find_program("sudo").is_none() {
        return Err(Failure::said("the demo makes network namespaces, which needs root; run it as root"));
    }
    report::note(
        "the rest needs root (network namespaces, firewall rules, containers): starting it with sudo",
    );
    let mut sudo = exec::command("sudo");
    sudo.arg("--preserve-env=CARGO,CARGO_HOME,RUSTUP_HOME,CARGO_TARGET_DIR,CI,NO_COLOR,VIWORKS_NATS_SERVER");
    sudo.arg("--").arg(workspace::built().join("xtask")).args(["demo", "--built", "--yes"]);
    if options.check {
        sudo.arg("--check");
    }
    if let Some(dir) = &options.keep {
        sudo.arg("--keep").arg(dir);
    }
    exec::interactive(&mut sudo)
}
