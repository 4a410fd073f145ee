//! The state directory: 0700, and every secret in it 0600. What others could have read or written is refused
//! when it is read, not only avoided when it is made.

use crate::{clock, entropy};
use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Nothing we keep in one file is larger; reading stops there.
const LARGEST: u64 = 1024 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error("cannot {verb} {}", .path.display())]
    Io { verb: &'static str, path: PathBuf, source: io::Error },
    #[error(
        "{} is open to others (mode {mode:o}); run `chmod {wanted:o}` on it, and renew it if others may have read it",
        .path.display()
    )]
    TooOpen { path: PathBuf, mode: u32, wanted: u32 },
    #[error("{} belongs to user {owner}; it must belong to the user that runs viworks", .path.display())]
    ForeignOwner { path: PathBuf, owner: u32 },
    #[error("{} is not what `viworks init` writes there: {problem}", .path.display())]
    Unreadable { path: PathBuf, problem: &'static str },
}

impl StateError {
    fn io(verb: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { verb, path, source }
    }
}

/// A directory that only its owner may enter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateDir(PathBuf);

impl StateDir {
    /// # Errors
    /// It is not there, not a directory, or open to others.
    pub fn open(path: &Path) -> Result<Self, StateError> {
        let meta = fs::metadata(path).map_err(StateError::io("open", path))?;
        if !meta.is_dir() {
            return Err(StateError::Unreadable { path: path.into(), problem: "not a directory" });
        }
        closed(path, &meta, 0o700)?;
        Ok(Self(path.to_owned()))
    }

    /// Makes it, with what leads to it.
    pub fn make(path: &Path) -> Result<Self, StateError> {
        DirBuilder::new().mode(0o700).recursive(true).create(path).map_err(StateError::io("make", path))?;
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(StateError::io("close", path))?;
        Ok(Self(path.to_owned()))
    }

    #[cfg(test)]
    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub fn secret(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, StateError> {
        read_secret(&self.at(name))
    }

    pub fn text(&self, name: &str) -> Result<Zeroizing<String>, StateError> {
        let path = self.at(name);
        let bytes = read_secret(&path)?;
        std::str::from_utf8(&bytes)
            .map(|text| Zeroizing::new(text.to_owned()))
            .map_err(|_| StateError::Unreadable { path, problem: "not text" })
    }

    /// Writes a file of mode 0600, with the directories that lead to it; never over one that is there.
    pub fn add(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StateError> {
        self.add_with_mode(name, bytes, 0o600)
    }

    /// For what everybody may read once they can reach it: certificates.
    pub fn add_public(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, StateError> {
        self.add_with_mode(name, bytes, 0o644)
    }

    fn add_with_mode(&self, name: &str, bytes: &[u8], mode: u32) -> Result<PathBuf, StateError> {
        let path = self.at(name);
        if let Some(parent) = path.parent().filter(|parent| *parent != self.0) {
            Self::make(parent)?;
        }
        write_new(&path, bytes, mode)?;
        Ok(path)
    }

    /// Replaces a file in one step: readers see the old bytes or the new ones.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<(), StateError> {
        replace(&self.at(name), bytes)
    }
}

/// Reads a file that only its owner may read.
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, StateError> {
    let file = File::open(path).map_err(StateError::io("read", path))?;
    closed(path, &file.metadata().map_err(StateError::io("read", path))?, 0o600)?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(LARGEST).read_to_end(&mut bytes).map_err(StateError::io("read", path))?;
    Ok(bytes)
}

/// Writes a new file, durably, before anything can depend on it.
pub fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StateError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(StateError::io("make", path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(StateError::io("write", path))
}

/// Writes beside and renames over, mode 0600.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{}-{:x}", clock::now().0, u64::from_be_bytes(entropy::bytes())));
    let beside = PathBuf::from(beside);
    write_new(&beside, bytes, 0o600)?;
    fs::rename(&beside, path).map_err(StateError::io("replace", path))
}

fn closed(path: &Path, meta: &fs::Metadata, wanted: u32) -> Result<(), StateError> {
    let mode = meta.mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(StateError::TooOpen { path: path.into(), mode, wanted });
    }
    // The kernel lets nobody but root make a file for another user; a foreign owner could change it under us.
    let this = fs::metadata("/proc/self").map_err(StateError::io("read", Path::new("/proc/self")))?.uid();
    if meta.uid() != this {
        return Err(StateError::ForeignOwner { path: path.into(), owner: meta.uid() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir() -> (tempfile::TempDir, StateDir) {
        let temp = tempfile::tempdir().expect("a directory");
        let dir = StateDir::make(&temp.path().join("state")).expect("made");
        (temp, dir)
    }

    #[test]
    fn what_is_added_is_closed_and_reads_back() {
        let (_temp, dir) = dir();
        let path = dir.add("keys/root.key", b"secret").expect("added");
        assert_eq!(fs::metadata(&path).expect("there").mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(dir.at("keys")).expect("there").mode() & 0o777, 0o700);
        assert_eq!(**dir.secret("keys/root.key").expect("readable"), *b"secret");
    }

    #[test]
    fn a_secret_that_others_may_read_is_refused() {
        let (_temp, dir) = dir();
        let path = dir.add("key", b"secret").expect("added");
        for mode in [0o640, 0o604, 0o660, 0o601] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).expect("chmod");
            assert!(matches!(dir.secret("key"), Err(StateError::TooOpen { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_directory_that_others_may_enter_is_refused() {
        let (_temp, dir) = dir();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o750)).expect("chmod");
        assert!(matches!(StateDir::open(dir.path()), Err(StateError::TooOpen { wanted: 0o700, .. })));
    }

    #[test]
    fn nothing_that_is_there_is_overwritten_unless_asked() {
        let (_temp, dir) = dir();
        dir.add("key", b"first").expect("added");
        assert!(dir.add("key", b"second").is_err());
        dir.replace("key", b"third").expect("replaced");
        assert_eq!(**dir.secret("key").expect("readable"), *b"third");
    }
}
