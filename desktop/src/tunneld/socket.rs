//! The helper's socket: made in a directory of its own, given its rights there, and only then put where clients
//! look for it.

use super::Fault;
use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt, chown},
    path::{Path, PathBuf},
};
use tokio::net::UnixListener;

pub struct Published {
    listener: UnixListener,
    path: PathBuf,
    private: PathBuf,
}

impl Published {
    /// # Errors
    /// Another helper listens there, or the directory does not let us.
    pub fn bind(path: &Path, group: Option<u32>) -> Result<Self, Fault> {
        let fault = |what| move |source| Fault::Socket { path: path.to_path_buf(), what, source };
        if std::os::unix::net::UnixStream::connect(path).is_ok() {
            return Err(Fault::AlreadyRunning { path: path.to_path_buf() });
        }
        if fs::symlink_metadata(path).is_ok_and(|meta| !meta.file_type().is_socket()) {
            return Err(fault("is there already, and is no socket")(io::ErrorKind::AlreadyExists.into()));
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(fault("its directory cannot be made"))?;
        }
        let private = path.with_extension("private");
        empty_private(&private).map_err(fault("its private directory cannot be made"))?;
        let beside = private.join("listen.sock");
        let listener = UnixListener::bind(&beside).map_err(fault("cannot be bound"))?;
        chown(&beside, None, group).map_err(fault("cannot be given to the group"))?;
        let rights = fs::Permissions::from_mode(if group.is_some() { 0o660 } else { 0o600 });
        fs::set_permissions(&beside, rights).map_err(fault("cannot be given its rights"))?;
        fs::rename(&beside, path).map_err(fault("cannot be put in its place"))?;
        Ok(Self { listener, path: path.to_path_buf(), private })
    }

    pub const fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// 0700, empty at the start.
    pub fn private(&self) -> &Path {
        &self.private
    }
}

impl Drop for Published {
    fn drop(&mut self) {
        // What is gone already needs no removing.
        let _ = fs::remove_file(&self.path);
        let _ = fs::remove_dir_all(&self.private);
    }
}

fn empty_private(dir: &Path) -> io::Result<()> {
    match fs::symlink_metadata(dir) {
        // Ours, left by a helper that was killed. Anything but a directory is not.
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(dir)?,
        Ok(_) => return Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::DirBuilder::new().mode(0o700).create(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[tokio::test]
    async fn the_socket_has_its_rights_from_the_moment_it_is_there() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tunnel.sock");
        let published = Published::bind(&path, Some(rustix::process::getgid().as_raw())).expect("bound");
        let bits = |path: &Path| fs::metadata(path).expect("there").mode() & 0o777;
        assert_eq!((bits(&path), bits(published.private())), (0o660, 0o700));
        let (client, served) =
            tokio::join!(tokio::net::UnixStream::connect(&path), published.listener().accept());
        assert!(client.is_ok() && served.is_ok());
    }

    #[tokio::test]
    async fn a_second_helper_does_not_take_the_firsts_place_but_a_dead_ones() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tunnel.sock");
        let first = Published::bind(&path, None).expect("bound");
        assert!(matches!(Published::bind(&path, None), Err(Fault::AlreadyRunning { .. })));
        drop(first);
        assert!(!path.exists());
        // As after SIGKILL: the file stays, nobody listens.
        drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
        assert!(path.exists());
        Published::bind(&path, None).expect("taken over");
    }

    #[tokio::test]
    async fn what_is_no_socket_is_not_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("tunnel.sock");
        fs::write(&path, b"a letter").expect("written");
        assert!(matches!(Published::bind(&path, None), Err(Fault::Socket { .. })));
        assert_eq!(fs::read(&path).expect("still there"), b"a letter");
    }
}
