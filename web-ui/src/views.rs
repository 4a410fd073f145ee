//! One file per view: what it asks, what it shows, what one can do there.

pub mod audit;
pub mod gateways;
pub mod sessions;
pub mod users;
