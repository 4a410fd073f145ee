//! The core of ViWorkS: every rule, as four kinds of pure function.
//!
//! `decide (state, command, now) -> events | refusal`, `apply (state, event) -> state`,
//! `react (memory, event) -> memory, effects` and the sans-IO protocols. This crate never reads a clock,
//! draws a random byte, opens a socket or awaits: time, ids and entropy are arguments.

// Vocabulary.
pub mod actor;
pub mod bytes;
pub mod envelope;
pub mod ids;
pub mod label;
pub mod personal;
pub mod seal;
pub mod time;

// What is stored: commands, decisions, and the fold that ties them to an aggregate.
pub mod aggregate;
pub mod command;
pub mod decision;
pub mod event;
pub mod permission;

// Aggregates.
pub mod device;
pub mod directory;
pub mod gateway;
pub mod operator;
pub mod policy;
pub mod session;
pub mod user;

// What follows from events.
pub mod process;

// Between the control plane and a gateway.
pub mod enforcer;
pub mod gateway_bus;

// Sans-IO protocols.
pub mod bootstrap;
pub mod lease;
pub mod otp;
pub mod spa;

#[cfg(test)]
mod given;
#[cfg(test)]
mod golden;

pub use aggregate::{Aggregate, Root};
pub use time::Millis;
