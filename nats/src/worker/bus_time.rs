//! Whether this machine's clock agrees with the bus's. A worker whose clock is off decides nothing that lets
//! anybody in: it would stamp codes and sessions with times that nobody else believes.

use crate::{Clock, bus::Bus, subject::EVENTS};
use jiff::Timestamp;
use serde::Deserialize;
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Beyond this, codes of two minutes and bootstraps of one would visibly be cut short or drawn out.
const TOLERANCE: Duration = Duration::from_secs(2);
/// Clocks drift by milliseconds in this time; what is looked for is a clock that was set wrong.
const EVERY: Duration = Duration::from_secs(30);
const EVERY_WHILE_OFF: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct BusTime {
    off: AtomicBool,
}

/// All that is wanted of the stream's state: when the server said it.
#[derive(Deserialize)]
struct Said {
    ts: String,
}

impl BusTime {
    pub(super) fn is_off(&self) -> bool {
        self.off.load(Ordering::Relaxed)
    }

    /// Compares for ever.
    pub(super) async fn watch(&self, bus: &Bus, clock: &Clock) {
        loop {
            tokio::time::sleep(if self.is_off() { EVERY_WHILE_OFF } else { EVERY }).await;
            self.compare(bus, clock).await;
        }
    }

    /// An answer that does not come changes nothing.
    pub(super) async fn compare(&self, bus: &Bus, clock: &Clock) {
        let asked = clock();
        let Ok(answer) = bus.client.request(format!("$JS.API.STREAM.INFO.{EVENTS}"), "".into()).await else {
            return;
        };
        let heard = clock();
        let Ok(said) = serde_json::from_slice::<Said>(&answer.payload) else { return };
        let Ok(said) = said.ts.parse::<Timestamp>() else { return };
        let said = u64::try_from(said.as_millisecond()).unwrap_or(0);
        // It was said between the two readings, if they are right.
        let tolerance = u64::try_from(TOLERANCE.as_millis()).unwrap_or(u64::MAX);
        let off = said + tolerance < asked.0 || said > heard.0 + tolerance;
        if off != self.off.swap(off, Ordering::Relaxed) {
            if off {
                tracing::error!(
                    machine = %heard, bus_ms = said,
                    "this machine's clock is more than two seconds off the bus's; nobody is let in from here"
                );
            } else {
                tracing::info!("this machine's clock agrees with the bus's again");
            }
        }
    }
}
