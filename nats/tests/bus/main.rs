//! The bus against a real nats-server each: what is promised, and what is denied.

#![expect(clippy::unwrap_used, reason = "the helpers of tests end them where something is not as it must be")]

mod counter;
mod crash;
mod event_store;
mod fixtures;
mod gateway;
mod permissions;
mod preflight;
mod process_runner;
mod worker;
