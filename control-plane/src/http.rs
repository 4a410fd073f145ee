//! HTTPS: the accept loop, the routes, and what stands between them.

mod call;
mod cookie;
mod guard;
mod headers;
mod limits;
pub mod listen;
mod problem;
mod reading;
mod room;
mod route;
pub mod rows;
mod table;
mod upgrade;

// For browsers.
mod console;
mod encoding;
mod pages;

// For operators.
mod audit;
mod commands;
mod feed;
mod gateways;
mod operators;
mod own_policy;
mod policies;
mod sessions;
mod users;

// For desktops, phones and gateways.
pub mod desktop;
pub mod device;
pub mod gateway_enrol;
mod stage;

pub use gateways::with_telemetry;
pub use guard::{Permission, Permit, Read, token_digest};
pub use limits::Limits;
pub use pages::Pages;
pub use table::routes;
pub use upgrade::WebSocket;
#[cfg(test)]
pub use {guard::Who, own_policy::asker_of, table::table, users::digest_of};
