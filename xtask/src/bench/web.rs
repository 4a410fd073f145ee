//! `cargo xtask bench web`: a real Chromium with many live rows, at rest and under a load, in the same run. The
//! server is `viworks-crowd`, which has nothing else to do; what the real one costs is measured elsewhere.

use crate::{
    clock,
    demo::stage::{self, Browsers},
    exec,
    failure::{Failure, Result, bail},
    interrupt,
    report::{self, Stopwatch, bold},
    setup, web, workspace,
};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::Duration,
};

const CROWD: &str = "viworks-crowd";

/// Every row loaded (which may take 120 s by itself), two stretches of frames of 10 s, and a browser that starts and
/// ends on a busy machine.
const UNTIL_MEASURED: Duration = Duration::from_secs(300);

#[derive(clap::Args)]
pub struct Options {
    /// One line of JSON instead of a table.
    #[arg(long)]
    json: bool,
    /// Sessions in the list.
    #[arg(long, default_value_t = 20_000)]
    rows: u32,
    /// Rows that change every second.
    #[arg(long, default_value_t = 2_000)]
    changes: u32,
}

pub fn run(options: &Options) -> Result {
    interrupt::listen()?;
    setup::run(setup::Scope::Tests, setup::consent(false))?;
    web::build_console(web::Profile::Shipped)?;
    exec::interactive(exec::cargo().args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "viworks-e2e",
        "--bin",
        CROWD,
    ]))?;
    let tests = stage::build()?;
    let rest = measure(options, &tests, 0)?;
    let load = measure(options, &tests, options.changes)?;
    if options.json {
        println!("{}", serde_json::json!({ "rest": rest, "load": load }));
        return Ok(());
    }
    println!(
        "{}",
        bold(&format!(
            "{} rows in Chromium: at rest, and with {} changes a second",
            rest["rows"], options.changes
        ))
    );
    line(
        "first useful screen, fresh profile",
        &rest["first_useful_screen_ms"],
        &load["first_useful_screen_ms"],
        "ms",
    );
    for (phase, what) in [("standing", "standing, two screens down"), ("scrolling", "scrolling")] {
        println!("{what}");
        for (name, says, unit) in [
            ("fps", "frames per second", ""),
            ("frame_p99_ms", "99 of 100 frames within", "ms"),
            ("longest_frame_ms", "longest frame", "ms"),
            ("longest_task_ms", "longest task (0: none over 50)", "ms"),
            ("long_tasks", "tasks over 50 ms", ""),
            ("script_ms_per_s", "script", "ms/s"),
            ("task_ms_per_s", "main thread", "ms/s"),
        ] {
            line(&format!("  {says}"), &rest[phase][name], &load[phase][name], unit);
        }
    }
    Ok(())
}

fn line(what: &str, rest: &Value, load: &Value, unit: &str) {
    let shown = |value: &Value| value.as_f64().map_or_else(|| "-".to_owned(), |value| format!("{value:.1}"));
    println!("  {what:<36} {:>10} {:>10} {unit}", shown(rest), shown(load));
}

/// Ends with what it is wrapped around.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // Already gone is as good as killed.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where browsers keep their profiles while they are measured.
struct Profiles(PathBuf);

impl Profiles {
    fn make() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("viworks-bench-{}", std::process::id()));
        fs::create_dir_all(&dir).map_err(|error| Failure::file("make", &dir, &error))?;
        Ok(Self(dir))
    }
}

impl Drop for Profiles {
    fn drop(&mut self) {
        // A profile that stays is in the way of nothing.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn measure(options: &Options, tests: &Path, changes: u32) -> Result<Value> {
    report::note(&format!("{} rows, {changes} changes a second", options.rows));
    let mut crowd = exec::command(workspace::built().join(CROWD));
    crowd.arg("--console").arg(web::Profile::Shipped.folder());
    crowd.args(["--rows", &options.rows.to_string(), "--changes", &changes.to_string()]);
    let mut crowd = Ended(exec::spawn(crowd.stdin(Stdio::null()).stdout(Stdio::piped()))?);
    let stdout = crowd.0.stdout.take().ok_or_else(|| Failure::said("the crowd has no stdout"))?;
    let Some(Ok(ready)) = BufReader::new(stdout).lines().next() else {
        bail!("the crowd did not say where it is")
    };
    let profiles = Profiles::make()?;
    let mut command = exec::command(tests);
    command.args(["--bench", &ready]).stdout(Stdio::piped());
    let said = said_by(Browsers::start(command, profiles.0.clone())?)?;
    let figures = said.lines().rev().find(|line| line.starts_with('{')).unwrap_or_default();
    serde_json::from_str(figures).map_err(|_| Failure::Said(format!("the browser gave no figures: {said}")))
}

/// What the browsers' program prints until it ends; they are gone afterwards, whatever became of it.
fn said_by(mut browsers: Browsers) -> Result<String> {
    let mut stdout =
        browsers.child.stdout.take().ok_or_else(|| Failure::said("the browser has no stdout"))?;
    let reader = thread::spawn(move || {
        let mut text = String::new();
        // What came before a broken pipe is still what it said.
        let _ = stdout.read_to_string(&mut text);
        text
    });
    let watch = Stopwatch::start();
    let status = loop {
        if let Some(status) = browsers.ended()? {
            break status;
        }
        interrupt::check()?;
        if watch.elapsed() > UNTIL_MEASURED {
            bail!("the browser has not measured within {} s", UNTIL_MEASURED.as_secs());
        }
        clock::pause();
    };
    // Whatever still holds the pipe ends with them.
    drop(browsers);
    let said = reader.join().unwrap_or_default();
    if status.success() { Ok(said) } else { bail!("the browser did not measure: {status}\n{said}") }
}
