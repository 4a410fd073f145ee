//! What a person sees of a run: one line per step with its time.

use crate::clock;
use std::{
    fmt,
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

/// How one step ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Skipped(String),
    Failed,
}

#[derive(Debug)]
pub struct Line {
    pub name: String,
    pub outcome: Outcome,
    pub took: Duration,
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.took.as_secs_f64();
        match &self.outcome {
            Outcome::Passed => write!(f, "{} {:<44} {seconds:>8.1} s", green("✓"), self.name),
            Outcome::Skipped(why) => write!(f, "{} {:<44}  skipped: {why}", yellow("-"), self.name),
            Outcome::Failed => write!(f, "{} {:<44} {seconds:>8.1} s", red("✗"), self.name),
        }
    }
}

/// Measures since it was made.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    pub fn start() -> Self {
        Self(clock::now())
    }

    pub fn elapsed(self) -> Duration {
        clock::now().saturating_duration_since(self.0)
    }
}

pub fn headline(text: &str) {
    println!("\n{}", bold(&format!("== {text}")));
    flush();
}

/// One thing that was seen to be so.
pub fn tick(text: &str, took: Duration) {
    println!("  {} {text:<86} {:>7} ms", green("✓"), took.as_millis());
    flush();
}

pub fn cross(text: &str, took: Duration) {
    println!("  {} {text:<86} {:>7} ms", red("✗"), took.as_millis());
    flush();
}

pub fn note(text: &str) {
    println!("  {text}");
    flush();
}

fn flush() {
    // A closed pipe is the reader's choice; the run itself goes on.
    let _ = std::io::stdout().flush();
}

fn coloured(code: &str, text: &str) -> String {
    let plain = std::env::var_os("NO_COLOR").is_some() || !std::io::stdout().is_terminal();
    if plain { text.to_owned() } else { format!("\x1b[{code}m{text}\x1b[0m") }
}

pub fn green(text: &str) -> String {
    coloured("32", text)
}
pub fn red(text: &str) -> String {
    coloured("31", text)
}
pub fn yellow(text: &str) -> String {
    coloured("33", text)
}
pub fn bold(text: &str) -> String {
    coloured("1", text)
}
