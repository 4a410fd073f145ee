//! Files put into directories that another user may write to: never through what lies there already.

use std::{
    fs::{self, File},
    io::{self, Write},
    os::{
        fd::AsFd,
        unix::fs::{OpenOptionsExt, fchown},
    },
    path::Path,
};

/// A journal longer than this is set aside once, as `<name>.1`.
const LONGEST_JOURNAL: u64 = 4 * 1024 * 1024;

/// A new file of this owner and nobody else's; what had its name before is gone.
pub(super) fn place(path: &Path, bytes: &[u8], owner: u32, mode: u32) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // `create_new` follows no link, and the owner is changed by descriptor: a swap in between gains nothing.
    let mut file = File::options().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    fchown(file.as_fd(), Some(owner), Some(owner))
}

/// To append to; it stays on this machine.
pub(super) fn journal(path: &Path) -> io::Result<File> {
    if fs::metadata(path).is_ok_and(|m| m.len() > LONGEST_JOURNAL) {
        fs::rename(path, path.with_extension("log.1"))?;
    }
    File::options().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{MetadataExt, symlink};

    #[test]
    fn a_link_that_lies_in_the_way_is_replaced_and_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (precious, path) = (dir.path().join("precious"), dir.path().join("nginx.conf"));
        fs::write(&precious, "keep").unwrap();
        symlink(&precious, &path).unwrap();
        let owner = fs::metadata(dir.path()).unwrap().uid();
        place(&path, b"new", owner, 0o400).unwrap();
        assert_eq!(fs::read(&precious).unwrap(), b"keep");
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::symlink_metadata(&path).unwrap().mode() & 0o7777, 0o400);
    }

    #[test]
    fn a_journal_that_has_grown_long_is_set_aside() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("scripts.log");
        journal(&path).unwrap().set_len(LONGEST_JOURNAL + 1).unwrap();
        assert_eq!(journal(&path).unwrap().metadata().unwrap().len(), 0);
        assert!(dir.path().join("scripts.log.1").is_file());
    }
}
