//! The live feed, over real WebSockets.

mod bounds;
mod browser;
mod gateways;
mod going_on;
mod leaving;
mod speed;

use browser::{Browser, audit, sessions, users};
