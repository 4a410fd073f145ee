//! One file per view: what it asks, what it shows, what one can do there.

pub mod act;
pub mod audit;
mod create_user;
pub mod filters;
pub mod gateways;
pub mod names;
pub mod panel;
mod phone;
pub mod receipts;
pub mod sessions;
mod steps;
pub mod terminate;
pub mod users;
