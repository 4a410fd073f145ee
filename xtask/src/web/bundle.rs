//! From sources to `target/console/`. Cargo knows whether the crate is fresh; a stamp knows whether the bundle is.

use crate::{
    exec,
    failure::{Failure, Result},
    report::{self, Stopwatch},
    setup::wasm::{self, Toolchain},
    workspace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

/// Exists for browsers alone: whatever is said to cargo about the workspace for this machine leaves it out.
pub const CRATE: &str = "viworks-web-ui";
const BUNDLER: &str = "viworks-web-bundle";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// What is built into `viworks`: small, compressed as far as it goes.
    Shipped,
    /// What somebody who works on it sees: quick to build, and the page reloads itself.
    Working,
}

impl Profile {
    /// Cargo's name for it, and for the folder of what it makes.
    const fn cargos(self) -> &'static str {
        match self {
            Self::Shipped => "web",
            Self::Working => "web-work",
        }
    }

    /// Where the bundle is. The one that ships is where `viworks`' own build looks for it; work on the console does
    /// not build `viworks` anew.
    pub fn folder(self) -> PathBuf {
        workspace::root().join(match self {
            Self::Shipped => "target/console",
            Self::Working => "target/console-working",
        })
    }
}

/// Makes the bundle, unless it is there and nothing that it is made of has changed.
pub fn build_console(profile: Profile) -> Result {
    let watch = Stopwatch::start();
    let toolchain = wasm::toolchain()?;
    compile(&toolchain, profile)?;
    build_bundler()?;
    let made_of = made_of(profile)?;
    let fresh = fs::read_to_string(stamp(profile)).is_ok_and(|stamp| stamp == made_of);
    if fresh && profile.folder().join("index.html").is_file() {
        report::tick("the console's bundle is as it was", watch.elapsed());
        return Ok(());
    }
    let sizes = exec::succeed(&mut bundler(profile))?;
    for line in sizes.lines().filter(|line| line.starts_with("bytes") || line.starts_with("total")) {
        report::note(line);
    }
    let stamp = stamp(profile);
    fs::write(&stamp, made_of).map_err(|error| Failure::file("write", &stamp, &error))?;
    report::tick("the console's bundle is made", watch.elapsed());
    Ok(())
}

/// `cargo xtask web build`: the same, and every part's size.
pub fn show(json: bool) -> Result {
    let toolchain = wasm::toolchain()?;
    compile(&toolchain, Profile::Shipped)?;
    build_bundler()?;
    exec::interactive(bundler(Profile::Shipped).args(json.then_some("--json")))
}

/// The crate exists for browsers alone, and only there its warnings are true.
pub fn clippy() -> Result {
    let toolchain = wasm::toolchain()?;
    // Its dependencies here are linted for this machine; sizes that differ there would be found twice.
    let words = ["--package", CRATE, "--no-deps", "--profile", "web", "--locked", "--", "-D", "warnings"];
    exec::interactive(&mut toolchain.cargo("clippy", &words))
}

/// How large each part of the bundle that ships is, in bytes: as it is, with gzip, with brotli.
pub fn sizes() -> Vec<(String, [u64; 3])> {
    let top = Profile::Shipped.folder();
    let plain = below(&top)
        .into_iter()
        .filter(|path| !path.extension().is_some_and(|extension| extension == "gz" || extension == "br"));
    let size = |path: &Path| fs::metadata(path).map_or(0, |meta| meta.len());
    let with = |path: &Path, ending: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        size(Path::new(&name))
    };
    plain
        .map(|path| {
            let name = path.strip_prefix(&top).unwrap_or(&path).display().to_string();
            (name, [size(&path), with(&path, ".gz"), with(&path, ".br")])
        })
        .collect()
}

fn build_bundler() -> Result {
    exec::interactive(exec::cargo().args(["build", "--locked", "--package", BUNDLER]))
}

fn compile(toolchain: &Toolchain, profile: Profile) -> Result {
    let words = ["--package", CRATE, "--profile", profile.cargos(), "--locked"];
    exec::interactive(&mut toolchain.cargo("build", &words))
}

fn compiled(profile: Profile) -> PathBuf {
    wasm::built().join(wasm::TARGET).join(profile.cargos()).join(format!("{CRATE}.wasm"))
}

fn bundler(profile: Profile) -> std::process::Command {
    let top = workspace::root();
    let mut bundler = exec::command(workspace::built().join(BUNDLER));
    bundler.arg("--wasm").arg(compiled(profile));
    bundler.arg("--assets").arg(top.join("web-ui/assets")).arg("--style").arg(top.join("web-ui/style"));
    bundler.arg("--out").arg(profile.folder()).args((profile == Profile::Working).then_some("--watch"));
    bundler
}

fn stamp(profile: Profile) -> PathBuf {
    let folder = profile.folder();
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    folder.with_file_name(format!(".{name}-made-of"))
}

/// Every file that the bundle is made of, with its length and its time; and the program that makes it.
fn made_of(profile: Profile) -> Result<String> {
    let top = workspace::root();
    let mut all = vec![compiled(profile), workspace::built().join(BUNDLER)];
    all.extend(below(&top.join("web-ui/assets")));
    all.extend(below(&top.join("web-ui/style")));
    let lines = all.iter().map(|path| look(path).map_err(|error| Failure::file("look at", path, &error)));
    lines.collect()
}

fn look(path: &Path) -> std::io::Result<String> {
    let meta = fs::metadata(path)?;
    let written = meta.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(format!("{} {} {}\n", path.display(), meta.len(), written.as_nanos()))
}

/// The files below a directory, in the order of their names.
pub fn below(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(below(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
