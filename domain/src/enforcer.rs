//! The gateway agent's rules: `handle(input, clocks) -> effects`.
//!
//! A pure machine. The shell (the agent's `control` process, or the simulation) verifies what comes in
//! ([`receive`]), carries the effects out in their order, and answers each one that has a ticket with
//! [`Input::Done`]. What must be durable before something else may happen is an effect with a ticket, and the
//! something else comes out only after its `Done`.
//!
//! The rules (docs/gateway.md), each with a test that turns red without it:
//! - an end writes its tombstone before anything is cut, and no later admit passes it;
//! - widening orders expire, name this incarnation, and never exceed the ceiling;
//! - a certificate is not admission: TLS needs a live bootstrap of that key and address, OpenVPN needs that
//!   TLS connection's local port and that bootstrap's certificate;
//! - whatever the kernel is given ends by itself at the earlier of lease and end;
//! - a receipt is given for what was confirmed to be gone, and for nothing else.

mod admission;
mod ceiling;
mod connection;
mod doors;
mod effect;
mod ending;
mod input;
mod machine;
mod pool;
mod receive;
mod saved;
mod session;
mod steps;
#[cfg(test)]
mod tests;

pub use ceiling::{Ceiling, Network};
pub use effect::{Effect, SpaKey, Ticket};
pub use input::{Input, Outcome};
pub use machine::{Charter, Enforcer};
pub use pool::Pool;
pub use receive::{NotTaken, receive};
pub use saved::{Held, Memory, Seen, SpentNonce, State, Tombstone};

use std::time::Duration;

/// How long a valid knock keeps the door open: a SYN follows within a round trip or two.
pub const DOOR_OPEN: Duration = Duration::from_secs(10);
/// A tunnel address is not given out again for this long: a resource's own memory of who an address was
/// (its sessions, its logs, its connection tracking) has faded by then.
pub const ADDRESS_RESTS: Duration = Duration::from_secs(600);
/// What was not confirmed is asked for again after this long.
pub const ASK_AGAIN: Duration = Duration::from_secs(1);
/// Tombstones are forgotten at a start this long after their end: every start refuses older admits anyway.
pub const TOMBSTONES_KEPT: Duration = Duration::from_secs(30 * 24 * 3600);
