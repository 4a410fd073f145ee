//! The bus: subjects, the event store, the command bus, the gateway bus, identities.
//!
//! This crate moves bytes between `nats-server` and `domain`. It never decides anything: whether a command is
//! accepted is `domain`'s word, when it is now and what is random are its callers' (the two exceptions:
//! `entropy.rs` draws nkeys, and tokio's timers bound how long an answer is waited for). It never deletes a
//! stream or a message, and trusts no address: every envelope is verified.
//!
//! A gateway links it with feature `gateway` alone: no streams, no event store, no minting.

pub mod connect;
mod entropy;
pub mod gateway_bus;
pub mod identity;
pub mod pull;
pub mod subject;

#[cfg(feature = "control")]
pub mod bus;
#[cfg(feature = "control")]
pub mod command_bus;
#[cfg(feature = "control")]
pub mod conf;
#[cfg(feature = "control")]
pub mod event_store;
#[cfg(feature = "control")]
pub mod folds;
#[cfg(feature = "control")]
pub mod key_value;
#[cfg(feature = "control")]
pub mod preflight;
#[cfg(feature = "control")]
pub mod process_runner;
#[cfg(feature = "control")]
pub mod stream;
#[cfg(feature = "control")]
pub mod worker;

#[cfg(feature = "testing")]
pub mod testing;

use std::sync::Arc;
use viworks_domain::Millis;

/// The shell's clock: this crate has none.
pub type Clock = Arc<dyn Fn() -> Millis + Send + Sync>;
