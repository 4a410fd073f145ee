//! One reader of the changes per node, for all connections.

use super::{Batch, Feed};
use crate::follower::Roster;
use std::{
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::broadcast::{self, error::RecvError};
use viworks_api::feed::Frame;
use viworks_domain::{bytes, ids::BusAccount};
use viworks_projections::{Changed, QueryError};

/// Changes of one batch: some 200 KB, or ten milliseconds of the busiest projector.
pub const MOST_CHANGES: u32 = 256;
/// Batches that the slowest connection may be behind. With [`MOST_CHANGES`] rows of a kilobyte or so, twice (as
/// rows and encoded), the ring stays below 64 MB however many connections there are and however slow they read.
const RING: usize = 128;
/// The database is asked again after this when it failed.
const PAUSE: Duration = Duration::from_millis(500);

/// The ring, and how far it has got.
pub struct Live {
    at: Mutex<u64>,
    ring: broadcast::Sender<Arc<Batch>>,
}

impl Default for Live {
    fn default() -> Self {
        Self { at: Mutex::default(), ring: broadcast::Sender::new(RING) }
    }
}

impl Live {
    /// Every batch from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Batch>> {
        let _at = self.lock();
        self.ring.subscribe()
    }

    /// Where to read on; none when nobody listens, and then all is up to `reached`.
    fn next(&self, reached: u64) -> Option<u64> {
        let mut at = self.lock();
        if self.ring.receiver_count() == 0 {
            *at = reached;
            return None;
        }
        Some(*at)
    }

    fn push(&self, batch: Arc<Batch>) {
        let mut at = self.lock();
        *at = batch.seq;
        // Nobody listens: whoever comes next reads a snapshot.
        let _ = self.ring.send(batch);
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed {
    /// Reads on as the projector does, for ever.
    pub async fn run(self: Arc<Self>, roster: Roster) -> Result<(), Infallible> {
        let mut reached = self.queries.reached();
        let mut heard = self.telemetry.listen();
        loop {
            let seq = *reached.borrow_and_update();
            if let Err(error) = self.catch_up(seq).await {
                tracing::error!(error = &error as &dyn std::error::Error, "the feed cannot read the changes");
                tokio::time::sleep(PAUSE).await;
                reached.mark_changed();
            }
            loop {
                tokio::select! {
                    changed = reached.changed() => match changed {
                        Ok(()) => break,
                        // The database is never dropped before the node.
                        Err(_) => return Ok(()),
                    },
                    word = heard.recv() => match word {
                        Ok(account) => self.pass_on(&roster, &account),
                        Err(RecvError::Lagged(_)) => {}
                        Err(RecvError::Closed) => return Ok(()),
                    },
                }
            }
        }
    }

    async fn catch_up(&self, reached: u64) -> Result<(), QueryError> {
        while let Some(at) = self.live.next(reached) {
            let changed = self.queries.moment().await?.changed_after(at, MOST_CHANGES).await?;
            let (batch, is_all) = match changed {
                Changed::Since { seq, head, rows } => (Batch::of(at, seq, rows), seq == head),
                // Nobody is told what lies between: to them it is a gap, and they read anew.
                Changed::Forgotten => {
                    let head = self.queries.seq().await?;
                    self.seats.all_look_again();
                    (Batch::of(head, head, vec![]), true)
                }
            };
            for operator in &batch.operators {
                self.seats.look_again(*operator);
            }
            if batch.seq > at || batch.prev > at {
                self.live.push(batch);
            }
            if is_all {
                break;
            }
        }
        Ok(())
    }

    fn pass_on(&self, roster: &Roster, account: &BusAccount) {
        if self.words.receiver_count() == 0 {
            return;
        }
        let Some(gateway) = roster.gateway(account) else { return };
        let Some(telemetry) = self.telemetry.of(account) else { return };
        // Nobody listens any more: nobody missed it.
        let _ = self.words.send(bytes::encode(&Frame::Telemetry { gateway, telemetry }).into());
    }
}
