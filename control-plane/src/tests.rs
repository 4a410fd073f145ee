//! The whole control plane against a real nats-server: a state directory that `init` made, `serve` in this
//! process, and clients over TLS.

mod browser;
mod faults;
mod feed;
mod flow;
mod malformed;
mod own_policy;
mod roles;
mod sessions;
mod stand;
mod timing;
mod world;
