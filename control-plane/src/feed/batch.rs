//! What all connections get: rows that have changed, each encoded once.

use super::rows::{self, Told};
use std::sync::Arc;
use viworks_api::feed::{Change, Frame};
use viworks_domain::{bytes, ids::OperatorId};
use viworks_projections::ChangedRow;

/// Everything that changed in `(prev, seq]`.
#[derive(Debug)]
pub struct Batch {
    pub prev: u64,
    pub seq: u64,
    pub changes: Vec<Changed>,
    /// Operators who may have signed out, or may something else now.
    pub operators: Vec<OperatorId>,
    /// Something personal is gone from rows that are not listed here: every window is read again.
    pub erased: bool,
}

#[derive(Debug)]
pub struct Changed {
    /// Of the changes in the batch.
    pub last: u64,
    pub change: Change,
    /// The change as it stands in a frame.
    pub encoded: Box<[u8]>,
}

impl Batch {
    pub fn of(prev: u64, seq: u64, rows: Vec<ChangedRow>) -> Arc<Self> {
        let mut batch = Self { prev, seq, changes: vec![], operators: vec![], erased: false };
        for ChangedRow { last, row } in rows {
            match rows::told(row) {
                Told::Change(change) => {
                    let encoded = bytes::encode(&*change).into();
                    batch.changes.push(Changed { last, change: *change, encoded });
                }
                Told::Operator(id) => batch.operators.push(id),
                Told::Erased => batch.erased = true,
            }
        }
        Arc::new(batch)
    }

    /// Something before `seq` is not told: whoever is not there already reads anew.
    pub fn gap(seq: u64) -> Arc<Self> {
        Arc::new(Self { prev: seq, seq, changes: vec![], operators: vec![], erased: false })
    }

    pub fn size(&self) -> usize {
        self.changes.iter().map(|changed| changed.encoded.len()).sum()
    }
}

/// [`Frame::Delta`] of changes that are encoded already.
pub fn delta(prev_seq: u64, seq: u64, changes: &[&Changed]) -> Vec<u8> {
    let mut frame = bytes::encode(&Frame::Delta { prev_seq, seq, changes: vec![] });
    // The list stands last; postcard writes its length, here a zero, and then its items.
    frame.pop();
    frame.extend_from_slice(&bytes::encode(&(changes.len() as u64)));
    frame.reserve(changes.iter().map(|changed| changed.encoded.len()).sum());
    for changed in changes {
        frame.extend_from_slice(&changed.encoded);
    }
    frame
}
