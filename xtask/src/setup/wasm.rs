//! What compiles for browsers: the toolchain at hand when it knows wasm32, else Debian's, with a standard library
//! that is built once from Debian's sources and kept below `.viworks/tools`; nothing outside this checkout is written.

use super::needs::State;
use crate::{
    exec,
    failure::{Failure, Result, bail},
    report, workspace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

pub const TARGET: &str = "wasm32-unknown-unknown";

/// What to type where neither way is open.
pub const BY_HAND: &str = "rustup target add wasm32-unknown-unknown";

/// What setup makes, beside Debian's packages.
pub const WHAT: &str = "Rust's standard library for browsers, from Debian's sources (about a minute, once)";

/// The oldest compiler that the workspace builds with (`rust-version` in the top Cargo.toml).
const OLDEST: (u32, u32) = (1, 95);

/// The LLVM of Debian's compiler, whose linker has to be the same; once the compiler is here it says so itself.
const LLVM: u32 = 22;

const DEBIAN_RUSTC: &str = "/usr/bin/rustc";
const DEBIAN_CARGO: &str = "/usr/bin/cargo";
const DEBIAN_CLIPPY: &str = "/usr/bin/cargo-clippy";

/// Raised when the recipe below changes: what an older one made is made anew.
const RECIPE: u32 = 2;

/// Which compiler makes the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// The one that builds everything else.
    Own,
    /// Debian's; with the sysroot that we built, unless Debian brings one.
    Debian { linker: PathBuf, sysroot: Option<PathBuf> },
}

impl Toolchain {
    /// Cargo for the console: what is built for browsers never waits for what is built for this machine.
    pub fn cargo(&self, command: &str, words: &[&str]) -> Command {
        match self {
            Self::Own => {
                let mut cargo = exec::cargo();
                target(cargo.arg(command)).args(words).env("CARGO_ENCODED_RUSTFLAGS", flags(None));
                cargo
            }
            Self::Debian { linker, sysroot } => {
                // Cargo would find another toolchain's clippy on the PATH; this one finds its driver beside itself.
                let mut cargo = exec::command(if command == "clippy" { DEBIAN_CLIPPY } else { DEBIAN_CARGO });
                cargo.current_dir(workspace::root()).stdin(Stdio::null());
                target(cargo.arg(command)).args(words);
                cargo.env("CARGO", DEBIAN_CARGO).env("RUSTC", DEBIAN_RUSTC);
                cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
                // Set by cargo and rustup for the toolchain that built this program.
                cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTUP_TOOLCHAIN");
                // With `--target` these reach neither build scripts nor macros, which run on this machine.
                cargo.env("CARGO_ENCODED_RUSTFLAGS", flags(sysroot.as_deref()));
                cargo
            }
        }
    }
}

/// Flags of a person's own are meant for this machine's programs.
fn target(cargo: &mut Command) -> &mut Command {
    cargo.args(["--target", TARGET, "--target-dir"]).arg(built());
    cargo.env_remove("RUSTFLAGS").env_remove("CARGO_ENCODED_RUSTFLAGS")
}

/// Where cargo puts what it makes for browsers, one folder per profile below the target's.
pub fn built() -> PathBuf {
    workspace::root().join("target/wasm")
}

/// Separated as cargo wants it. Views that keep their types are compiled for minutes, and to twice the size.
fn flags(sysroot: Option<&Path>) -> String {
    let sysroot = sysroot.map(|sysroot| format!("--sysroot={}", sysroot.display()));
    sysroot.into_iter().chain(["--cfg=erase_components".to_owned()]).collect::<Vec<_>>().join("\u{1f}")
}

/// The toolchain to use.
///
/// # Errors
/// When `cargo xtask setup` has something to do first.
pub fn toolchain() -> Result<Toolchain> {
    match choose(&Seen::look()) {
        Choice::Ready(toolchain) => Ok(toolchain),
        _ => bail!(
            "there is no compiler for browsers ({TARGET}) here; run `cargo xtask setup`, or `{BY_HAND}`"
        ),
    }
}

pub fn look() -> State {
    match choose(&Seen::look()) {
        Choice::Ready(Toolchain::Own) => State::Usable("in the default toolchain".to_owned()),
        Choice::Ready(Toolchain::Debian { sysroot: None, .. }) => State::Usable(DEBIAN_RUSTC.to_owned()),
        Choice::Ready(Toolchain::Debian { sysroot: Some(dir), .. }) => {
            State::Usable(format!("{DEBIAN_RUSTC} with {}", dir.display()))
        }
        Choice::Build { .. } => State::Unusable("its standard library is to be built".to_owned()),
        Choice::Install(_) | Choice::ByHand => State::Absent,
    }
}

/// The packages that are missing before the library can be built.
pub fn packages() -> Vec<String> {
    match choose(&Seen::look()) {
        Choice::Install(packages) => packages,
        _ => Vec::new(),
    }
}

/// Builds the standard library, when that is what is missing.
pub fn install() -> Result {
    match choose(&Seen::look()) {
        Choice::Ready(_) => Ok(()),
        Choice::Build { stamp, .. } => build(&stamp),
        Choice::Install(packages) => {
            let packages = packages.join(" ");
            bail!(
                "Debian's packages {packages} bring no compiler that is new enough; with rustup, type `{BY_HAND}`"
            )
        }
        Choice::ByHand => bail!("this machine has no apt-get; type `{BY_HAND}`, then run this again"),
    }
}

/// What there is on a machine, as far as the choice depends on it.
#[derive(Clone, Debug, Default)]
struct Seen {
    own_target: bool,
    apt: bool,
    /// What `rustc -vV` of Debian's compiler says.
    debian: Option<String>,
    debian_target: bool,
    /// Cargo, clippy and the library's sources, of the same packages.
    companions: bool,
    linker: Option<PathBuf>,
    /// The stamp of the library that was built here before.
    built: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    Ready(Toolchain),
    /// Everything is here but the library; `stamp` says of which compiler.
    Build {
        linker: PathBuf,
        stamp: String,
    },
    Install(Vec<String>),
    ByHand,
}

fn choose(seen: &Seen) -> Choice {
    if seen.own_target {
        return Choice::Ready(Toolchain::Own);
    }
    let recent =
        seen.debian.as_deref().filter(|version| release(version).is_some_and(|found| found >= OLDEST));
    if let (Some(version), Some(linker), true) = (recent, &seen.linker, seen.companions) {
        let linker = linker.clone();
        if seen.debian_target {
            return Choice::Ready(Toolchain::Debian { linker, sysroot: None });
        }
        let stamp = stamp(version);
        if seen.built.as_ref() == Some(&stamp) {
            return Choice::Ready(Toolchain::Debian { linker, sysroot: Some(sysroot()) });
        }
        return Choice::Build { linker, stamp };
    }
    if !seen.apt {
        return Choice::ByHand;
    }
    let llvm = recent.and_then(llvm).unwrap_or(LLVM);
    let packages = ["rustc-web", "cargo-web", "rust-web-src", "rust-web-clippy"].map(str::to_owned);
    Choice::Install(packages.into_iter().chain([format!("lld-{llvm}")]).collect())
}

impl Seen {
    fn look() -> Self {
        let debian =
            exec::output(&mut debian_rustc(&["-vV"])).ok().filter(exec::Said::ok).map(|said| said.stdout);
        let linker = debian.as_deref().and_then(llvm).and_then(linker);
        Self {
            own_target: own_sysroot().is_some_and(|sysroot| has_target(&sysroot)),
            apt: workspace::find_program("apt-get").is_some(),
            debian_target: has_target(Path::new("/usr")),
            companions: [DEBIAN_CARGO, DEBIAN_CLIPPY]
                .iter()
                .all(|path| workspace::is_program(Path::new(path)))
                && Path::new("/usr/lib/rustlib/src/rust/library/std/Cargo.toml").is_file(),
            debian,
            linker,
            built: fs::read_to_string(sysroot().join(STAMP)).ok(),
        }
    }
}

fn own_sysroot() -> Option<PathBuf> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let said = exec::output(exec::command(rustc).args(["--print", "sysroot"])).ok().filter(exec::Said::ok)?;
    Some(PathBuf::from(said.stdout.trim()))
}

fn has_target(sysroot: &Path) -> bool {
    let libraries = sysroot.join("lib/rustlib").join(TARGET).join("lib");
    fs::read_dir(libraries).is_ok_and(|mut entries| entries.next().is_some())
}

/// lld's name says its LLVM; one that is older than the compiler's cannot read what the compiler writes.
fn linker(llvm: u32) -> Option<PathBuf> {
    workspace::find_program(&format!("wasm-ld-{llvm}"))
}

fn debian_rustc(words: &[&str]) -> Command {
    let mut rustc = exec::command(DEBIAN_RUSTC);
    rustc.args(words).env_remove("LD_LIBRARY_PATH");
    rustc
}

/// `release: 1.96.0`
fn release(version: &str) -> Option<(u32, u32)> {
    let mut numbers = field(version, "release")?.split('.').map(str::parse::<u32>);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `LLVM version: 22.1.8`
fn llvm(version: &str) -> Option<u32> {
    field(version, "LLVM version")?.split('.').next()?.parse().ok()
}

fn field<'a>(version: &'a str, name: &str) -> Option<&'a str> {
    version.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ").map(str::trim))
}

// --- the standard library, built once

const STAMP: &str = "made-of";

fn stamp(version: &str) -> String {
    format!("recipe {RECIPE}\n{}\n", version.trim())
}

fn sysroot() -> PathBuf {
    workspace::root().join(".viworks/tools/wasm-sysroot")
}

/// What the library is compiled with. `embed-bitcode` is what makes link-time optimisation work,
/// `force-unstable-if-unmarked` what makes these crates the standard library to those that use them.
///
/// Nobody reads a panic's words in a browser: without a hook they go nowhere, and the trap itself is in the console
/// and ends the page. So a panic aborts where it stands, and link-time optimisation takes out every message and place. Said
/// by the library's own `cfg` instead of `-Cpanic=immediate-abort`, because that would have every crate that uses it
/// compiled by unstable flags too.
const LIBRARY_FLAGS: [&str; 4] = [
    "-Cembed-bitcode=yes",
    "-Zforce-unstable-if-unmarked",
    "-Aexplicit-builtin-cfgs-in-flags",
    "--cfg=panic=\"immediate-abort\"",
];

/// A crate that is nothing, so that cargo builds what every crate needs; then its libraries, laid out as rustc looks
/// for them.
fn build(stamp: &str) -> Result {
    report::note("building the standard library for browsers, once (about a minute)");
    let work = workspace::root().join(".viworks/tools/wasm-std");
    clear(&work)?;
    write(&work.join("src/lib.rs"), "#![no_std]\n")?;
    write(
        &work.join("Cargo.toml"),
        "[workspace]\n[package]\nname = \"wasmstd\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\
         [profile.release]\nopt-level = \"z\"\ndebug = false\n",
    )?;
    let mut cargo = exec::command(DEBIAN_CARGO);
    cargo.current_dir(&work).args([
        "build",
        "--release",
        "--quiet",
        "--target",
        TARGET,
        "--target-dir",
        "target",
    ]);
    cargo.arg("-Zbuild-std=std,panic_abort,panic_unwind,proc_macro,test");
    // Sorting and printing as small as they can be.
    cargo.arg("-Zbuild-std-features=panic-unwind,optimize_for_size");
    cargo.env("RUSTC", DEBIAN_RUSTC).env("RUSTC_BOOTSTRAP", "1").env("CARGO", DEBIAN_CARGO);
    cargo.env_remove("LD_LIBRARY_PATH").env_remove("RUSTUP_TOOLCHAIN").env_remove("RUSTFLAGS");
    cargo.env("CARGO_ENCODED_RUSTFLAGS", LIBRARY_FLAGS.join("\u{1f}"));
    exec::interactive(&mut cargo)?;

    let fresh = work.join("sysroot");
    let libraries = fresh.join("lib/rustlib").join(TARGET).join("lib");
    let built = work.join("target").join(TARGET).join("release/deps");
    fs::create_dir_all(&libraries).map_err(|error| Failure::file("make", &libraries, &error))?;
    let entries = fs::read_dir(&built).map_err(|error| Failure::file("list", &built, &error))?;
    for entry in entries.flatten() {
        let name = entry.file_name();
        let text = name.to_string_lossy();
        if text.ends_with(".rlib") && !text.starts_with("libwasmstd") {
            let to = libraries.join(&name);
            fs::rename(entry.path(), &to).map_err(|error| Failure::file("write", &to, &error))?;
        }
    }
    write(&fresh.join(STAMP), stamp)?;
    // What was compiled against the library before this one fits no other, and cargo would not see it.
    clear(&self::built().join(TARGET))?;
    let place = sysroot();
    clear(&place)?;
    fs::rename(&fresh, &place).map_err(|error| Failure::file("write", &place, &error))?;
    clear(&work)
}

fn clear(dir: &Path) -> Result {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Failure::file("remove", dir, &error))
        }
        _ => Ok(()),
    }
}

fn write(path: &Path, text: &str) -> Result {
    let made = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(path, text));
    made.map_err(|error| Failure::file("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAYS: &str = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\nbinary: rustc\n\
                        host: x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";

    fn debian() -> Seen {
        Seen {
            apt: true,
            debian: Some(SAYS.to_owned()),
            companions: true,
            linker: Some("/usr/bin/wasm-ld-22".into()),
            ..Seen::default()
        }
    }

    #[test]
    fn a_toolchain_that_knows_the_target_is_used_before_any_other() {
        let seen = Seen { own_target: true, built: Some(stamp(SAYS)), ..debian() };
        assert_eq!(choose(&seen), Choice::Ready(Toolchain::Own));
    }

    #[test]
    fn debians_compiler_is_used_with_the_library_that_was_built_of_it() {
        let seen = Seen { built: Some(stamp(SAYS)), ..debian() };
        let Choice::Ready(Toolchain::Debian { sysroot: Some(dir), .. }) = choose(&seen) else {
            panic!("{:?}", choose(&seen));
        };
        assert!(dir.starts_with(workspace::root()));
    }

    #[test]
    fn the_library_is_built_when_there_is_none_and_again_for_another_compiler() {
        let wanted = Choice::Build { linker: "/usr/bin/wasm-ld-22".into(), stamp: stamp(SAYS) };
        assert_eq!(choose(&debian()), wanted);
        let older = SAYS.replace("1.96.0", "1.95.0");
        assert_eq!(choose(&Seen { built: Some(stamp(&older)), ..debian() }), wanted);
    }

    #[test]
    fn a_library_that_debian_brings_itself_is_not_built() {
        let seen = Seen { debian_target: true, ..debian() };
        let linker = "/usr/bin/wasm-ld-22".into();
        assert_eq!(choose(&seen), Choice::Ready(Toolchain::Debian { linker, sysroot: None }));
    }

    #[test]
    fn a_compiler_that_is_too_old_or_has_no_linker_is_installed_anew() {
        let old = Seen { debian: Some(SAYS.replace("1.96.0", "1.63.0")), ..debian() };
        let Choice::Install(packages) = choose(&old) else { panic!("{:?}", choose(&old)) };
        assert!(packages.contains(&"rustc-web".to_owned()) && packages.contains(&"lld-22".to_owned()));
        let newer = Seen { debian: Some(SAYS.replace("22.1.8", "23.1.0")), linker: None, ..debian() };
        let Choice::Install(packages) = choose(&newer) else { panic!("{:?}", choose(&newer)) };
        assert!(packages.contains(&"lld-23".to_owned()), "{packages:?}");
    }

    #[test]
    fn where_there_is_no_apt_a_person_is_told_what_to_type() {
        assert_eq!(choose(&Seen::default()), Choice::ByHand);
    }

    #[test]
    fn the_flags_for_browsers_reach_no_other_target() {
        let toolchain =
            Toolchain::Debian { linker: "/usr/bin/wasm-ld-22".into(), sysroot: Some("/a b/sysroot".into()) };
        let cargo = toolchain.cargo("build", &[]);
        let flags = cargo.get_envs().find(|(name, _)| *name == "CARGO_ENCODED_RUSTFLAGS");
        assert_eq!(
            flags.and_then(|(_, value)| value),
            Some("--sysroot=/a b/sysroot\u{1f}--cfg=erase_components".as_ref())
        );
        assert!(cargo.get_args().any(|word| word == TARGET));
        let clippy = toolchain.cargo("clippy", &["--", "-D", "warnings"]);
        assert_eq!(clippy.get_program(), DEBIAN_CLIPPY);
        let words: Vec<_> = clippy.get_args().collect();
        assert_eq!(words.last(), Some(&"warnings".as_ref()), "what belongs to clippy stays behind the `--`");
    }
}
