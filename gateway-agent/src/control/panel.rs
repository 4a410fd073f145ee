//! Published paths: `panel/<tunnel address>/<random path>` leads to the session's directory. No reload.

use crate::config::Places;
use std::{
    fs, io,
    net::Ipv4Addr,
    os::unix::fs::{DirBuilderExt, symlink},
    path::PathBuf,
};
use viworks_domain::{bootstrap, ids::SessionId};

pub(super) struct Panel {
    panel: PathBuf,
    sessions: PathBuf,
}

impl Panel {
    pub fn new(places: &Places) -> Self {
        Self { panel: places.panel(), sessions: places.sessions() }
    }

    /// The only path of this address from now on.
    pub fn publish(&self, session: SessionId, address: Ipv4Addr, path: &[u8; 16]) -> io::Result<()> {
        self.remove(address)?;
        let dir = self.panel.join(address.to_string());
        // Entered by the web server, listed by nobody: the names in it are secrets.
        fs::DirBuilder::new().mode(0o711).create(&dir)?;
        symlink(self.sessions.join(session.to_string()), dir.join(bootstrap::path_text(path)))
    }

    pub fn remove(&self, address: Ipv4Addr) -> io::Result<()> {
        match fs::remove_dir_all(self.panel.join(address.to_string())) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn publishing_replaces_and_removing_twice_is_fine() {
        let state = tempfile::tempdir().unwrap();
        let places = Places::new(state.path());
        fs::create_dir(places.panel()).unwrap();
        let panel = Panel::new(&places);
        let address = Ipv4Addr::new(10, 8, 0, 10);
        let (one, other) = ([1; 16], [2; 16]);
        panel.publish(SessionId([9; 16]), address, &one).unwrap();
        panel.publish(SessionId([9; 16]), address, &other).unwrap();
        let dir = places.panel().join("10.8.0.10");
        assert!(dir.join(bootstrap::path_text(&one)).symlink_metadata().is_err());
        let target = fs::read_link(dir.join(bootstrap::path_text(&other))).unwrap();
        assert_eq!(target, places.sessions().join(SessionId([9; 16]).to_string()));
        panel.remove(address).unwrap();
        panel.remove(address).unwrap();
        assert!(!dir.exists());
    }
}
