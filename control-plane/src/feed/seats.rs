//! How many feeds there may be, and whose.

use crate::config;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{Semaphore, watch};
use viworks_domain::ids::OperatorId;

/// Cheap to clone.
#[derive(Clone)]
pub struct Seats {
    taken: Arc<Mutex<Taken>>,
    in_all: watch::Sender<usize>,
    most: usize,
    most_per_operator: usize,
}

type Taken = HashMap<OperatorId, Seated>;

struct Seated {
    feeds: usize,
    /// Rings when something of the operator has changed.
    changed: watch::Sender<()>,
    sets: Arc<Semaphore>,
}

/// One feed's place; free again when dropped.
pub struct Seat {
    operator: OperatorId,
    /// Rings when the sign-in must be looked at again.
    pub changed: watch::Receiver<()>,
    /// The operator's feeds are read for one after the other: however many they are and however slowly they take it,
    /// they hold one set of what is on its way, and everybody else has the rest of the room.
    pub sets: Arc<Semaphore>,
    seats: Seats,
}

impl Seats {
    pub fn new(config: &config::Limits) -> Self {
        Self {
            taken: Arc::default(),
            in_all: watch::Sender::new(0),
            most: config.feeds as usize,
            most_per_operator: config.feeds_per_operator as usize,
        }
    }

    /// None when the operator, or the node, has as many as there may be.
    pub fn take(&self, operator: OperatorId) -> Option<Seat> {
        let mut taken = self.lock();
        let in_all = *self.in_all.borrow();
        let seated = taken.entry(operator).or_insert_with(|| Seated {
            feeds: 0,
            changed: watch::Sender::new(()),
            sets: Arc::new(Semaphore::new(1)),
        });
        if in_all >= self.most || seated.feeds >= self.most_per_operator {
            if seated.feeds == 0 {
                taken.remove(&operator);
            }
            return None;
        }
        seated.feeds += 1;
        let (changed, sets) = (seated.changed.subscribe(), Arc::clone(&seated.sets));
        self.in_all.send_replace(in_all + 1);
        Some(Seat { operator, changed, sets, seats: self.clone() })
    }

    /// Every feed of the operator looks at its sign-in again.
    pub fn look_again(&self, operator: OperatorId) {
        if let Some(seated) = self.lock().get(&operator) {
            seated.changed.send_replace(());
        }
    }

    pub fn all_look_again(&self) {
        for seated in self.lock().values() {
            seated.changed.send_replace(());
        }
    }

    /// Until nobody is here any more.
    pub async fn empty(&self) {
        // The sender lives in `self`.
        let _ = self.in_all.subscribe().wait_for(|feeds| *feeds == 0).await;
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        if let Some(seated) = taken.get_mut(&self.operator) {
            seated.feeds -= 1;
            if seated.feeds == 0 {
                taken.remove(&self.operator);
            }
        }
        self.seats.in_all.send_modify(|feeds| *feeds -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seats(feeds: u32, feeds_per_operator: u32) -> Seats {
        Seats::new(&config::Limits {
            sign_ins_per_minute: 1,
            enrolments_per_minute: 1,
            answers_per_minute: 1,
            feeds,
            feeds_per_operator,
        })
    }

    const ONE: OperatorId = OperatorId([1; 16]);
    const OTHER: OperatorId = OperatorId([2; 16]);

    #[test]
    fn one_operator_leaves_room_for_others_and_places_come_back() {
        let seats = seats(3, 2);
        let mut taken = vec![seats.take(ONE).expect("a seat"), seats.take(ONE).expect("a seat")];
        assert!(seats.take(ONE).is_none(), "as many as one may have");
        taken.push(seats.take(OTHER).expect("a seat"));
        assert!(seats.take(OTHER).is_none(), "as many as there may be");
        taken.remove(0);
        assert!(seats.take(OTHER).is_some());
        drop(taken);
        assert_eq!(*seats.in_all.borrow(), 0);
        assert!(seats.lock().is_empty());
    }

    #[test]
    fn only_the_feeds_of_the_operator_look_again() {
        let seats = seats(9, 9);
        let (one, other) = (seats.take(ONE).expect("a seat"), seats.take(OTHER).expect("a seat"));
        seats.look_again(ONE);
        assert!(one.changed.has_changed().expect("open"));
        assert!(!other.changed.has_changed().expect("open"));
    }
}
