//! The real runner with real OpenVPN, nginx, podman and scripts, in a network namespace of its own, asked over
//! the frames that `control` asks it with. Needs root.

mod adoption;
mod containers;
mod engine;
mod pages;
mod provisioning;
mod stage;
