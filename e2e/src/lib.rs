//! Whole-system tests: the deterministic simulation.
//!
//! One seed is one history: people, phones, desktops, workers, processes and gateways around an in-memory bus,
//! with faults. The rules are the real ones of `viworks-domain`; only what moves bytes is made up here. This
//! crate never opens a socket, reads a clock or starts a thread.

pub mod sim;
