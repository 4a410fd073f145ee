//! Folded aggregates, kept in memory by id and last sequence. Correctness never depends on what is kept:
//! appends are checked against the sequence, and lookups catch up first.

use crate::event_store::{EventStore, ReadError};
use std::{
    any::Any,
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};
use viworks_domain::{Aggregate, Root, event::AggregateRef};

/// Aggregates per generation: with a few kilobytes each, two generations stay below some 100 MB.
const GENERATION: usize = 16_384;

#[derive(Debug)]
pub struct Folds {
    store: EventStore,
    kept: Mutex<Kept>,
}

type Untyped = Arc<dyn Any + Send + Sync>;

/// What was used since the young generation began is in it; what was not used for two is dropped.
#[derive(Debug, Default)]
struct Kept {
    young: HashMap<AggregateRef, Untyped>,
    old: HashMap<AggregateRef, Untyped>,
}

impl Folds {
    pub fn new(store: EventStore) -> Self {
        Self { store, kept: Mutex::default() }
    }

    pub const fn store(&self) -> &EventStore {
        &self.store
    }

    /// The aggregate as the log has it now: what is kept, caught up.
    pub async fn fresh<A: Aggregate>(
        &self,
        aggregate: impl Into<AggregateRef> + Send,
    ) -> Result<Arc<Root<A>>, ReadError> {
        let aggregate = aggregate.into();
        let kept = self.kept::<A>(aggregate).unwrap_or_default();
        let news = self.store.load_after(aggregate, kept.last_seq).await?;
        if news.is_empty() {
            return Ok(kept);
        }
        let mut root = Root::clone(&kept);
        for recorded in &news {
            root.apply(recorded.seq, &recorded.decision)?;
        }
        let root = Arc::new(root);
        self.keep(aggregate, Arc::clone(&root));
        Ok(root)
    }

    /// What is kept, perhaps behind the log.
    pub fn kept<A: Aggregate>(&self, aggregate: AggregateRef) -> Option<Arc<Root<A>>> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = kept.young.get(&aggregate) {
            return Arc::clone(root).downcast().ok();
        }
        let root = kept.old.remove(&aggregate)?;
        kept.insert(aggregate, Arc::clone(&root));
        root.downcast().ok()
    }

    /// Keeps it, unless something newer is kept.
    pub fn keep<A: Aggregate>(&self, aggregate: AggregateRef, root: Arc<Root<A>>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = |known: &Untyped| {
            known.downcast_ref::<Root<A>>().is_some_and(|known| known.last_seq >= root.last_seq)
        };
        if !kept.young.get(&aggregate).is_some_and(newer) {
            kept.insert(aggregate, root);
        }
    }
}

impl Kept {
    fn insert(&mut self, aggregate: AggregateRef, root: Untyped) {
        if self.young.len() >= GENERATION {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(aggregate, root);
    }
}
