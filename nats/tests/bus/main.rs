//! The bus against a real nats-server each: what is promised, and what is denied.

mod counter;
mod event_store;
mod fixtures;
mod gateway;
mod permissions;
mod preflight;
mod worker;
