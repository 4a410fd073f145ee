//! Why a test failed: what was expected and what was there instead.

use std::fmt;

#[derive(Debug)]
pub struct Failure(pub String);

pub type Done<T = ()> = Result<T, Failure>;

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from {
    ($($error:ty => $what:literal),* $(,)?) => { $(
        impl From<$error> for Failure {
            fn from(error: $error) -> Self {
                Self(format!(concat!($what, ": {}"), error))
            }
        }
    )* };
}

impl From<thirtyfour::error::WebDriverError> for Failure {
    fn from(error: thirtyfour::error::WebDriverError) -> Self {
        // What follows are addresses within chromedriver.
        let text = error.to_string();
        let told = text.split("Stacktrace:").next().unwrap_or_default();
        Self(format!("the browser: {}", told.split_whitespace().collect::<Vec<_>>().join(" ")))
    }
}

from! {
    std::io::Error => "the machine",
    serde_json::Error => "an answer that is no JSON",
}

/// `fail!("...")` ends the test.
macro_rules! fail {
    ($($text:tt)*) => { return Err($crate::failure::Failure(format!($($text)*))) };
}

/// `ensure!(what must hold, "what was there instead")`.
macro_rules! ensure {
    ($holds:expr, $($text:tt)*) => { if !$holds { $crate::failure::fail!($($text)*) } };
}

pub(crate) use {ensure, fail};
