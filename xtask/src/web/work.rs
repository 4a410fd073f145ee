//! `cargo xtask web`: the demo stays up with the console served from a folder; whatever changes below the console's
//! sources is built, and the page loads itself anew. A build that fails says why, and the next change is tried.

use super::bundle::{self, Profile};
use crate::{
    clock, demo, exec,
    failure::{Failure, Result, bail},
    interrupt,
    report::{self, Stopwatch},
    setup, workspace,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Child,
    time::{Duration, SystemTime},
};

#[derive(clap::Args)]
pub struct Options {
    /// Install what is missing without asking.
    #[arg(long)]
    yes: bool,
    /// Keep the demo's data in this directory; a later start continues from it.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// What the console is made of, from the top.
const SOURCES: [&str; 7] =
    ["web-ui/src", "web-ui/model", "web-ui/assets", "web-ui/style", "web-ui/Cargo.toml", "api", "domain/src"];

/// Seldom enough to cost nothing, often enough not to be waited for.
const LOOK_EVERY: Duration = Duration::from_millis(250);

pub fn run(options: &Options) -> Result {
    interrupt::listen()?;
    setup::run(setup::Scope::Demo, setup::consent(options.yes))?;
    report::headline("building the console");
    let mut seen = Sources::look();
    while !is_built()? {
        seen = seen.changed_while(|| Ok(!interrupt::asked()))?;
    }
    demo::build_programs()?;
    let mut words = vec!["--console-files".into(), Profile::Working.folder().into_os_string()];
    if let Some(dir) = &options.keep {
        words.extend(["--keep".into(), dir.into()]);
    }
    let demo = Demo(exec::spawn(&mut demo::command(&words)?)?);
    match keep_up(demo, seen) {
        // How this is meant to end.
        Err(Failure::Interrupted) => Ok(()),
        outcome => outcome,
    }
}

fn keep_up(mut demo: Demo, mut seen: Sources) -> Result {
    loop {
        seen = seen.changed_while(|| demo.runs())?;
        if is_built()? {
            report::note("the page loads itself anew");
        }
    }
}

/// What is wrong is said, and is no reason to end: the next change may mend it.
fn is_built() -> Result<bool> {
    match bundle::build_console(Profile::Working) {
        Ok(()) => Ok(true),
        Err(Failure::Interrupted) => Err(Failure::Interrupted),
        Err(failure) => {
            report::note(&report::red(&format!("not built: {failure}")));
            report::note("the next change below web-ui, api or domain is tried");
            Ok(false)
        }
    }
}

/// The demo as a process of its own, because it may need to be root and building must not be.
struct Demo(Child);

impl Demo {
    /// # Errors
    /// When it ended though nobody asked it to.
    fn runs(&mut self) -> Result<bool> {
        match self.0.try_wait() {
            Ok(None) => Ok(!interrupt::asked()),
            Ok(Some(_)) if interrupt::asked() => Ok(false),
            Ok(Some(status)) => bail!("the demo ended: {status}"),
            Err(error) => bail!("the demo cannot be waited for: {error}"),
        }
    }
}

/// Processes, containers and namespaces go one after the other, each with its own patience.
const UNTIL_TAKEN_DOWN: Duration = Duration::from_secs(90);

impl Drop for Demo {
    /// A terminal's Ctrl-C has reached it too; a signal to this process alone has not.
    fn drop(&mut self) {
        if !matches!(self.0.try_wait(), Ok(None)) {
            return;
        }
        demo::ask_to_end(self.0.id());
        // Its end takes down what it put up: it is let, but not for ever.
        let watch = Stopwatch::start();
        while matches!(self.0.try_wait(), Ok(None)) {
            if watch.elapsed() > UNTIL_TAKEN_DOWN {
                let process = self.0.id();
                report::note(&report::red(&format!("the demo goes on; end it with `sudo kill {process}`")));
                return;
            }
            clock::pause();
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sources(BTreeMap<PathBuf, SystemTime>);

impl Sources {
    fn look() -> Self {
        Self::below(&workspace::root(), &SOURCES)
    }

    fn below(top: &Path, sources: &[&str]) -> Self {
        let mut found = BTreeMap::new();
        for source in sources {
            let source = top.join(source);
            let files = if source.is_dir() { bundle::below(&source) } else { vec![source] };
            for path in files.into_iter().filter(|path| is_source(path)) {
                // One that has just gone is not there.
                if let Ok(written) = fs::metadata(&path).and_then(|meta| meta.modified()) {
                    found.insert(path.strip_prefix(top).unwrap_or(&path).to_path_buf(), written);
                }
            }
        }
        Self(found)
    }

    /// Waits until the sources are other ones and nobody is writing any more, as long as `going` says so.
    fn changed_while(&self, mut going: impl FnMut() -> Result<bool>) -> Result<Self> {
        let mut last = self.clone();
        while going()? {
            let now = settle();
            if now == last && now != *self {
                report::headline(&format!("{} changed", now.newest_after(self)));
                return Ok(now);
            }
            last = now;
        }
        Err(Failure::Interrupted)
    }

    fn newest_after(&self, before: &Self) -> String {
        let changed = self.0.iter().find(|(path, written)| before.0.get(*path) != Some(written));
        let gone = before.0.keys().find(|path| !self.0.contains_key(*path));
        let path = changed.map(|(path, _)| path).or(gone);
        path.map_or_else(|| "something".to_owned(), |path| path.display().to_string())
    }
}

fn settle() -> Sources {
    let watch = Stopwatch::start();
    while watch.elapsed() < LOOK_EVERY && !interrupt::asked() {
        clock::pause();
    }
    Sources::look()
}

/// An editor's own files are no sources.
fn is_source(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !name.starts_with('.') && !name.starts_with('#') && !name.ends_with('~')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_source_that_is_watched_is_there() {
        for source in SOURCES {
            assert!(workspace::root().join(source).exists(), "{source}");
        }
        assert!(Sources::look().0.contains_key(Path::new("web-ui/src/main.rs")));
    }

    #[test]
    fn a_change_is_told_by_its_file_and_an_editors_own_files_are_not_seen() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let sources = |files: &[(&str, u64)]| {
            Sources(files.iter().map(|(path, seconds)| (PathBuf::from(path), at(*seconds))).collect())
        };
        let before = sources(&[("a.rs", 1), ("b.rs", 1)]);
        assert_eq!(sources(&[("a.rs", 1), ("b.rs", 2)]).newest_after(&before), "b.rs");
        assert_eq!(sources(&[("a.rs", 1)]).newest_after(&before), "b.rs");
        assert!(!is_source(Path::new("web-ui/src/.main.rs.swp")) && !is_source(Path::new("main.rs~")));
    }
}
