//! A list that stays in order while its rows change, and does not move under a person's hands.
//!
//! It holds which rows there are and in which order; the rows themselves are kept by whoever shows them, by id.
//! While it is *held* (somebody points at it, has the focus in it or has scrolled down) rows change in place, but
//! none comes or goes: what would, waits until the list is let go.

mod ledger;
mod page;
#[cfg(test)]
mod tests;

pub use ledger::{Cell, Drawn, Ledger};
pub use page::{Arrived, Asked};

use crate::format;
use page::Loading;
use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
    fmt::Debug,
    hash::Hash,
};
use viworks_api::{
    audit::AuditRow,
    feed::{Change, Query, Rows},
    gateway::GatewayRow,
    policy::PolicySummary,
    session::SessionRow,
    user::UserRow,
};
use viworks_domain::{
    Millis,
    ids::{GatewayId, PolicyId, SessionId, UserId},
};

/// New rows that wait for a list to be let go. Of more, none is kept: the window is asked anew then.
const MOST_WAITING: usize = 1000;
/// Rows of a list that nobody is in, and how many are left of more.
const MOST: usize = 1000;
const KEPT: usize = 400;

/// A row of one kind: what it is known by, where it stands, and how it arrives.
pub trait Row: Clone + PartialEq + Debug + 'static {
    type Id: Copy + Eq + Hash + Ord + Debug + Send + Sync + 'static;
    /// Ascending: the first on the screen has the smallest.
    type Key: Clone + Ord + Debug + 'static;

    fn id(&self) -> Self::Id;
    fn key(&self) -> Self::Key;
    fn of(change: &Change) -> Option<&Self>;
    /// Empty for rows of another kind.
    fn all_of(rows: &Rows) -> &[Self];
    fn is_in(&self, query: &Query) -> bool;
}

/// What became of a row that has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is in the list (new, or as it was): keep the row.
    Shown,
    /// It waits until the list is let go: keep the row.
    Waiting,
    /// It is not in the list any more: the row is of no use once that is drawn.
    Gone,
    /// It was not and is not in the list.
    Elsewhere,
}

#[derive(Debug)]
pub struct List<R: Row> {
    query: Query,
    order: Vec<(R::Key, R::Id)>,
    keys: HashMap<R::Id, R::Key>,
    /// Where the next page begins; none when all is here.
    next: Option<String>,
    /// The last row of the page before that. It stays where it is when rows come or go, as the cursor does.
    end: Option<R::Key>,
    /// Counts ends: another one is to be paged on from.
    ends: u64,
    loading: Option<Loading<R>>,
    held: bool,
    arriving: HashMap<R::Id, R::Key>,
    /// More than may wait have come, and none of them is known.
    is_flooded: bool,
    leaving: HashSet<R::Id>,
    /// Counts changes of the order.
    version: u64,
}

impl<R: Row> List<R> {
    pub fn new(query: Query) -> Self {
        Self {
            query,
            order: Vec::new(),
            keys: HashMap::new(),
            next: None,
            end: None,
            ends: 0,
            loading: None,
            held: false,
            arriving: HashMap::new(),
            is_flooded: false,
            leaving: HashSet::new(),
            version: 0,
        }
    }

    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// The window was asked something else: what is here is not the answer.
    pub fn ask(&mut self, query: Query) {
        *self = Self { version: self.version + 1, ends: self.ends + 1, held: self.held, ..Self::new(query) };
    }

    /// A whole answer, in place of everything.
    pub fn replace<'a>(&mut self, rows: impl IntoIterator<Item = &'a R>, next: Option<String>) {
        self.order.clear();
        self.keys.clear();
        self.arriving.clear();
        self.is_flooded = false;
        self.leaving.clear();
        self.end = None;
        let rows = rows.into_iter().map(|row| (row.key(), row.id())).collect::<Vec<_>>();
        self.ends_at(rows.iter().map(|(key, _)| key).max().cloned(), next);
        self.extend(rows);
    }

    /// Rows that are not here, none of them in front of somebody's eyes.
    fn extend(&mut self, rows: Vec<(R::Key, R::Id)>) {
        self.keys.extend(rows.iter().map(|(key, id)| (*id, key.clone())));
        self.order.extend(rows);
        self.order.sort_unstable();
        self.version += 1;
    }

    /// The page with this last row, if it has any, is the last that is here.
    fn ends_at(&mut self, last: Option<R::Key>, next: Option<String>) {
        self.end = last.or_else(|| self.end.take());
        self.next = next;
        self.ends += 1;
    }

    /// Takes in a row as it was at `seq`.
    pub fn take(&mut self, seq: u64, row: &R) -> Taken {
        let taken = self.find_place(row);
        if matches!(taken, Taken::Gone | Taken::Elsewhere) {
            self.remember(seq, row);
        }
        taken
    }

    fn find_place(&mut self, row: &R) -> Taken {
        let (id, key) = (row.id(), row.key());
        let is_in = row.is_in(&self.query);
        if self.keys.contains_key(&id) {
            return if is_in {
                self.leaving.remove(&id);
                self.place(id, key);
                Taken::Shown
            } else if self.held {
                self.leaving.insert(id);
                Taken::Shown
            } else {
                self.remove(id);
                Taken::Gone
            };
        }
        if !is_in {
            return if self.arriving.remove(&id).is_some() { Taken::Gone } else { Taken::Elsewhere };
        }
        if self.is_beyond(&key) || self.is_flooded {
            return Taken::Elsewhere;
        }
        if self.held {
            return self.let_wait(id, key);
        }
        self.place(id, key);
        Taken::Shown
    }

    fn let_wait(&mut self, id: R::Id, key: R::Key) -> Taken {
        self.arriving.insert(id, key);
        if self.arriving.len() <= MOST_WAITING {
            return Taken::Waiting;
        }
        self.arriving.clear();
        self.is_flooded = true;
        Taken::Gone
    }

    /// Behind the end while there are more: it comes with its page.
    fn is_beyond(&self, key: &R::Key) -> bool {
        self.next.is_some() && self.end.as_ref().is_some_and(|end| key > end)
    }

    fn place(&mut self, id: R::Id, key: R::Key) {
        if self.keys.get(&id) == Some(&key) {
            return;
        }
        self.remove(id);
        let at = self.order.partition_point(|(other, other_id)| (other, other_id) < (&key, &id));
        self.order.insert(at, (key.clone(), id));
        self.keys.insert(id, key);
        self.version += 1;
    }

    fn remove(&mut self, id: R::Id) {
        let Some(key) = self.keys.remove(&id) else { return };
        if let Ok(at) = self.order.binary_search(&(key, id)) {
            self.order.remove(at);
            self.version += 1;
        }
    }

    /// From now on nothing comes or goes.
    pub const fn hold(&mut self) {
        self.held = true;
    }

    /// What waited comes and goes now.
    pub fn let_go(&mut self) {
        self.held = false;
        self.settle();
    }

    /// Shows what waits, and stays held if it is. Nothing comes or goes in a list that [is flooded](Self::is_flooded).
    pub fn settle(&mut self) {
        if self.is_flooded || self.arriving.is_empty() && self.leaving.is_empty() {
            return;
        }
        for id in &self.leaving {
            self.keys.remove(id);
        }
        let leaving = std::mem::take(&mut self.leaving);
        self.order.retain(|(_, id)| !leaving.contains(id));
        let arriving = std::mem::take(&mut self.arriving);
        self.extend(arriving.into_iter().map(|(id, key)| (key, id)).collect());
    }

    /// Keeps the first `most` rows, unless somebody is among them: what is behind comes again as a page, which
    /// begins where `cursor` says that the last one kept ends.
    pub fn trim(&mut self, most: usize, cursor: impl FnOnce(R::Id) -> Option<String>) {
        if self.held || self.order.len() <= most {
            return;
        }
        let Some((end, last)) = most.checked_sub(1).and_then(|last| self.order.get(last)).cloned() else {
            return;
        };
        let Some(next) = cursor(last) else { return };
        for (_, id) in self.order.drain(most..) {
            self.keys.remove(&id);
        }
        self.ends_at(Some(end), Some(next));
        self.version += 1;
    }

    pub fn ids(&self) -> impl Iterator<Item = R::Id> + '_ {
        self.order.iter().map(|(_, id)| *id)
    }

    pub const fn len(&self) -> usize {
        self.order.len()
    }

    pub const fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// New rows that wait to be shown, as [`newer`] says it.
    pub fn waiting(&self) -> usize {
        if self.is_flooded { MOST_WAITING + 1 } else { self.arriving.len() }
    }

    /// So many rows are new that only another answer has them.
    pub const fn is_flooded(&self) -> bool {
        self.is_flooded
    }

    /// Rows that are shown but do not belong here any more.
    pub fn is_leaving(&self, id: R::Id) -> bool {
        self.leaving.contains(&id)
    }

    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// Rows that are shown or wait.
    pub fn known(&self) -> usize {
        self.keys.len() + self.arriving.len()
    }

    pub fn is_known(&self, id: R::Id) -> bool {
        self.keys.contains_key(&id) || self.arriving.contains_key(&id)
    }

    pub fn next(&self) -> Option<&str> {
        self.next.as_deref()
    }

    /// Where there are more rows: another number for every end that the list has had.
    pub fn end(&self) -> Option<u64> {
        self.next.is_some().then_some(self.ends)
    }

    /// Another number whenever rows have come, gone or moved.
    pub const fn version(&self) -> u64 {
        self.version
    }
}

/// The button that shows new rows.
pub fn newer(waiting: usize) -> String {
    let more = if waiting > MOST_WAITING { "+" } else { "" };
    format!("{}{more} new · show", format::number(waiting.min(MOST_WAITING) as u64))
}

/// A kind's id, its variants of [`Change`] and [`Rows`], its place, and whether a question is about it and has it.
macro_rules! rows {
    ($($row:ty: $id:ty, $variant:ident in $variants:ident, $key:ty = |$of:ident| $place:expr, |$is:ident| $question:pat => $is_in:expr;)+) => {$(
        impl Row for $row {
            type Id = $id;
            type Key = $key;

            fn id(&self) -> $id {
                let row = self;
                id_of!($variant, row)
            }
            fn key(&self) -> $key {
                let $of = self;
                $place
            }
            fn of(change: &Change) -> Option<&Self> {
                match change {
                    Change::$variant(row) => Some(row),
                    _ => None,
                }
            }
            fn all_of(rows: &Rows) -> &[Self] {
                match rows {
                    Rows::$variants(rows) => rows,
                    _ => &[],
                }
            }
            fn is_in(&self, query: &Query) -> bool {
                let $is = self;
                match query {
                    $question => $is_in,
                    _ => false,
                }
            }
        }
    )+};
}

macro_rules! id_of {
    (Audit, $row:ident) => {
        ($row.seq, $row.n)
    };
    ($other:ident, $row:ident) => {
        $row.id
    };
}

// The keys are the pages' order in the database, so that a cursor goes on where the list ends.
rows! {
    UserRow: UserId, User in Users, Reverse<(Millis, UserId)> = |row| Reverse((row.created_at, row.id)),
        |row| Query::Users(query) => query.matches(row);
    SessionRow: SessionId, Session in Sessions, Reverse<(Millis, SessionId)> = |row| Reverse((row.opened_at, row.id)),
        |row| Query::Sessions(query) => query.matches(row);
    GatewayRow: GatewayId, Gateway in Gateways, (String, GatewayId) = |row| (row.name.clone(), row.id),
        |_row| Query::Gateways => true;
    PolicySummary: PolicyId, Policy in Policies, Reverse<(Millis, PolicyId)> = |row| Reverse((row.changed_at, row.id)),
        |_row| Query::Policies => true;
    AuditRow: (u64, u32), Audit in Audit, Reverse<(u64, u32)> = |row| Reverse((row.seq, row.n)),
        |row| Query::Audit(query) => query.matches(row);
}
