//! Between the control plane and gateways: orders out, reports in, telemetry and leases besides.
//!
//! A gateway sees four subjects of its own account ([`crate::subject::local`]) and knows no other. Addresses
//! prove nothing all the same: orders and reports are signed envelopes, verified by whoever acts on them.

#[cfg(feature = "gateway")]
pub mod agent;
#[cfg(feature = "control")]
pub mod intake;
#[cfg(feature = "control")]
pub mod orders;
