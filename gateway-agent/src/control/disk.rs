//! What survives: the state as a whole, tombstones and nonces record by record. Durable when it returns.

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};
use viworks_domain::{
    bytes,
    enforcer::{Memory, SpentNonce, State, Tombstone},
};

#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    #[error("{file}: {source}")]
    Io { file: String, source: io::Error },
    #[error("{file} is damaged; what it says about ended sessions cannot be done without")]
    Damaged { file: String },
}

fn at(file: &Path) -> impl FnOnce(io::Error) -> DiskError + '_ {
    move |source| DiskError::Io { file: file.display().to_string(), source }
}

#[derive(Debug)]
pub(super) struct Disk {
    dir: PathBuf,
    tombstones: Log,
    nonces: Log,
}

impl Disk {
    pub fn open(dir: &Path) -> Result<(Self, Memory), DiskError> {
        let (tombstones, buried) = Log::open(&dir.join("tombstones"))?;
        let (nonces, spent) = Log::open(&dir.join("nonces"))?;
        let state = dir.join("state");
        let state = match fs::read(&state) {
            Ok(bytes) => unframe(&bytes)
                .and_then(|(body, rest)| rest.is_empty().then(|| bytes::decode(body).ok())?)
                .ok_or_else(|| DiskError::Damaged { file: state.display().to_string() })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => State::default(),
            Err(error) => return Err(at(&state)(error)),
        };
        let disk = Self { dir: dir.to_path_buf(), tombstones, nonces };
        Ok((disk, Memory { state, tombstones: buried, nonces: spent }))
    }

    pub fn save_state(&mut self, state: &State) -> Result<(), DiskError> {
        replace(&self.dir.join("state"), &frame(state))
    }

    pub fn save_tombstone(&mut self, tombstone: &Tombstone) -> Result<(), DiskError> {
        self.tombstones.append(tombstone)
    }

    pub fn save_nonce(&mut self, nonce: &SpentNonce) -> Result<(), DiskError> {
        self.nonces.append(nonce)
    }

    /// At a start: without what nobody needs any more.
    pub fn rewrite(&mut self, memory: &Memory) -> Result<(), DiskError> {
        self.tombstones.rewrite(&memory.tombstones)?;
        self.nonces.rewrite(&memory.nonces)
    }
}

/// `length u32, first 8 bytes of SHA-256, postcard`: a torn or flipped record is seen to be one.
fn frame<T: Serialize>(value: &T) -> Vec<u8> {
    let body = bytes::encode(value);
    let mut framed = (body.len() as u32).to_le_bytes().to_vec();
    framed.extend_from_slice(&Sha256::digest(&body)[..8]);
    framed.extend_from_slice(&body);
    framed
}

/// The body of the first record, and what follows it.
fn unframe(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(12)?;
    let (length, digest) = head.split_at(4);
    let length = u32::from_le_bytes(length.try_into().ok()?) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    (Sha256::digest(body)[..8] == *digest).then_some((body, rest))
}

/// Beside it, synced, then in its place, and the directory synced.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), DiskError> {
    let beside = path.with_extension("new");
    let written = (|| {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&beside, path)?;
        File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
    })();
    written.map_err(at(path))
}

/// Records of one kind, appended.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    /// Where the last whole record ends.
    end: u64,
}

impl Log {
    pub fn open<T: DeserializeOwned>(path: &Path) -> Result<(Self, Vec<T>), DiskError> {
        let open = || {
            let mut file =
                File::options().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
            let mut bytes = vec![];
            file.read_to_end(&mut bytes)?;
            Ok((file, bytes))
        };
        let (file, all) = open().map_err(at(path))?;
        let (mut records, mut rest) = (vec![], all.as_slice());
        while let Some((body, next)) = unframe(rest) {
            records.push(
                bytes::decode(body).map_err(|_| DiskError::Damaged { file: path.display().to_string() })?,
            );
            rest = next;
        }
        // A record that a power cut tore was never acknowledged; anything longer is damage.
        let torn = rest.len() < 12 || unframe_length(rest).is_some_and(|length| length > rest.len() - 12);
        if !rest.is_empty() && !torn {
            return Err(DiskError::Damaged { file: path.display().to_string() });
        }
        let end = (all.len() - rest.len()) as u64;
        file.set_len(end).map_err(at(path))?;
        Ok((Self { path: path.to_path_buf(), file, end }, records))
    }

    pub fn append<T: Serialize>(&mut self, record: &T) -> Result<(), DiskError> {
        self.append_unsynced(record)?;
        self.sync()
    }

    pub fn append_unsynced<T: Serialize>(&mut self, record: &T) -> Result<(), DiskError> {
        use std::os::unix::fs::FileExt;
        let framed = frame(record);
        // At the end of the last whole one: a half-written failure is overwritten by the next try.
        self.file.write_all_at(&framed, self.end).map_err(at(&self.path))?;
        self.end += framed.len() as u64;
        Ok(())
    }

    pub fn sync(&self) -> Result<(), DiskError> {
        self.file.sync_data().map_err(at(&self.path))
    }

    pub const fn len(&self) -> u64 {
        self.end
    }

    pub fn rewrite<T: Serialize>(&mut self, records: &[T]) -> Result<(), DiskError> {
        let bytes: Vec<u8> = records.iter().flat_map(|record| frame(record)).collect();
        replace(&self.path, &bytes)?;
        self.file = File::options().read(true).write(true).open(&self.path).map_err(at(&self.path))?;
        self.end = bytes.len() as u64;
        Ok(())
    }
}

fn unframe_length(bytes: &[u8]) -> Option<usize> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::{Millis, ids::BootstrapId};

    fn nonce(n: u8) -> SpentNonce {
        SpentNonce { bootstrap: BootstrapId([n; 16]), nonce: [n; 16], until: Millis(7) }
    }

    #[test]
    fn what_was_saved_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, memory) = Disk::open(dir.path()).unwrap();
        assert_eq!(memory, Memory::default());
        let state = State { epoch: 3, ..State::default() };
        disk.save_nonce(&nonce(1)).unwrap();
        disk.save_state(&state).unwrap();
        disk.save_nonce(&nonce(2)).unwrap();
        let (_, memory) = Disk::open(dir.path()).unwrap();
        assert_eq!(memory, Memory { state, tombstones: vec![], nonces: vec![nonce(1), nonce(2)] });
    }

    #[test]
    fn a_torn_record_is_cut_off_and_the_next_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, _) = Disk::open(dir.path()).unwrap();
        disk.save_nonce(&nonce(1)).unwrap();
        let path = dir.path().join("nonces");
        let whole = fs::read(&path).unwrap();
        for torn in 1..whole.len() {
            fs::write(&path, [&whole[..], &whole[..torn]].concat()).unwrap();
            let (mut disk, memory) = Disk::open(dir.path()).unwrap();
            assert_eq!(memory.nonces, [nonce(1)], "torn after {torn} bytes");
            disk.save_nonce(&nonce(2)).unwrap();
            assert_eq!(Disk::open(dir.path()).unwrap().1.nonces, [nonce(1), nonce(2)]);
        }
    }

    #[test]
    fn a_flipped_bit_stops_the_agent() {
        let dir = tempfile::tempdir().unwrap();
        let (mut disk, _) = Disk::open(dir.path()).unwrap();
        disk.save_nonce(&nonce(1)).unwrap();
        disk.save_nonce(&nonce(2)).unwrap();
        let path = dir.path().join("nonces");
        let mut bytes = fs::read(&path).unwrap();
        bytes[15] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(Disk::open(dir.path()), Err(DiskError::Damaged { .. })));
    }
}
