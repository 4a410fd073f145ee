//! The real runner with real OpenVPN, nginx, podman and scripts, in a network namespace of its own, asked over
//! the frames that `control` asks it with. Needs root.

#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test fails by it, or says why it was skipped"
)]

mod adoption;
mod containers;
mod engine;
mod pages;
mod provisioning;
mod stage;
