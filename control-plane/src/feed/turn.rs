//! Reading for one client: when it is its turn, and when there is room for what was read.

use super::{Feed, seats::Seat};
use std::ops::{Deref, DerefMut};
use tokio::sync::{Semaphore, SemaphorePermit};
use viworks_projections::{Moment, QueryError};

/// Clients that are read for at the same time: half of the database's connections stay for others, also when every
/// console comes back at once.
const READERS: usize = 4;
/// What has been read and is on its way, for all connections together: some hundred consoles that open at the same
/// time. A set that is larger than all of it goes alone.
const ROOM_KIB: usize = 64 * 1024;

/// The turns, and the room.
pub struct Turns {
    readers: Semaphore,
    room_kib: Semaphore,
}

/// One moment of the projection, and the turn to read it. Nothing is sent while it is held.
pub struct Turn<'a> {
    moment: Moment,
    room_kib: &'a Semaphore,
    // Never closed; without their permits this is only less polite.
    own: Option<SemaphorePermit<'a>>,
    reader: Option<SemaphorePermit<'a>>,
}

/// Frames that were read in one turn and are sent one after the other, within one time for all of them.
pub struct Set<'a> {
    frames: Vec<Vec<u8>>,
    held: Held<'a>,
}

/// What a set keeps until it has been sent: its room, and its operator's place.
pub struct Held<'a> {
    _room: Option<SemaphorePermit<'a>>,
    _own: Option<SemaphorePermit<'a>>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { readers: Semaphore::new(READERS), room_kib: Semaphore::new(ROOM_KIB) }
    }
}

impl Feed {
    /// A connection to the database, when it is one's turn: first among the operator's own feeds, then among those
    /// of all. Whoever has one asks for no second, and whoever has a set waits for its own client alone: so nobody
    /// waits for somebody who waits for them.
    pub async fn turn<'a>(&'a self, seat: &'a Seat) -> Result<Turn<'a>, QueryError> {
        let Turns { readers, room_kib } = &self.turns;
        let own = seat.sets.acquire().await.ok();
        let reader = readers.acquire().await.ok();
        Ok(Turn { moment: self.queries.moment_of(self.log).await?, room_kib, own, reader })
    }
}

impl<'a> Turn<'a> {
    /// The next one's turn begins when there is room for what was read in this one: otherwise more and more would be
    /// read for clients who take it slowly.
    pub async fn ends_with(self, frames: Vec<Vec<u8>>) -> Set<'a> {
        let Self { moment, room_kib, own, reader } = self;
        drop(moment);
        let set = Set::of(frames, room_kib, own).await;
        drop(reader);
        set
    }
}

impl<'a> Set<'a> {
    async fn of(frames: Vec<Vec<u8>>, room_kib: &'a Semaphore, own: Option<SemaphorePermit<'a>>) -> Self {
        let kib = frames.iter().map(Vec::len).sum::<usize>().div_ceil(1024).min(ROOM_KIB);
        let room = room_kib.acquire_many(u32::try_from(kib).unwrap_or(u32::MAX)).await.ok();
        Self { frames, held: Held { _room: room, _own: own } }
    }

    /// Something that must be said before.
    #[must_use]
    pub fn after(mut self, frame: Vec<u8>) -> Self {
        self.frames.insert(0, frame);
        self
    }

    /// The frames, and what is kept for as long as they are being sent.
    pub fn open(self) -> (Vec<Vec<u8>>, Held<'a>) {
        (self.frames, self.held)
    }
}

impl Deref for Turn<'_> {
    type Target = Moment;
    fn deref(&self) -> &Moment {
        &self.moment
    }
}

impl DerefMut for Turn<'_> {
    fn deref_mut(&mut self) -> &mut Moment {
        &mut self.moment
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Seats, *};
    use crate::{config, telemetry::Telemetry};
    use futures_util::{FutureExt as _, future::join_all};
    use std::time::Duration;
    use tokio::sync::watch;
    use viworks_domain::{
        aggregate::LogIdentity,
        ids::{LogId, OperatorId},
    };
    use viworks_projections::{Database, Queries};

    const MIB: usize = 1024 * 1024;

    fn frames(mib: usize) -> Vec<Vec<u8>> {
        vec![vec![0; mib * MIB / 2]; 2]
    }

    #[tokio::test]
    async fn what_is_on_its_way_to_slow_readers_has_an_end_for_all_of_them_together() {
        let Turns { room_kib, .. } = Turns::default();
        let slow = Set::of(frames(40), &room_kib, None).await;
        let also = Set::of(frames(20), &room_kib, None).await;
        let mut third = Box::pin(Set::of(frames(10), &room_kib, None));
        assert!(third.as_mut().now_or_never().is_none(), "there is room for 64 MiB");
        // Sent, or given up.
        let (sent, room) = also.open();
        assert_eq!(sent.len(), 2);
        assert!(third.as_mut().now_or_never().is_none(), "it is being sent");
        drop(room);
        let third = third.as_mut().now_or_never().expect("there is room");
        drop((slow, third));
        assert_eq!(room_kib.available_permits(), ROOM_KIB);
    }

    #[tokio::test]
    async fn a_set_that_is_larger_than_all_the_room_goes_alone() {
        let Turns { room_kib, .. } = Turns::default();
        let small = Set::of(frames(1), &room_kib, None).await;
        let mut large = Box::pin(Set::of(frames(80), &room_kib, None));
        assert!(large.as_mut().now_or_never().is_none());
        drop(small);
        let large = large.as_mut().now_or_never().expect("alone");
        assert!(Set::of(frames(1), &room_kib, None).now_or_never().is_none());
        drop(large);
        assert!(Set::of(frames(1), &room_kib, None).now_or_never().is_some());
    }

    #[tokio::test]
    async fn one_operators_feeds_that_do_not_read_keep_nobody_else_waiting() {
        let database = Database::open("sqlite::memory:").await.expect("a database");
        let limits = config::Limits {
            sign_ins_per_minute: 1,
            enrolments_per_minute: 1,
            answers_per_minute: 1,
            feeds: 100,
            feeds_per_operator: 32,
        };
        let seats = Seats::new(&limits);
        let log = LogIdentity { log_id: LogId([1; 16]), epoch: 1 };
        let (_stop, stopping) = watch::channel(false);
        let feed = Feed::new(log, Queries::new(database), Telemetry::default(), seats.clone(), stopping);
        let read = async |seat: &Seat| {
            let set = feed.turn(seat).await.expect("a turn").ends_with(frames(4)).await;
            set.open().0.len()
        };
        let never_sent = async |seat: Seat| {
            let _set = feed.turn(&seat).await.expect("a turn").ends_with(frames(4)).await;
            std::future::pending::<()>().await;
        };
        let seat = |n: u8| seats.take(OperatorId([n; 16])).expect("a seat");
        let stuck = join_all((0..32).map(|_| never_sent(seat(1))));
        let other = seat(2);
        tokio::select! {
            biased;
            _ = stuck => unreachable!("they are never sent"),
            answered = tokio::time::timeout(Duration::from_secs(10), async {
                // Whoever was there before has gone as far as they can.
                for _ in 0..100 {
                    tokio::task::yield_now().await;
                }
                read(&other).await
            }) => assert_eq!(answered.expect("room, and a turn"), 2),
        }
    }
}
