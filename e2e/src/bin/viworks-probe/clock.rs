//! The one place where the probe reads the clock.

use viworks_domain::Millis;

#[expect(clippy::disallowed_methods, reason = "this is the program's clock")]
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
