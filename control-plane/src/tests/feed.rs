//! The live feed, over real WebSockets.

mod browser;
mod going_on;

use browser::{Browser, sessions, users};
