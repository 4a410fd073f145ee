//! One file per view: what it asks, what it shows, what one can do there.

pub mod act;
pub mod audit;
pub mod filters;
pub mod gateways;
pub mod names;
pub mod receipts;
pub mod sessions;
pub mod terminate;
pub mod users;
