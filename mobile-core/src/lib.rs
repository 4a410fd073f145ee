//! The authenticator's core: enrolment from a QR code, signed posture reports, opening of the sealed code.
//!
//! It never holds a private key (the platform does, behind [`DeviceKey`]), never reads a clock, draws a random
//! byte, opens a socket or writes a file, and hands out nothing signed that it has not verified itself. It
//! compiles to WASM. The terminal authenticator (feature `terminal`) is one face of it.

pub mod code;
pub mod enrolment;
pub mod key;
pub mod posture;
pub mod screen;

#[cfg(feature = "terminal")]
pub mod terminal;

pub use code::ShownCode;
pub use enrolment::Enrolment;
pub use key::{DeviceKey, KeyFault};
pub use screen::{Screen, look};
