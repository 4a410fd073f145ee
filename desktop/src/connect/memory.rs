//! What the process does so that its memory stays its own.

use rustix::{
    mm::{MlockAllFlags, mlockall},
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
};

/// No core dump, no reading by other processes of this user, and no swapping where the limit lets everything be
/// locked: a lower one would make later allocations fail. Each is best effort: a kernel without it still serves.
pub fn keep_to_ourselves() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let dumps = setrlimit(Resource::Core, none).is_ok()
        && set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok();
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    let locked = unlimited && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE).is_ok();
    tracing::debug!(undumpable = dumps, locked, "memory");
}
