//! Which commands this node has put on the bus lately: enough to answer `GET /v1/commands/{id}` from the log.
//! It is a convenience: asking again with the same idempotency key gives the same outcome on any node, after
//! any restart.

use std::{
    collections::HashMap,
    mem,
    sync::{Arc, Mutex, PoisonError},
};
use viworks_domain::{
    event::AggregateRef,
    ids::{CommandId, CorrelationId, Digest},
};

/// Commands per generation; two are kept.
const GENERATION: usize = 8192;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub aggregate: AggregateRef,
    pub digest: Digest,
    pub correlation: CorrelationId,
}

/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Generations>>);

#[derive(Default)]
struct Generations {
    young: HashMap<CommandId, Asked>,
    old: HashMap<CommandId, Asked>,
}

impl Memory {
    /// The first to use an id keeps it: a later request under the same key is refused if it is another one.
    pub fn remember(&self, command: CommandId, asked: Asked) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.young.len() >= GENERATION {
            kept.old = mem::take(&mut kept.young);
        }
        kept.young.entry(command).or_insert(asked);
    }

    pub fn of(&self, command: CommandId) -> Option<Asked> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.young.get(&command).or_else(|| kept.old.get(&command)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::ids::PolicyId;

    fn asked(n: u8) -> Asked {
        Asked {
            aggregate: PolicyId([n; 16]).into(),
            digest: Digest([n; 32]),
            correlation: CorrelationId([n; 16]),
        }
    }

    #[test]
    fn the_latest_are_remembered_and_the_oldest_forgotten() {
        let memory = Memory::default();
        let id = |n: usize| CommandId((n as u128).to_be_bytes());
        for n in 0..=2 * GENERATION {
            memory.remember(id(n), asked(n as u8));
        }
        assert_eq!(memory.of(id(2 * GENERATION)), Some(asked((2 * GENERATION) as u8)));
        assert!(memory.of(id(GENERATION)).is_some());
        assert_eq!(memory.of(id(0)), None);
    }
}
