//! Ctrl-C, SIGTERM and SIGHUP as one flag that every wait looks at, so that cleaning up always happens.

use crate::failure::{Failure, Result};
use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering},
};

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From here on a signal sets the flag instead of ending the process.
pub fn listen() -> Result {
    let flag = ASKED.get_or_init(|| Arc::new(AtomicBool::new(false)));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(flag))
            .map_err(|error| Failure::said(format!("cannot listen for signal {signal}: {error}")))?;
    }
    Ok(())
}

pub fn asked() -> bool {
    ASKED.get().is_some_and(|flag| flag.load(Ordering::SeqCst))
}

pub fn check() -> Result {
    if asked() { Err(Failure::Interrupted) } else { Ok(()) }
}
