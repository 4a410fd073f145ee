//! Runs the tests: two at a time, then, one by one, those that take something away from everybody.

use crate::{
    failure::Done,
    scene::{Scene, forget_failures},
    stage::Stage,
};
use std::{
    collections::VecDeque, fs::File, io::Write as _, path::PathBuf, pin::Pin, process::ExitCode, sync::Mutex,
    time::Duration,
};
use tokio::time::Instant;

pub struct Test {
    pub name: &'static str,
    pub turn: Turn,
    pub run: for<'a> fn(&'a mut Scene) -> Pin<Box<dyn Future<Output = Done> + 'a>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Turn {
    /// Others may run at the same time.
    Beside,
    /// It kills something that the others stand on.
    Alone,
}

/// `tests! { Beside module { test, test } Alone module { test } }`
macro_rules! tests {
    ($($turn:ident $module:ident { $($name:ident),* $(,)? })*) => { &[$($(
        $crate::runner::Test {
            name: concat!(stringify!($module), "::", stringify!($name)),
            turn: $crate::runner::Turn::$turn,
            run: |scene| Box::pin($crate::$module::$name(scene)),
        },
    )*)*] };
}
pub(crate) use tests;

/// No test may hang the others; the longest takes a quarter of this on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A browser wants a core.
const AT_ONCE: usize = 2;

/// The tests; or, with `--pictures DIR`, what takes pictures; or, with `--latency`, what measures.
pub fn run(tests: &'static [Test], pictures: &'static [Test], latency: &'static [Test]) -> ExitCode {
    let wanted = Wanted::from_args();
    let tests = match wanted {
        Wanted { pictures: Some(_), .. } => pictures,
        Wanted { latency: true, .. } => latency,
        _ => tests,
    };
    if wanted.list {
        for test in tests.iter().filter(|test| wanted.holds(test)) {
            println!("{}: test", test.name);
        }
        return ExitCode::SUCCESS;
    }
    let Some(stage) = Stage::from_env() else {
        return without_stage(tests);
    };
    if let Some(word) = wanted.names_nothing(tests) {
        eprintln!("no test of the console is called {word:?}; `--list` names them all");
        return ExitCode::FAILURE;
    }
    forget_failures();
    let chosen: Vec<&Test> = tests.iter().filter(|test| wanted.holds(test)).collect();
    println!("\nrunning {} tests", chosen.len());
    let since = Instant::now();
    let stage = match stage.look() {
        Ok(stage) => stage,
        Err(failure) => {
            eprintln!("the stage does not answer: {failure}");
            return ExitCode::FAILURE;
        }
    };
    let run = Run { stage, pictures: wanted.pictures };
    let mut failed = run.turn(&chosen, Turn::Beside, AT_ONCE);
    failed.extend(run.turn(&chosen, Turn::Alone, 1));
    for (name, why) in &failed {
        println!("\n---- {name}\n{why}");
    }
    let verdict = if failed.is_empty() { "ok" } else { "FAILED" };
    println!(
        "\ntest result: {verdict}. {} passed; {} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s",
        chosen.len() - failed.len(),
        failed.len(),
        tests.len() - chosen.len(),
        since.elapsed().as_secs_f64()
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Run {
    stage: Stage,
    pictures: Option<PathBuf>,
}

impl Run {
    fn turn(&self, chosen: &[&Test], turn: Turn, at_once: usize) -> Vec<(&'static str, String)> {
        let queue: Mutex<VecDeque<&Test>> =
            Mutex::new(chosen.iter().copied().filter(|test| test.turn == turn).collect());
        let failed = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..at_once {
                scope.spawn(|| {
                    while let Some(test) = queue.lock().ok().and_then(|mut queue| queue.pop_front()) {
                        let since = Instant::now();
                        let outcome = self.one(test);
                        let took = since.elapsed().as_secs_f64();
                        let word = if outcome.is_ok() { "ok" } else { "FAILED" };
                        println!("test {} ... {word} ({took:.1} s)", test.name);
                        if let (Err(why), Ok(mut failed)) = (outcome, failed.lock()) {
                            failed.push((test.name, why));
                        }
                    }
                });
            }
        });
        failed.into_inner().unwrap_or_default()
    }

    fn one(&self, test: &Test) -> Result<(), String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| format!("no runtime: {error}"))?;
        let patience = if self.pictures.is_some() { PATIENCE * 4 } else { PATIENCE };
        runtime.block_on(async {
            let mut scene = Scene::new(self.stage.clone(), test.name, self.pictures.clone());
            let outcome = match tokio::time::timeout(patience, (test.run)(&mut scene)).await {
                Ok(outcome) => outcome.map_err(|failure| failure.0),
                Err(_) => Err(format!("it did not end within {} s", patience.as_secs())),
            };
            scene.close(outcome).await
        })
    }
}

/// What cargo hands on: `console [FILTER...] [--exact] [--list] [--skip NAME]`; other flags of the usual harness
/// change nothing here.
#[derive(Default)]
struct Wanted {
    words: Vec<String>,
    skip: Vec<String>,
    exact: bool,
    list: bool,
    pictures: Option<PathBuf>,
    latency: bool,
}

impl Wanted {
    fn from_args() -> Self {
        let mut wanted = Self::default();
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--exact" => wanted.exact = true,
                "--list" => wanted.list = true,
                "--latency" => wanted.latency = true,
                "--pictures" => wanted.pictures = args.next().map(PathBuf::from),
                "--skip" => wanted.skip.extend(args.next()),
                "--test-threads" | "--format" | "--color" => drop(args.next()),
                flag if flag.starts_with('-') => {}
                word => wanted.words.push(word.to_owned()),
            }
        }
        wanted
    }

    fn holds(&self, test: &Test) -> bool {
        let named = |word: &String| self.names(word, test);
        (self.words.is_empty() || self.words.iter().any(named)) && !self.skip.iter().any(named)
    }

    fn names(&self, word: &str, test: &Test) -> bool {
        if self.exact { test.name == word } else { test.name.contains(word) }
    }

    /// A word that was mistyped: whoever asked for it would take silence for success.
    fn names_nothing(&self, tests: &[Test]) -> Option<&String> {
        self.words.iter().find(|word| !tests.iter().any(|test| self.names(word, test)))
    }
}

fn without_stage(tests: &[Test]) -> ExitCode {
    println!("\nrunning 0 tests");
    let why = "they need the product put up around them; run `cargo xtask demo --console-check`";
    println!("{} tests of the console skipped: {why}", tests.len());
    if let Some(path) = std::env::var_os("VIWORKS_SKIPS") {
        let line = format!("{} tests of the console: {why}\n", tests.len());
        let told =
            File::options().append(true).open(path).and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = told {
            eprintln!("the skip cannot be written down: {error}");
        }
    }
    println!("\ntest result: ok. 0 passed; 0 failed; {} ignored; 0 measured; 0 filtered out", tests.len());
    ExitCode::SUCCESS
}
