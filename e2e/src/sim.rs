//! A world in one thread: everything that happens is an event at a virtual time, drawn from one seed.

mod admin;
mod agent;
mod agent_os;
mod faults;
mod fixtures;
mod intake;
mod log;
mod people;
mod prepare;
mod rng;
mod runner;
mod scenario;
mod way;
mod witness;
mod worker;
mod world;

pub use rng::Rng;
pub use scenario::{Desk, Scenario};
pub use world::{Outcome, Rules, World, run};
