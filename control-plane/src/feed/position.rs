//! Where a client stands: gapless, whatever it watches.

use super::batch::{Batch, Changed, delta};
use viworks_api::feed::Change;

/// Everything up to `passed` has been looked through for this client; up to `told` it knows so. Every frame that
/// names a sequence names `told`, and only a delta moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    told: u64,
    passed: u64,
    /// Notices up to here are no news to this client, even where the tables are only now coming past them.
    came: u64,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Taken {
    /// Nothing that this client must be told now.
    Nothing,
    Delta(Vec<u8>),
    /// Something between the batch and what came before is missing.
    Gap,
}

impl Position {
    pub const fn at(seq: u64) -> Self {
        Self { told: seq, passed: seq, came: seq }
    }

    /// Of a client that came when the log had reached `came`.
    #[must_use]
    pub fn having_come_at(self, came: u64) -> Self {
        Self { came: self.came.max(came), ..self }
    }

    pub const fn told(self) -> u64 {
        self.told
    }

    pub const fn passed(self) -> u64 {
        self.passed
    }

    /// Takes in a batch, of which this client gets what `concerns` it and is newer than what it has.
    pub fn take(&mut self, batch: &Batch, concerns: impl Fn(&Change) -> bool) -> Taken {
        if batch.seq <= self.passed {
            return Taken::Nothing;
        }
        if batch.prev > self.passed {
            return Taken::Gap;
        }
        let is_old =
            |changed: &Changed| matches!(changed.change, Change::Notice(_)) && changed.last <= self.came;
        let wanted =
            |changed: &&Changed| changed.last > self.passed && !is_old(changed) && concerns(&changed.change);
        let changes: Vec<_> = batch.changes.iter().filter(wanted).collect();
        self.passed = batch.seq;
        if changes.is_empty() {
            return Taken::Nothing;
        }
        let frame = delta(self.told, batch.seq, &changes);
        self.told = batch.seq;
        Taken::Delta(frame)
    }

    /// A delta without changes, where the client does not know yet how far it is.
    pub fn tell(&mut self) -> Option<Vec<u8>> {
        let told = std::mem::replace(&mut self.told, self.passed);
        (told < self.passed).then(|| delta(told, self.passed, &[]))
    }

    /// To where fresh snapshots of everything stand. What lies between is in them.
    pub fn jump(&mut self, seq: u64) -> Option<Vec<u8>> {
        self.passed = self.passed.max(seq);
        self.tell()
    }
}
