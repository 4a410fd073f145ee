//! The gateway's agent: one binary, a small parent, and three children with different powers.
//!
//! The rules are `viworks_domain::enforcer`'s; this crate carries them out. It never runs a shell, never takes
//! configuration text from the bus, never gives the process that strangers talk to a file or a capability, and
//! never sends a script's output anywhere.

pub mod clock;
pub mod config;
pub mod control;
pub mod doctor;
pub mod edge;
pub mod enrol;
pub mod entropy;
pub mod frames;
pub mod https;
pub mod identity;
pub mod launch;
pub mod link;
pub mod parent;
pub mod privileges;
pub mod runner;
