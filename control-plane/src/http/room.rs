//! How many connections there may be, in all and from one source.

use super::limits::source_of;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// In all; beyond it strangers wait in the kernel's queue.
const CONNECTIONS: usize = 16_384;
/// From one source: an office behind one address has some hundred desktops and phones, each with two or three
/// connections. One source that opens and holds thousands takes no places from the others.
const PER_SOURCE: usize = 1_024;

/// Cheap to clone.
#[derive(Clone)]
pub struct Room {
    all: Arc<Semaphore>,
    sources: Arc<Mutex<HashMap<IpAddr, usize>>>,
    per_source: usize,
}

/// A connection's place; free again when dropped.
pub struct Place {
    _one: OwnedSemaphorePermit,
    source: IpAddr,
    sources: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Default for Room {
    fn default() -> Self {
        Self::of(CONNECTIONS, PER_SOURCE)
    }
}

impl Room {
    fn of(connections: usize, per_source: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(connections)), sources: Arc::default(), per_source }
    }

    /// Waits until there is room for one more, whoever it will be.
    pub async fn one(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.all).acquire_owned().await.ok()
    }

    /// The place of a connection from there; none when its source has too many already.
    pub fn place(&self, one: OwnedSemaphorePermit, address: IpAddr) -> Option<Place> {
        let source = source_of(address);
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sources.entry(source).or_default();
        if *count >= self.per_source {
            return None;
        }
        *count += 1;
        Some(Place { _one: one, source, sources: Arc::clone(&self.sources) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = sources.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                sources.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_source_leaves_room_for_others_and_places_come_back() {
        let room = Room::of(8, 2);
        let from = |last: u8| IpAddr::from([10, 0, 0, last]);
        let mut places = vec![];
        for _ in 0..2 {
            places.push(room.place(room.one().await.expect("room"), from(1)).expect("a place"));
        }
        assert!(room.place(room.one().await.expect("room"), from(1)).is_none());
        assert!(room.place(room.one().await.expect("room"), from(2)).is_some());
        places.pop();
        assert!(room.place(room.one().await.expect("room"), from(1)).is_some());
        drop(places);
        assert_eq!(room.all.available_permits(), 8);
        assert!(room.sources.lock().expect("not poisoned").is_empty());
    }

    #[tokio::test]
    async fn a_network_of_ipv6_is_one_source() {
        let room = Room::of(8, 2);
        let mut places = vec![];
        let mut place = async |from: &str| {
            let place = room.place(room.one().await.expect("room"), from.parse().expect("an address"));
            let is_let_in = place.is_some();
            places.extend(place);
            is_let_in
        };
        assert!(place("2001:db8::1").await && place("2001:db8::2").await);
        assert!(!place("2001:db8::3").await, "the same /64");
        assert!(place("2001:db8:0:1::3").await);
        assert!(place("::ffff:10.0.0.1").await && place("10.0.0.1").await);
        assert!(!place("10.0.0.1").await, "IPv4 in either spelling");
    }
}
