//! One thing at a time per key, in the order of asking.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};
use tokio::sync::{Mutex, OwnedMutexGuard};

pub(super) struct Turns<K>(RefCell<BTreeMap<K, std::sync::Arc<Mutex<()>>>>);

/// Somebody's turn, until it is dropped.
pub(super) struct Turn<K: Ord + Copy> {
    key: K,
    turns: Rc<Turns<K>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl<K: Ord + Copy> Turns<K> {
    pub fn new() -> Rc<Self> {
        Rc::new(Self(RefCell::default()))
    }

    pub async fn take(self: &Rc<Self>, key: K) -> Turn<K> {
        let queue = std::sync::Arc::clone(self.0.borrow_mut().entry(key).or_default());
        let guard = Some(queue.lock_owned().await);
        Turn { key, turns: Rc::clone(self), guard }
    }
}

impl<K: Ord + Copy> Drop for Turn<K> {
    fn drop(&mut self) {
        self.guard = None;
        let mut turns = self.turns.0.borrow_mut();
        // Whoever waits holds the queue too: it is forgotten by the last.
        if turns.get(&self.key).is_some_and(|queue| std::sync::Arc::strong_count(queue) == 1) {
            turns.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_waits_comes_after_and_nothing_is_kept_when_all_are_done() {
        let turns = Turns::new();
        let first = turns.take(1).await;
        let mut second = Box::pin(turns.take(1));
        tokio::select! {
            biased;
            _ = &mut second => panic!("two at a time"),
            other = turns.take(2) => drop(other),
        }
        drop(first);
        drop(second.await);
        assert!(turns.0.borrow().is_empty());
    }
}
