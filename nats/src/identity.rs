//! Who may do what on the bus: nkeys, JWTs, the control plane's roles, one account per gateway.

pub mod credentials;
pub mod nkey;
pub mod role;

#[cfg(feature = "control")]
mod accounts;
#[cfg(feature = "control")]
pub mod claims;
#[cfg(feature = "control")]
pub mod operator;
#[cfg(feature = "control")]
pub mod permissions;
#[cfg(feature = "control")]
pub mod push;
