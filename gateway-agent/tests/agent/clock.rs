//! Waiting in tests: until it is so, or the deadline; the only clock read here.

use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Watch(Instant);

impl Watch {
    pub fn start() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the tests' own clock")]
        Self(Instant::now())
    }

    pub fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    assert!(viworks_agent::clock::wait_until(PATIENCE, &mut done), "waited in vain: {what}");
}
