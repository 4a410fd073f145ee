//! The state directory: 0700, files 0600, and refused when anybody else could look into it.

use super::arguments::PostureFile;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{
    fs, io,
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use viworks_api::bytes::Bytes;
use viworks_domain::ids::{DeviceId, UserId};

const ENROLLED: &str = "phone.json";
const POSTURE: &str = "posture.json";
/// Nothing of ours comes near.
const LONGEST: u64 = 64 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum PlaceFault {
    #[error("{path}: {what}")]
    Unusable { path: PathBuf, what: &'static str, source: io::Error },
    #[error("{path} may be read or changed by others; run: chmod {mode} {path}")]
    TooWide { path: PathBuf, mode: &'static str },
    #[error("{path} is damaged; move the directory away and enrol this phone again")]
    Damaged { path: PathBuf },
}

/// What enrolment left.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Enrolled {
    pub url: String,
    /// The one CA believed at that address, DER.
    pub ca: Bytes,
    pub device: DeviceId,
    pub user: UserId,
    pub token: String,
}

pub struct Place(PathBuf);

impl Place {
    pub fn new(dir: &Path) -> Self {
        Self(dir.to_path_buf())
    }

    /// # Errors
    /// It cannot be made, or others may enter it.
    pub fn make(&self) -> Result<(), PlaceFault> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.0);
        made.map_err(|source| self.unusable("", "cannot be made", source))?;
        self.private_dir()
    }

    pub fn enrolled(&self) -> Result<Option<Enrolled>, PlaceFault> {
        self.json(ENROLLED)
    }

    pub fn keep_enrolled(&self, enrolled: &Enrolled) -> Result<(), PlaceFault> {
        let text = serde_json::to_vec_pretty(enrolled).map_err(|_| self.damaged(ENROLLED))?;
        self.write(ENROLLED, &text)
    }

    pub fn posture(&self) -> Result<PostureFile, PlaceFault> {
        Ok(self.json(POSTURE)?.unwrap_or_default())
    }

    /// A file's bytes, if there is one; refused when anybody but its owner may read it.
    pub fn read(&self, name: &str) -> Result<Option<Vec<u8>>, PlaceFault> {
        let path = self.0.join(name);
        let file = match fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.unusable(name, "cannot be read", source)),
        };
        self.private_dir()?;
        let meta = file.metadata().map_err(|source| self.unusable(name, "cannot be looked at", source))?;
        if meta.mode() & 0o077 != 0 {
            return Err(PlaceFault::TooWide { path, mode: "600" });
        }
        let mut bytes = Vec::new();
        let read = file.take(LONGEST).read_to_end(&mut bytes);
        read.map_err(|source| self.unusable(name, "cannot be read", source))?;
        Ok(Some(bytes))
    }

    /// Written beside and renamed: a crash leaves the old file or the new one.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), PlaceFault> {
        let (path, beside) = (self.0.join(name), self.0.join(format!(".{name}.new")));
        let write = || {
            let mut file =
                fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&beside, &path)
        };
        write().map_err(|source| self.unusable(name, "cannot be written", source))
    }

    pub fn damaged(&self, name: &str) -> PlaceFault {
        PlaceFault::Damaged { path: self.0.join(name) }
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, PlaceFault> {
        let Some(bytes) = self.read(name)? else { return Ok(None) };
        serde_json::from_slice(&bytes).map(Some).map_err(|_| self.damaged(name))
    }

    fn private_dir(&self) -> Result<(), PlaceFault> {
        let meta = fs::metadata(&self.0).map_err(|e| self.unusable("", "cannot be looked at", e))?;
        if meta.mode() & 0o077 == 0 {
            Ok(())
        } else {
            Err(PlaceFault::TooWide { path: self.0.clone(), mode: "700" })
        }
    }

    fn unusable(&self, name: &str, what: &'static str, source: io::Error) -> PlaceFault {
        let path = if name.is_empty() { self.0.clone() } else { self.0.join(name) };
        PlaceFault::Unusable { path, what, source }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn place() -> (tempfile::TempDir, Place) {
        let dir = tempfile::tempdir().expect("a directory");
        let place = Place::new(&dir.path().join("phone"));
        place.make().expect("made");
        (dir, place)
    }

    fn mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
    }

    #[test]
    fn what_is_written_is_for_its_owner_alone() {
        let (_dir, place) = place();
        place.write("sign.key", b"secret").expect("written");
        assert_eq!(place.read("sign.key").expect("read").as_deref(), Some(&b"secret"[..]));
        let bits = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((bits(&place.0), bits(&place.0.join("sign.key"))), (0o700, 0o600));
    }

    #[test]
    fn a_file_or_directory_that_others_may_read_is_refused() {
        let (_dir, place) = place();
        place.write("sign.key", b"secret").expect("written");
        mode(&place.0.join("sign.key"), 0o640);
        assert!(matches!(place.read("sign.key"), Err(PlaceFault::TooWide { mode: "600", .. })));
        mode(&place.0.join("sign.key"), 0o600);
        mode(&place.0, 0o750);
        assert!(matches!(place.read("sign.key"), Err(PlaceFault::TooWide { mode: "700", .. })));
    }

    #[test]
    fn what_is_not_there_is_no_fault_and_what_is_damaged_is() {
        let (_dir, place) = place();
        assert!(place.enrolled().expect("looked").is_none());
        place.write(ENROLLED, b"{").expect("written");
        assert!(matches!(place.enrolled(), Err(PlaceFault::Damaged { .. })));
    }
}
