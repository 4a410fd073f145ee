//! The desktop: one engine, its terminal face `viworks-connect`, and the privileged helper `viworks-tunneld`.
//!
//! The engine is a pure state machine and does no I/O. Nothing secret is ever written: the session's key, the
//! bootstrap and the token live in memory alone, and the helper never sees the key. The helper never takes
//! configuration text and keeps nothing when its client's socket closes.
//!
//! Our own copies are zeroized when they are done with (the TLS and HTTP libraries' buffers are theirs), the
//! process is not dumpable, and pages are locked where the limits allow; without `unsafe` there is no
//! memfd_secret, so a machine that swaps without encryption is the weak spot.

// The engine: what happens, without any I/O.
pub mod engine;

// What `viworks-connect` does for it.
pub mod connect;

// The helper, and what it and its client say to each other.
pub mod certificate_verify;
pub mod frame;
pub mod tunneld;

mod clock;
mod entropy;
