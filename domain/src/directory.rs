//! The claim of a unique name: one aggregate per normalised name, keyed by its HMAC.

mod command;
mod event;
mod refusal;
mod state;
#[cfg(test)]
mod tests;

pub use command::Command;
pub use event::{ClaimRefused, Claimed, Event, Released};
pub use refusal::Refusal;
pub use state::Directory;
