//! The next page, read over HTTP, and what the feed tells while it is on its way.

use super::{List, Row};
use std::collections::HashMap;
use viworks_api::Page;

/// Rows that are remembered for a page. A page for which more is told is read again.
const MOST_TOLD: usize = 1000;

#[derive(Debug)]
pub(super) struct Loading<R: Row> {
    /// The end that it goes on from.
    end: u64,
    /// Told since it was asked for and not in the list, and when: it may have been read before.
    told: HashMap<R::Id, (u64, R)>,
    is_flooded: bool,
}

/// What to ask the server for.
#[derive(Debug)]
pub struct Asked {
    pub cursor: String,
    end: u64,
}

/// What becomes of a page.
#[derive(Debug, PartialEq)]
pub enum Arrived<R> {
    /// These rows are in the list now: keep them.
    Taken(Vec<R>),
    /// The list does not end there any more, or too much has happened: read the next page again.
    Overtaken,
    /// The window has been asked something else.
    Unasked,
}

impl<R: Row> List<R> {
    /// The next page, if there is one and none is being read.
    pub fn begin_page(&mut self) -> Option<Asked> {
        if self.loading.is_some() {
            return None;
        }
        let cursor = self.next.clone()?;
        let end = self.ends;
        self.loading = Some(Loading { end, told: HashMap::new(), is_flooded: false });
        Some(Asked { cursor, end })
    }

    /// What came, or that nothing did.
    pub fn end_page(&mut self, asked: &Asked, page: Option<&Page<R>>) -> Arrived<R> {
        let Some(loading) = self.loading.take_if(|loading| loading.end == asked.end) else {
            return Arrived::Unasked;
        };
        if self.ends != asked.end || loading.is_flooded {
            return Arrived::Overtaken;
        }
        let Some(page) = page else { return Arrived::Taken(Vec::new()) };
        self.ends_at(page.rows.last().map(R::key), page.next.clone());
        // What the page has seen too is in it as it was later.
        let mut told = loading.told;
        told.retain(|_, (seq, _)| *seq > page.seq);
        let read = page.rows.iter().filter(|row| !told.contains_key(&row.id()));
        let told = told.values().map(|(_, row)| row);
        let told = told.filter(|row| row.is_in(&self.query) && !self.is_beyond(&row.key()));
        let rows = read.chain(told).filter(|row| !self.is_known(row.id())).cloned().collect::<Vec<_>>();
        self.extend(rows.iter().map(|row| (row.key(), row.id())).collect());
        Arrived::Taken(rows)
    }

    /// A row that is not in the list may be in the page that is on its way, as it was before.
    pub(super) fn remember(&mut self, seq: u64, row: &R) {
        let is_before_its_end = row.is_in(&self.query) && !self.is_beyond(&row.key());
        let Some(loading) = self.loading.as_mut().filter(|_| !is_before_its_end) else { return };
        loading.told.insert(row.id(), (seq, row.clone()));
        if loading.told.len() > MOST_TOLD {
            loading.is_flooded = true;
            loading.told.clear();
        }
    }
}
