//! The only file of this crate that reads a clock or lets time pass.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the crate's clock")]
pub fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// The gap between two looks at a condition; nothing here waits for a fixed time and hopes.
const LOOK_EVERY: Duration = Duration::from_millis(5);

#[expect(clippy::disallowed_methods, reason = "the pause between two looks of a level-triggered wait")]
pub fn pause() {
    std::thread::sleep(LOOK_EVERY);
}
