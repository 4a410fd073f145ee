//! How long a gateway may let something live without hearing from the control plane.

use crate::Millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The lease that a decision at `now` gives: never beyond the session's end.
pub fn lease_until(now: Millis, lease_seconds: u32, ends_at: Millis) -> Millis {
    now.plus(Duration::from_secs(u64::from(lease_seconds))).min(ends_at)
}

/// When to renew: at half of what is left, so that one lost try leaves time for another.
pub fn renew_at(now: Millis, lease_until: Millis) -> Millis {
    now.plus(lease_until.since(now) / 2)
}

/// A reading of the agent's two clocks. `boot` is CLOCK_BOOTTIME in milliseconds: nobody sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clocks {
    pub wall: Millis,
    pub boot: u64,
    /// The kernel's boot id: a saved `boot` of another boot means nothing.
    pub boot_id: [u8; 16],
}

/// A deadline that a wall clock set backwards cannot postpone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    pub wall: Millis,
    boot: u64,
    boot_id: [u8; 16],
}

impl Deadline {
    /// At `wall` on the wall clock, or after as long on the boot clock, whichever comes first.
    pub const fn at(wall: Millis, now: Clocks) -> Self {
        let left = wall.0.saturating_sub(now.wall.0);
        Self { wall, boot: now.boot.saturating_add(left), boot_id: now.boot_id }
    }

    pub fn has_passed(&self, now: Clocks) -> bool {
        now.wall >= self.wall || (now.boot_id == self.boot_id && now.boot >= self.boot)
    }

    /// Time left: the shorter of both clocks.
    pub fn left(&self, now: Clocks) -> Duration {
        let wall = self.wall.since(now.wall);
        if now.boot_id == self.boot_id {
            wall.min(Duration::from_millis(self.boot.saturating_sub(now.boot)))
        } else {
            wall
        }
    }

    /// Only ever closer.
    #[must_use]
    pub fn earlier(self, other: Self) -> Self {
        if other.wall < self.wall { other } else { self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: u64, boot: u64, boot_id: u8) -> Clocks {
        Clocks { wall: Millis(wall), boot, boot_id: [boot_id; 16] }
    }

    #[test]
    fn a_wall_clock_set_back_does_not_postpone_a_deadline() {
        let deadline = Deadline::at(Millis(10_000), clocks(4_000, 100, 1));
        assert!(!deadline.has_passed(clocks(4_000, 6_099, 1)));
        assert!(deadline.has_passed(clocks(1_000, 6_100, 1)));
    }

    #[test]
    fn a_wall_clock_set_forward_brings_it_closer() {
        assert!(Deadline::at(Millis(10_000), clocks(4_000, 100, 1)).has_passed(clocks(10_000, 101, 1)));
    }

    #[test]
    fn after_a_reboot_the_wall_clock_decides_alone() {
        let deadline = Deadline::at(Millis(10_000), clocks(4_000, 100, 1));
        assert!(!deadline.has_passed(clocks(9_999, 99_999, 2)));
        assert!(deadline.has_passed(clocks(10_000, 0, 2)));
    }

    #[test]
    fn a_lease_never_outlives_the_session() {
        assert_eq!(lease_until(Millis(1_000), 600, Millis(5_000)), Millis(5_000));
        assert_eq!(lease_until(Millis(1_000), 600, Millis(9_999_999)), Millis(601_000));
        assert_eq!(renew_at(Millis(1_000), Millis(601_000)), Millis(301_000));
    }
}
