//! The live feed: one hub per node reads what has changed, loads and encodes each row once, and hands it to every
//! connection; a connection keeps count of what its client has been told.
//!
//! Nothing here waits for a client that does not read: batches stand in one ring for all connections, and whoever
//! falls out of it takes fresh snapshots. Nothing here is a source of truth: what a frame says was read from the
//! projection at the sequence it names.

#[cfg(test)]
mod agreement;
mod batch;
mod connection;
mod hub;
mod position;
mod rows;
mod seats;
mod signed_in;
mod snapshot;
mod socket;
#[cfg(test)]
mod tests;
mod turn;
mod view;

pub use connection::serve;
pub use seats::Seats;
pub use socket::config as of_sockets;

use crate::telemetry::Telemetry;
use batch::Batch;
use bytes::Bytes;
use hub::Live;
use std::sync::Arc;
use tokio::sync::{broadcast, watch};
use turn::Turns;
use viworks_domain::aggregate::LogIdentity;
use viworks_projections::Queries;

/// What gateways say, for connections that show it. Falling out of it loses nothing: the next word says it anew.
const WORDS: usize = 256;

/// What all feeds of a node share.
pub struct Feed {
    log: LogIdentity,
    queries: Queries,
    telemetry: Telemetry,
    live: Live,
    /// Encoded frames of what gateways say.
    words: broadcast::Sender<Bytes>,
    seats: Seats,
    turns: Turns,
    /// The node's end: the accept loop's farewell does not cover upgraded connections.
    stop: watch::Receiver<bool>,
}

impl Feed {
    pub fn new(
        log: LogIdentity,
        queries: Queries,
        telemetry: Telemetry,
        seats: Seats,
        stop: watch::Receiver<bool>,
    ) -> Arc<Self> {
        Arc::new(Self {
            log,
            queries,
            telemetry,
            live: Live::default(),
            words: broadcast::Sender::new(WORDS),
            seats,
            turns: Turns::default(),
            stop,
        })
    }
}
