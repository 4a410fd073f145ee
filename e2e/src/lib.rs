//! Whole-system tests: the deterministic simulation.
//!
//! One seed is one history: people, phones, desktops, workers, processes and gateways around an in-memory bus,
//! with faults. The rules are the real ones of `viworks-domain`; only what moves bytes is made up here. This
//! library never opens a socket or reads a clock, and a history has no thread. (`viworks-probe`, the binary beside
//! it, is for the demo's walk through the real system.)
//!
//! - `VIWORKS_SEED=17 cargo test -p viworks-e2e five_hundred -- --nocapture` tells the whole history of a seed;
//!   `VIWORKS_SEEDS=500..5000` runs others than the usual ones.
//! - What must hold is in `sim/witness.rs` (a fold of its own, that shares no rule with the aggregates) and in
//!   `World::{check, inspect, conclude}`. A new promise comes with a rule in [`sim::Rules`] that takes its
//!   defence away, and a test that sees a history break it.
//! - What goes wrong is in `sim/faults.rs`, what people do wrong in `sim/way.rs`.
//! - `tests/promises.rs` plays single histories on purpose, with [`sim::Scenario`].

pub mod sim;
