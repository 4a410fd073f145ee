//! One reader of the changes per node, for all connections.

use super::{Batch, Feed};
use crate::follower::Roster;
use std::{
    collections::VecDeque,
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
/// Batches that the slowest connection may be behind.
const RING: usize = 128;
/// Of all batches in the ring, encoded; as rows they take about as much again. However many connections there are
/// and however slowly they read: beyond it whoever is behind reads anew.
const RING_BYTES: usize = 32 * 1024 * 1024;
/// The database is asked again after this when it failed.
const PAUSE: Duration = Duration::from_millis(500);

/// The ring, and how far it has got.
pub struct Live {
    end: Mutex<End>,
    ring: broadcast::Sender<Arc<Batch>>,
}

#[derive(Default)]
struct End {
    at: u64,
    /// Of the batches that may stand in the ring.
    sizes: VecDeque<usize>,
}

impl Default for Live {
    fn default() -> Self {
        Self { end: Mutex::default(), ring: broadcast::Sender::new(RING) }
    }
}

impl Live {
    /// Every batch from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Batch>> {
        let _end = self.lock();
        self.ring.subscribe()
    }

    /// Where to read on; none when nobody listens, and then all is up to `reached`.
    fn next(&self, reached: u64) -> Option<u64> {
        let mut end = self.lock();
        if self.ring.receiver_count() == 0 {
            *end = End { at: reached, sizes: VecDeque::new() };
            return None;
        }
        Some(end.at)
    }

    fn push(&self, batch: Arc<Batch>) {
        let mut end = self.lock();
        end.at = batch.seq;
        // What everybody has taken stands in the ring no more; what is about to fall out makes room.
        while end.sizes.len() > self.ring.len().min(RING - 1) {
            end.sizes.pop_front();
        }
        let batch = if end.sizes.iter().sum::<usize>() + batch.size() > RING_BYTES {
            tracing::debug!(size = batch.size(), "too much for the ring: every feed reads anew");
            Batch::gap(batch.seq)
        } else {
            batch
        };
        end.sizes.push_back(batch.size());
        // Nobody listens: whoever comes next reads a snapshot.
        let _ = self.ring.send(batch);
    }

    fn lock(&self) -> MutexGuard<'_, End> {
        self.end.lock().unwrap_or_else(PoisonError::into_inner)
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
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the feed cannot read the changes yet"
                );
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
        let queries = self.queries.apart();
        while let Some(at) = self.live.next(reached) {
            let changed = queries.moment_of(self.log).await?.changed_after(at, MOST_CHANGES).await?;
            let (batch, is_all) = match changed {
                Changed::Since { seq, head, rows } => (Batch::of(at, seq, rows), seq == head),
                // Nobody is told what lies between: to them it is a gap, and they read anew.
                Changed::Forgotten => {
                    let head = queries.seq().await?;
                    self.seats.all_look_again();
                    (Batch::gap(head), true)
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

#[cfg(test)]
mod tests {
    use super::{super::batch::Changed, *};
    use viworks_api::feed::{Change, Notice};
    use viworks_domain::ids::UserId;

    fn batch(prev: u64, seq: u64, size: usize) -> Arc<Batch> {
        let change = Change::Notice(Notice::Provisioned { user: UserId([1; 16]), username: None });
        let changes = vec![Changed { last: seq, change, encoded: vec![0; size].into() }];
        Arc::new(Batch { prev, seq, changes, operators: vec![], erased: false })
    }

    #[tokio::test]
    async fn whoever_does_not_read_holds_no_more_than_the_ring() {
        let live = Live::default();
        let mut slow = live.subscribe();
        for n in 0..10 * RING as u64 {
            live.push(batch(n, n + 1, RING_BYTES / RING));
        }
        let mut held = 0;
        let missed = loop {
            match slow.try_recv() {
                Ok(batch) => held += batch.size(),
                Err(broadcast::error::TryRecvError::Lagged(missed)) => break missed,
                Err(error) => panic!("nothing was lost: {error}"),
            }
        };
        assert_eq!((held, missed), (0, 9 * RING as u64));
        while let Ok(batch) = slow.try_recv() {
            held += batch.size();
        }
        assert!(held <= RING_BYTES, "{held}");
    }

    #[tokio::test]
    async fn batches_that_are_too_large_together_are_a_gap() {
        let live = Live::default();
        let mut reader = live.subscribe();
        for n in 0..6 {
            live.push(batch(n, n + 1, RING_BYTES / 4));
        }
        let mut held = vec![];
        while let Ok(batch) = reader.try_recv() {
            held.push((batch.prev, batch.seq, batch.changes.len()));
        }
        assert_eq!(held, [(0, 1, 1), (1, 2, 1), (2, 3, 1), (3, 4, 1), (5, 5, 0), (6, 6, 0)]);
    }

    #[tokio::test]
    async fn whoever_keeps_up_misses_nothing_however_much_there_is() {
        let live = Live::default();
        let mut readers = [live.subscribe(), live.subscribe()];
        for n in 0..2 * RING as u64 {
            live.push(batch(n, n + 1, RING_BYTES / 3));
            for reader in &mut readers {
                let batch = reader.try_recv().expect("a batch");
                assert_eq!((batch.prev, batch.seq, batch.changes.len()), (n, n + 1, 1));
            }
        }
    }

    #[tokio::test]
    async fn without_a_listener_nothing_is_read() {
        let live = Live::default();
        assert_eq!(live.next(7), None);
        let _reader = live.subscribe();
        assert_eq!(live.next(9), Some(7), "from where the last one could have read a snapshot");
    }
}
