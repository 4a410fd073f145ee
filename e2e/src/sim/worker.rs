//! Two workers on one work queue: prepare, decide, append where the fold was right, acknowledge.

use super::{
    log::{AnyRoot, each_root},
    prepare::Prepared,
    world::{Event, World},
};
use std::{collections::BTreeMap, rc::Rc};
use viworks_domain::{Millis, aggregate::Known, command::Command, decision::Decision, event::AggregateRef};

/// Unacknowledged, a command comes again after this long.
const ACK_WAIT: u64 = 5_000;
/// Then the bus will bring it again.
const CONFLICTS: u8 = 5;

/// A command on the bus.
pub(super) struct Queued {
    pub command: Command,
    pub settled: bool,
}

#[derive(Default)]
pub(super) struct Worker {
    pub life: u32,
    pub down: bool,
    /// Milliseconds off the true time.
    pub skew: i64,
    /// Folds by last use, perhaps behind the log.
    cache: BTreeMap<AggregateRef, Rc<AnyRoot>>,
}

impl Worker {
    pub fn crash(&mut self) {
        self.life += 1;
        self.down = true;
        self.cache.clear();
    }
}

/// Decided, not yet appended.
pub(super) struct Pending {
    prepared: Prepared,
    decision: Decision,
    expected: u64,
    tries: u8,
}

impl World {
    /// Acknowledged means durable: from here on it has exactly one outcome.
    pub(super) fn publish(&mut self, command: Command) {
        let index = self.commands.len();
        self.commands.push(Queued { command, settled: false });
        let delay = self.rng.between(0, 8);
        self.after(delay, Event::Deliver { command: index });
        if self.faulty(30) {
            let delay = self.rng.between(0, 3_000);
            self.after(delay, Event::Deliver { command: index });
        }
    }

    pub(super) fn deliver(&mut self, index: usize) {
        if self.commands[index].settled {
            return;
        }
        self.after(ACK_WAIT, Event::Deliver { command: index });
        let worker = self.rng.below(self.workers.len() as u64) as usize;
        if self.workers[worker].down || self.faulty(15) {
            return;
        }
        let command = self.commands[index].command.clone();
        let root = match self.workers[worker].cache.get(&command.aggregate) {
            Some(root) => root.clone(),
            None => self.log.head(command.aggregate),
        };
        if self.is_known(&root, &command, index) {
            return;
        }
        let now = self.wall(worker);
        let prepared = self.prepare(&command, now);
        self.decide(worker, index, &root, &command, prepared, 0);
    }

    fn decide(
        &mut self,
        worker: usize,
        index: usize,
        root: &AnyRoot,
        command: &Command,
        prepared: Prepared,
        tries: u8,
    ) {
        let decision = prepared.decide(root, command, self.wall(worker));
        let pending = Box::new(Pending { prepared, decision, expected: root.last_seq(), tries });
        let within = if self.faulty(10) {
            8_000
        } else if self.faulty(100) {
            400
        } else {
            6
        };
        let delay = self.rng.between(0, within);
        let life = self.workers[worker].life;
        self.after(delay, Event::Append { worker, life, command: index, pending });
    }

    pub(super) fn append(&mut self, worker: usize, life: u32, index: usize, pending: Box<Pending>) {
        if self.workers[worker].life != life {
            return;
        }
        let expected = self.rules.appends_are_guarded.then_some(pending.expected);
        let command = self.commands[index].command.clone();
        match self.log.append(expected, &pending.decision) {
            Ok(_) => {
                self.observe();
                if self.faulty(20) {
                    // The answer is lost: the worker must look for its own command in the log.
                    self.reload(worker, index, &command, *pending);
                    return;
                }
                // Some folds are kept, and fall behind when the other worker appends.
                if self.rng.permille(150) {
                    let root = self.log.head(command.aggregate);
                    self.workers[worker].cache.insert(command.aggregate, root);
                } else {
                    self.workers[worker].cache.remove(&command.aggregate);
                }
                self.commands[index].settled = !self.faulty(20);
            }
            Err(super::log::Conflict) => self.reload(worker, index, &command, *pending),
        }
    }

    /// Look for our own command first, else decide again with the same prepared material.
    fn reload(&mut self, worker: usize, index: usize, command: &Command, pending: Pending) {
        let root = self.log.head(command.aggregate);
        self.workers[worker].cache.insert(command.aggregate, root.clone());
        if self.is_known(&root, command, index) || pending.tries >= CONFLICTS {
            return;
        }
        self.decide(worker, index, &root, command, pending.prepared, pending.tries + 1);
    }

    /// Decided before: acknowledged once more, and nothing else.
    fn is_known(&mut self, root: &AnyRoot, command: &Command, index: usize) -> bool {
        if !self.rules.outcomes_are_remembered {
            return false;
        }
        match each_root!(root, root => root.known(&command.id, &command.digest)) {
            Known::New => false,
            Known::Decided { .. } | Known::Reused => {
                self.commands[index].settled = true;
                true
            }
        }
    }

    fn wall(&self, worker: usize) -> Millis {
        Millis(self.now.saturating_add_signed(self.workers[worker].skew))
    }
}
