//! `cargo xtask test`: what a submission must pass, step by step, each with its time.

use crate::{
    clock,
    demo::{self, stage},
    exec,
    failure::{Failure, Result, bail},
    report::{self, Line, Outcome, Stopwatch},
    setup, tidy, web, workspace,
};
use std::{
    fs,
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Command, Stdio},
};

pub struct Options {
    pub demo: bool,
    pub yes: bool,
}

/// Tests append `name: reason` here when they cannot run on this machine; cargo hides what they print.
const SKIPS: &str = "VIWORKS_SKIPS";

/// All but what is built for browsers, and the tests that drive one: those bring features of crates that the
/// product is built without.
const HOST: &[&str] = &["--workspace", "--exclude", web::CRATE, "--exclude", stage::CRATE];

pub fn run(options: &Options) -> Result {
    let mut run = Run { lines: Vec::new(), counts: Counts::default() };
    let whole = Stopwatch::start();
    let outcome = run.all(options);
    println!("\n{}", report::bold("== summary"));
    for line in &run.lines {
        println!("{line}");
    }
    let Counts { passed, failed, ignored, skips } = &run.counts;
    for skip in skips {
        println!("  skipped {skip}");
    }
    println!("in all {:.1} s", whole.elapsed().as_secs_f64());
    println!("{passed} passed, {failed} failed, {} skipped", *ignored + skips.len());
    outcome
}

#[derive(Default)]
struct Counts {
    passed: usize,
    failed: usize,
    ignored: usize,
    skips: Vec<String>,
}

struct Run {
    lines: Vec<Line>,
    counts: Counts,
}

impl Run {
    fn all(&mut self, options: &Options) -> Result {
        self.step("setup", || setup::run(setup::Scope::Tests, setup::consent(options.yes)))?;
        self.step("format (cargo fmt --check)", || cargo(&["fmt", "--all", "--check"]))?;
        // On a fresh machine that takes as long as it takes; what comes after it has bounds.
        self.step("crates (cargo fetch)", tidy::fetch)?;
        self.step("tidy", tidy::run)?;
        self.step("clippy, console (wasm32)", web::clippy)?;
        // Before whatever compiles `viworks`, which takes it in.
        self.step("console", || web::build_console(web::Profile::Shipped))?;
        self.step("clippy, warnings denied", || {
            let denied = ["--all-targets", "--locked", "--", "-D", "warnings"];
            cargo(&[&["clippy"], HOST, &denied].concat())?;
            cargo(&[&["clippy", "--package", stage::CRATE], &denied[..]].concat())
        })?;
        self.step("build", || cargo(&[&["build", "--locked"], HOST].concat()))?;
        let mut counts = std::mem::take(&mut self.counts);
        let tests = self.step("tests", || tests(&mut counts));
        self.counts = counts;
        tests?;
        let obstacle =
            if options.demo { demo::able::obstacle() } else { Some("left out by --no-demo".to_owned()) };
        self.demo("demo --check", obstacle.clone(), |_| {
            exec::interactive(demo(&["--check"]).stdin(Stdio::null()))
        })?;
        self.demo("console, in a browser", obstacle.or_else(stage::obstacle), |counts| {
            counted(demo(&["--console-check"]).stdin(Stdio::null()), counts)
        })
    }

    fn step(&mut self, name: &str, body: impl FnOnce() -> Result) -> Result {
        report::headline(name);
        let watch = Stopwatch::start();
        let result = body();
        let outcome = if result.is_ok() { Outcome::Passed } else { Outcome::Failed };
        let line = Line { name: name.to_owned(), outcome, took: watch.elapsed() };
        println!("{line}");
        self.lines.push(line);
        result
    }

    /// What needs the product put up; skipped, with the reason, where that cannot be.
    fn demo(
        &mut self,
        name: &str,
        obstacle: Option<String>,
        body: impl FnOnce(&mut Counts) -> Result,
    ) -> Result {
        if let Some(why) = obstacle {
            let outcome = Outcome::Skipped(why.clone());
            let line = Line { name: name.to_owned(), outcome, took: Stopwatch::start().elapsed() };
            println!("\n{line}");
            self.lines.push(line);
            self.counts.skips.push(format!("{name}: {why}"));
            return Ok(());
        }
        let mut counts = std::mem::take(&mut self.counts);
        let outcome = self.step(name, || body(&mut counts));
        self.counts = counts;
        outcome
    }
}

/// The build step may have replaced the file that this process was started from.
fn demo(words: &[&str]) -> Command {
    let mut demo = exec::command(workspace::built().join("xtask"));
    demo.arg("demo").args(words).arg("--yes");
    demo
}

fn cargo(words: &[&str]) -> Result {
    exec::interactive(exec::cargo().args(words))
}

fn tests(counts: &mut Counts) -> Result {
    let skips = skips_file()?;
    let mut command = exec::cargo();
    command.args(["test", "--locked", "--no-fail-fast"]).args(HOST);
    command.env("VIWORKS_NATS_SERVER", setup::nats_server::program()?).env(SKIPS, &skips);
    if let Some(dir) = setup::postgresql_programs() {
        command.env("VIWORKS_PG_BIN", dir);
    }
    let outcome = counted(&mut command, counts);
    let said = fs::read_to_string(&skips).unwrap_or_default();
    counts.skips.extend(said.lines().map(str::to_owned));
    // Read; nobody needs it any more.
    let _ = fs::remove_file(&skips);
    outcome
}

/// Runs to the end with what it prints shown, and its tests counted.
fn counted(command: &mut Command, counts: &mut Counts) -> Result {
    let line = exec::shown(command);
    let mut child = exec::spawn(command.stdout(Stdio::piped()))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
            println!("{line}");
            counts.add(&line);
        }
    }
    let status = child.wait().map_err(|error| Failure::said(format!("`{line}`: {error}")))?;
    if status.success() { Ok(()) } else { bail!("`{line}`: {status}") }
}

fn skips_file() -> Result<PathBuf> {
    let dir = workspace::root().join(".viworks");
    fs::create_dir_all(&dir).map_err(|error| Failure::file("make", &dir, &error))?;
    let path = dir.join(format!("skips-{}-{}", std::process::id(), clock::unix().as_nanos()));
    fs::write(&path, "").map_err(|error| Failure::file("write", &path, &error))?;
    Ok(path)
}

impl Counts {
    /// `test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s`
    fn add(&mut self, line: &str) {
        let Some(rest) = line.trim_start().strip_prefix("test result:") else { return };
        let number = |what: &str| -> usize {
            rest.split([';', '.'])
                .filter_map(|part| part.trim().strip_suffix(what))
                .find_map(|number| number.trim().parse().ok())
                .unwrap_or(0)
        };
        self.passed += number("passed");
        self.failed += number("failed");
        self.ignored += number("ignored");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargos_result_lines_are_added_up_and_other_lines_are_not() {
        let mut counts = Counts::default();
        counts.add(
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        );
        counts.add(
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9s",
        );
        counts.add("test a_sentence ... ok");
        counts.add("7 passed by");
        assert_eq!((counts.passed, counts.failed, counts.ignored), (15, 2, 1));
    }
}
