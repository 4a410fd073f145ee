//! The only place that reads the clock.

use std::time::{SystemTime, UNIX_EPOCH};
use viworks_domain::Millis;

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
