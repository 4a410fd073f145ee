//! The only place that reads a clock.

use std::{
    fs,
    time::{Duration, Instant},
};
use viworks_domain::{Millis, lease::Clocks};

#[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(since.as_millis() as u64)
}

#[expect(clippy::disallowed_methods, reason = "this is the shell's clock")]
pub fn instant() -> Instant {
    Instant::now()
}

/// Both clocks of this boot.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    boot_id: [u8; 16],
}

impl Machine {
    /// A machine that does not say which boot this is gets a boot of its own: saved boot times count for
    /// nothing then, and the wall clock decides.
    pub fn read() -> Self {
        let text = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let hex: String = text.chars().filter(char::is_ascii_hexdigit).collect();
        let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).ok().and_then(|b| b.try_into().ok());
        Self {
            boot_id: bytes.unwrap_or_else(|| now().0.to_be_bytes().repeat(2).try_into().unwrap_or_default()),
        }
    }

    pub fn clocks(&self) -> Clocks {
        let boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let boot = u64::try_from(boot.tv_sec).unwrap_or(0) * 1000
            + u64::try_from(boot.tv_nsec).unwrap_or(0) / 1_000_000;
        Clocks { wall: now(), boot, boot_id: self.boot_id }
    }
}

/// Level-triggered waiting outside the async world: until `done` or the deadline.
pub fn wait_until(within: Duration, mut done: impl FnMut() -> bool) -> bool {
    let from = instant();
    loop {
        if done() {
            return true;
        }
        if from.elapsed() > within {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
