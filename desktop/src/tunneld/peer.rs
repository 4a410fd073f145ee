//! Who may have a tunnel: root, and members of the group, as the kernel names them.

use super::{Fault, config::Account};
use rustix::net::sockopt::socket_peercred;
use std::fs;
use tokio::net::UnixStream;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    pub pid: i32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotServed {
    #[error("the kernel does not say who the client is")]
    Unknown,
    #[error("user {uid} is not in the group")]
    NotInGroup { uid: u32 },
}

/// # Errors
/// Neither root nor in the group; without a group, nobody but root.
pub fn identify(client: &UnixStream, group: Option<u32>) -> Result<Peer, NotServed> {
    let credentials = socket_peercred(client).map_err(|_| NotServed::Unknown)?;
    let peer = Peer { uid: credentials.uid.as_raw(), pid: credentials.pid.as_raw_nonzero().get() };
    let member = |group| credentials.gid.as_raw() == group || is_member(peer, group);
    if peer.uid == 0 || group.is_some_and(member) {
        Ok(peer)
    } else {
        Err(NotServed::NotInGroup { uid: peer.uid })
    }
}

/// Supplementary groups. The socket's own permissions have let the client in already, by the same groups; this
/// looks again in case they were widened.
fn is_member(peer: Peer, group: u32) -> bool {
    let Ok(status) = fs::read_to_string(format!("/proc/{}/status", peer.pid)) else { return false };
    let field = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let is_same =
        field("Uid:").and_then(|uids| uids.split_whitespace().nth(1)?.parse().ok()) == Some(peer.uid);
    is_same
        && field("Groups:").is_some_and(|groups| groups.split_whitespace().any(|g| g.parse() == Ok(group)))
}

/// # Errors
/// There is no such group.
pub fn group_id(name: &str) -> Result<u32, Fault> {
    let groups = fs::read_to_string("/etc/group").unwrap_or_default();
    let found = groups.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    found.ok_or_else(|| Fault::NoGroup(name.to_owned()))
}

/// `nobody` with its own group, as this machine calls it.
pub fn nobody() -> Option<Account> {
    let (users, groups) = (fs::read_to_string("/etc/passwd").ok()?, fs::read_to_string("/etc/group").ok()?);
    let user: Vec<&str> = users.lines().find(|line| line.starts_with("nobody:"))?.split(':').collect();
    let gid = user.get(3)?;
    let group = groups.lines().find(|line| line.split(':').nth(2) == Some(gid))?.split(':').next()?;
    Some(Account { user: "nobody".to_owned(), group: group.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_by_name() {
        assert_eq!(group_id("root").ok(), Some(0));
        assert!(matches!(group_id("no-such-group"), Err(Fault::NoGroup(_))));
    }

    #[tokio::test]
    async fn the_kernel_says_who_connects() {
        let (here, _there) = UnixStream::pair().expect("a pair");
        let uid = rustix::process::getuid().as_raw();
        let gid = rustix::process::getgid().as_raw();
        let peer = identify(&here, Some(gid)).expect("ourselves");
        assert_eq!(peer.uid, uid);
        assert_eq!(peer.pid, rustix::process::getpid().as_raw_nonzero().get());
        if uid != 0 {
            assert_eq!(identify(&here, None), Err(NotServed::NotInGroup { uid }));
        }
    }
}
