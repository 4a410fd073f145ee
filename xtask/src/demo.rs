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

// The console, walked by a browser.
pub mod stage;

use crate::{
    exec,
    failure::{Failure, Result},
    interrupt,
    report::{self, Stopwatch},
    setup, web, workspace,
};
use house::House;
use product::Product;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

#[derive(clap::Args)]
pub struct Options {
    /// Walk a user's whole way, check every step, then end.
    #[arg(long)]
    check: bool,
    /// Walk the console in a real browser instead: all its tests, or those whose names contain one of the words.
    #[arg(long, value_name = "WORD", num_args = 0.., conflicts_with = "check")]
    console_check: Option<Vec<String>>,
    /// Take the pictures of the console's views for `docs/images/`.
    #[arg(long, conflicts_with_all = ["check", "console_check"])]
    pictures: bool,
    /// Measure in a browser how long it takes from a decided event to the row that shows it.
    #[arg(long, conflicts_with_all = ["check", "console_check", "pictures"])]
    latency: bool,
    /// Install what is missing without asking.
    #[arg(long)]
    yes: bool,
    /// Keep the data in this directory; a later start continues from it.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Serve the console from the files in this directory instead of those built into the program.
    #[arg(long, value_name = "DIR", conflicts_with = "check")]
    console_files: Option<PathBuf>,
    /// The programs are built already (set when starting itself again as root).
    #[arg(long, hide = true)]
    built: bool,
    /// Where the built tests of the console are (set when starting itself again as root).
    #[arg(long, hide = true)]
    console_tests: Option<PathBuf>,
}

impl Options {
    /// What the console's tests are started with, if they are wanted.
    fn console(&self) -> Option<Vec<String>> {
        let pictures =
            || vec!["--pictures".to_owned(), workspace::root().join("docs/images").display().to_string()];
        let latency = || vec!["--latency".to_owned()];
        self.console_check
            .clone()
            .or_else(|| self.pictures.then(pictures))
            .or_else(|| self.latency.then(latency))
    }

    /// The same, as words for a process that is given them.
    fn words(&self, tests: Option<&Path>) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        words.extend(self.check.then(|| "--check".into()));
        words.extend(self.pictures.then(|| "--pictures".into()));
        words.extend(self.latency.then(|| "--latency".into()));
        let dirs = [
            ("--keep", self.keep.as_deref()),
            ("--console-files", self.console_files.as_deref()),
            ("--console-tests", tests),
        ];
        for (option, dir) in dirs {
            if let Some(dir) = dir {
                words.extend([option.into(), dir.into()]);
            }
        }
        // Last: it takes every word that follows.
        if let Some(names) = &self.console_check {
            words.push("--console-check".into());
            words.extend(names.iter().map(Into::into));
        }
        words
    }
}

pub fn run(options: &Options) -> Result {
    interrupt::listen()?;
    let console = options.console();
    if !options.built {
        // A browser is for tests alone.
        let scope = if console.is_some() { setup::Scope::Tests } else { setup::Scope::Demo };
        setup::run(scope, setup::consent(options.yes))?;
        build()?;
    }
    if let Some(obstacle) = console.as_ref().and_then(|_| stage::obstacle()) {
        return Err(Failure::Said(format!("the console cannot be walked on this machine: {obstacle}")));
    }
    let tests = match (&options.console_tests, &console) {
        (Some(built), _) => Some(built.clone()),
        (None, Some(_)) => Some(stage::build()?),
        (None, None) => None,
    };
    if !workspace::is_root() {
        return exec::interactive(&mut command(&options.words(tests.as_deref()))?);
    }
    if let Some(obstacle) = able::obstacle() {
        return Err(Failure::Said(format!("the demo cannot run on this machine: {obstacle}")));
    }
    report::headline("putting everything up");
    let house = House::raise(options.keep.as_deref())?;
    let product = Product { house, console_files: options.console_files.clone() };
    if let (Some(words), Some(tests)) = (console, tests) {
        stage::run(product, &tests, &words)?;
        return nothing_left();
    }
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

/// The console first: `viworks` takes it in.
fn build() -> Result {
    report::headline("building the console");
    web::build_console(web::Profile::Shipped)?;
    build_programs()
}

/// The same build as `cargo xtask test` makes, so that neither builds twice.
pub fn build_programs() -> Result {
    report::headline("building");
    let watch = Stopwatch::start();
    let programs = ["build", "--workspace", "--exclude", web::CRATE, "--locked", "--quiet"];
    for words in [&programs[..], &containers::PAGE_BUILD] {
        exec::interactive(exec::cargo().args(words))?;
    }
    report::tick("built", watch.elapsed());
    Ok(())
}

/// A demo with its programs built, as a process of its own. Namespaces, interfaces and rules are root's business;
/// building is not.
pub fn command(words: &[OsString]) -> Result<Command> {
    let program = workspace::built().join("xtask");
    let mut command = if workspace::is_root() {
        exec::command(program)
    } else {
        if workspace::find_program("sudo").is_none() {
            return Err(Failure::said("the demo makes network namespaces, which needs root; run it as root"));
        }
        report::note(
            "the rest needs root (network namespaces, firewall rules, containers): starting it with sudo",
        );
        let mut sudo = exec::command("sudo");
        sudo.arg(
            "--preserve-env=CARGO,CARGO_HOME,RUSTUP_HOME,CARGO_TARGET_DIR,CI,NO_COLOR,VIWORKS_NATS_SERVER",
        );
        sudo.arg("--").arg(program);
        sudo
    };
    command.args(["demo", "--built", "--yes"]).args(words);
    Ok(command)
}

/// Asks a demo that [`command`] started to take down what it put up. With sudo it is root's, and only root may.
pub fn ask_to_end(process: u32) {
    if workspace::is_root() {
        supervisor::signal(process, "TERM");
        return;
    }
    let mut kill = exec::command("sudo");
    kill.arg("-n").arg(netns::kill_program()).args(netns::kill_words("TERM")).arg(process.to_string());
    // Whoever waits for its end says when it does not come.
    let _ = kill.output();
}
