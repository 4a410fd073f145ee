//! Giving powers away, for good: another user, no groups, an exact set of capabilities.
//!
//! Done by each child to itself, first thing, while it has one thread: threads that come later inherit it.

use caps::{CapSet, Capability, CapsHashSet};
use rustix::{process::Signal, thread};

#[derive(Debug, thiserror::Error)]
pub enum CannotDrop {
    #[error("capabilities cannot be set: {0}")]
    Capabilities(#[from] caps::errors::CapsError),
    #[error("the user cannot be changed")]
    User(#[from] rustix::io::Errno),
    #[error("{0} is not a user or group")]
    NotAUser(u32),
}

/// Becomes `uid` with exactly `keep`. With `ambient`, programs it executes have them too.
///
/// # Errors
/// [`CannotDrop`]; the caller exits, because what it has then is not what it should have.
pub fn become_user(uid: u32, gid: u32, keep: &[Capability], ambient: bool) -> Result<(), CannotDrop> {
    // A machine may withhold some even from root; what then fails says so itself.
    let had = caps::read(None, CapSet::Permitted)?;
    let keep: CapsHashSet = keep.iter().copied().filter(|capability| had.contains(capability)).collect();
    let user = (uid != u32::MAX).then(|| thread::Uid::from_raw(uid)).ok_or(CannotDrop::NotAUser(uid))?;
    let group = (gid != u32::MAX).then(|| thread::Gid::from_raw(gid)).ok_or(CannotDrop::NotAUser(gid))?;
    for capability in caps::runtime::thread_all_supported() {
        if !keep.contains(&capability) {
            caps::drop(None, CapSet::Bounding, capability)?;
        }
    }
    thread::set_thread_groups(&[])?;
    thread::set_thread_res_gid(group, group, group)?;
    if !user.is_root() {
        thread::set_keep_capabilities(true)?;
        thread::set_thread_res_uid(user, user, user)?;
    }
    // In this order: what is effective must always be permitted.
    caps::set(None, CapSet::Effective, &keep)?;
    caps::set(None, CapSet::Permitted, &keep)?;
    let inheritable = if ambient { keep.clone() } else { CapsHashSet::new() };
    caps::set(None, CapSet::Inheritable, &inheritable)?;
    if ambient {
        caps::set(None, CapSet::Ambient, &keep)?;
    }
    thread::set_no_new_privs(true)?;
    Ok(())
}

/// Set after the user was changed: changing it takes this back.
pub fn die_with_parent() -> Result<(), CannotDrop> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    Ok(())
}
