//! Where one demo keeps its things, and the lock that lets one run at a time.

use crate::{
    exec,
    failure::{Failure, Result, bail},
    report, setup, workspace,
};
use std::{
    cell::Cell,
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::Write,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

/// Namespaces have names, so one demo at a time; and what it used is written down for the next start to sweep.
const LOCK: &str = "/run/viworks-demo.lock";
const LAST: &str = "/run/viworks-demo.last";

/// The product's programs, as people would have them installed.
pub const BINARIES: [&str; 6] = [
    "viworks",
    "viworks-agent",
    "viworks-connect",
    "viworks-tunneld",
    "viworks-authenticator",
    "viworks-replay",
];

/// Not the product's: what the walk tries that a desktop never does.
pub const PROBE: &str = "viworks-probe";

pub struct Place {
    dir: PathBuf,
    keep: bool,
    /// Whether somebody will want to read the logs of what went wrong.
    went_wrong: Cell<bool>,
    /// Held, not read.
    _lock: File,
}

impl Place {
    /// Takes the lock, sweeps what a killed demo left, and makes the directories.
    pub fn take(keep: Option<&Path>) -> Result<Self> {
        let lock = lock()?;
        sweep_last();
        let dir = match keep {
            Some(dir) => absolute(dir)?,
            None => std::env::temp_dir().join(format!("viworks-demo-{}", std::process::id())),
        };
        let place = Self { dir, keep: keep.is_some(), went_wrong: Cell::new(true), _lock: lock };
        place.make(&place.dir, 0o755)?;
        place.reachable()?;
        write(Path::new(LAST), place.dir.to_string_lossy().as_bytes(), 0o600)?;
        for (name, mode) in [
            ("bin", 0o755),
            ("logs", 0o700),
            ("admin", 0o700),
            ("phones", 0o700),
            ("run", 0o755),
            ("gateway", 0o755),
            ("containers", 0o700),
        ] {
            place.make(&place.at(name), mode)?;
        }
        Ok(place)
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    pub fn bin(&self, name: &str) -> PathBuf {
        self.dir.join("bin").join(name)
    }

    /// All went well; the logs may go with the rest.
    pub fn nothing_to_look_at(&self) {
        self.went_wrong.set(false);
    }

    fn rescue_logs(&self) {
        let to = workspace::root().join(".viworks/demo-logs");
        // Where logs cannot be saved there is nothing better to do than to go on cleaning up.
        let _ = fs::remove_dir_all(&to);
        let _ = fs::create_dir_all(&to);
        for entry in fs::read_dir(self.at("logs")).into_iter().flatten().flatten() {
            let _ = fs::copy(entry.path(), to.join(entry.file_name()));
        }
        report::note(&format!("the logs are in {}", to.display()));
    }

    pub const fn keeps(&self) -> bool {
        self.keep
    }

    pub fn make(&self, dir: &Path, mode: u32) -> Result {
        if !dir.is_dir() {
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(dir)
                .map_err(|error| Failure::file("make", dir, &error))?;
        }
        // The mode above is subject to the umask.
        fs::set_permissions(dir, Permissions::from_mode(mode))
            .map_err(|error| Failure::file("set the mode of", dir, &error))
    }

    /// The agent's parts and the desktop run as users without rights; they must get as far as here.
    fn reachable(&self) -> Result {
        for dir in self.dir.ancestors() {
            let mode = fs::metadata(dir).map_err(|error| Failure::file("look at", dir, &error))?.mode();
            if mode & 0o001 == 0 {
                bail!(
                    "{} cannot be entered by other users (mode {:o}), and parts of the demo run without root's \
                     rights; choose another directory with --keep",
                    dir.display(),
                    mode & 0o777
                );
            }
        }
        Ok(())
    }

    /// Copies the freshly built programs here, out of a checkout that other users may not be able to enter.
    pub fn install_binaries(&self) -> Result {
        for name in BINARIES.into_iter().chain([PROBE]) {
            let built = workspace::built().join(name);
            if !built.is_file() {
                bail!("{} was not built", built.display());
            }
            copy(&built, &self.bin(name), 0o755)?;
        }
        copy(&setup::nats_server::program()?, &self.bin("nats-server"), 0o755)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        unmount_below(&self.dir);
        if self.went_wrong.get() {
            self.rescue_logs();
        }
        if !self.keep {
            // What is left is found through LAST by the next start.
            let _ = fs::remove_dir_all(&self.dir);
        }
        if self.keep || !self.dir.exists() {
            let _ = fs::remove_file(LAST);
        }
        let _ = fs::remove_file(LOCK);
    }
}

/// Through a new file: the old one may be running.
pub fn copy(from: &Path, to: &Path, mode: u32) -> Result {
    let bytes = fs::read(from).map_err(|error| Failure::file("read", from, &error))?;
    write(to, &bytes, mode)
}

pub fn write(path: &Path, bytes: &[u8], mode: u32) -> Result {
    let fresh = path.with_extension("new");
    let written = File::create(&fresh)
        .and_then(|mut file| {
            file.set_permissions(Permissions::from_mode(mode))?;
            file.write_all(bytes)
        })
        .and_then(|()| fs::rename(&fresh, path));
    written.map_err(|error| Failure::file("write", path, &error))
}

fn absolute(dir: &Path) -> Result<PathBuf> {
    std::path::absolute(dir).map_err(|error| Failure::file("find", dir, &error))
}

fn lock() -> Result<File> {
    let path = Path::new(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| Failure::file("open", path, &error))?;
    // The one before removes the file as it ends: a lock on a file that nobody finds any more is none.
    let is_found = || {
        let (found, held) = (fs::metadata(path).ok()?, file.metadata().ok()?);
        (found.ino() == held.ino()).then_some(())
    };
    match file.try_lock() {
        Ok(()) if is_found().is_some() => Ok(file),
        Ok(()) => bail!("another demo has only just ended; start again"),
        Err(TryLockError::WouldBlock) => bail!("another demo is running on this machine; end it first"),
        Err(TryLockError::Error(error)) => Err(Failure::file("lock", path, &error)),
    }
}

/// Ends what a demo that was killed left: containers first (they are in no namespace of ours), then
/// namespaces with all processes in them, then its directory, if it was a temporary one.
fn sweep_last() {
    let last = fs::read_to_string(LAST).ok().map(|text| PathBuf::from(text.trim()));
    if let Some(dir) = &last {
        super::containers::remove_all(&dir.join("bin/podman"));
    }
    super::netns::sweep();
    if let Some(dir) = last {
        unmount_below(&dir);
        let ours = dir.parent() == Some(&std::env::temp_dir())
            && dir.file_name().is_some_and(|name| name.to_string_lossy().starts_with("viworks-demo-"));
        if ours {
            // What cannot be removed stays for a person to look at.
            let _ = fs::remove_dir_all(&dir);
        }
        let _ = fs::remove_file(LAST);
    }
}

/// The container engine mounts its storage onto itself.
fn unmount_below(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let mut below: Vec<&str> = mounts
        .lines()
        .filter_map(|line| line.split(' ').nth(1))
        .filter(|at| Path::new(at).starts_with(dir))
        .collect();
    // Inner ones first.
    below.sort_by_key(|at| std::cmp::Reverse(at.len()));
    for at in below {
        let _ = exec::command("umount").arg("--lazy").arg(at).output();
    }
}
