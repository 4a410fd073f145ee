//! The page's clock: the only place that reads it.

use viworks_domain::Millis;

pub fn now() -> Millis {
    Millis(js_sys::Date::now() as u64)
}
