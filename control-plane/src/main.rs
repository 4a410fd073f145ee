//! `viworks`: the control plane, and the command line that administers it.
//!
//! `serve` is the shell of the core: it moves bytes between HTTPS, the bus and the database, reads the clock
//! and draws randomness; what may happen is decided in `domain`. The other commands are clients of its API,
//! except `init`, `doctor` and `operator recover`, which work on the state directory of this machine. It
//! never starts nats-server, never keeps a password, a code or a token in the clear, and never decides.

// What there is to start with: keys, authorities, configuration.
mod ca;
mod clock;
mod config;
mod entropy;
mod gateway_trust;
mod init;
mod keys;
mod log_identity;
mod state;

// What routes work with.
mod app;
mod asked;
mod error;
mod feed;
mod gateway_accounts;
mod keystore;
mod operators;
mod password;
mod seal;
mod telemetry;

// What runs.
mod follower;
mod http;
mod intake;
mod prepare;
mod projecting;
mod serve;
mod silence;

// What people type.
mod cli;

#[cfg(test)]
mod tests;

fn main() -> std::process::ExitCode {
    cli::run()
}
