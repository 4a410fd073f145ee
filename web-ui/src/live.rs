//! A window's rows as signals: one per row, and one for their order. A row that changes redraws itself alone.

use crate::{feed::Sink, http};
use leptos::prelude::*;
use std::{
    cell::RefCell,
    collections::{HashMap, HashSet},
    rc::Rc,
    sync::Arc,
};
use viworks_api::{
    Page,
    feed::{Change, MOST_ROWS, Query, Rows},
};
use viworks_web_model::{
    list::{List, Row, Taken},
    request::{Failure, Paged, address},
};

/// Copied freely.
pub struct Watched<R: Row> {
    inner: StoredValue<Rc<RefCell<Inner<R>>>, LocalStorage>,
    order: RwSignal<Order<R>>,
    waiting: RwSignal<usize>,
    state: RwSignal<State>,
    has_more: RwSignal<bool>,
}

impl<R: Row> Clone for Watched<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Row> Copy for Watched<R> {}

/// Which rows, first to last.
pub type Order<R> = Arc<Vec<<R as Row>::Id>>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// The first answer is on its way.
    Asking,
    Here,
    /// The server does not answer this question, with the problem's code.
    Refused(String),
}

struct Inner<R: Row> {
    list: List<R>,
    rows: HashMap<R::Id, ArcRwSignal<R>>,
    /// The list's version that is shown.
    shown: u64,
    /// The answer is on its way, and will hold whatever changes until then.
    is_asking: bool,
    is_loading: bool,
}

impl<R: Row> Watched<R> {
    pub fn new(query: Query) -> Self {
        let inner = Inner {
            list: List::new(query),
            rows: HashMap::new(),
            shown: 0,
            is_asking: true,
            is_loading: false,
        };
        Self {
            inner: StoredValue::new_local(Rc::new(RefCell::new(inner))),
            order: RwSignal::new(Arc::new(Vec::new())),
            waiting: RwSignal::new(0),
            state: RwSignal::new(State::Asking),
            has_more: RwSignal::new(false),
        }
    }

    /// The ids in order; tracked.
    pub fn ids(self) -> Order<R> {
        self.order.get()
    }

    /// The row's own signal.
    pub fn row(self, id: R::Id) -> Option<ArcRwSignal<R>> {
        self.with(|inner| inner.rows.get(&id).cloned()).flatten()
    }

    /// All rows in order, tracked as a whole: for short lists.
    pub fn rows(self) -> Vec<R> {
        self.ids().iter().filter_map(|id| Some(self.row(*id)?.get())).collect()
    }

    pub fn state(self) -> State {
        self.state.get()
    }

    /// New rows that wait until the list is let go.
    pub fn waiting(self) -> usize {
        self.waiting.get()
    }

    /// Whether the row is shown only because the list is held. Changes with the row itself, so follow that.
    pub fn is_leaving(self, id: R::Id) -> bool {
        self.with(|inner| inner.list.is_leaving(id)).unwrap_or(false)
    }

    /// Whether there are rows behind the last one that is here.
    pub fn has_more(self) -> bool {
        self.has_more.get()
    }

    /// Whether there are rows behind the last one that is here, and fewer here than `most`. Not tracked.
    pub fn is_short_of(self, most: usize) -> bool {
        self.with(|inner| inner.list.next().is_some() && inner.list.len() < most).unwrap_or(false)
    }

    /// From now on rows change in place, and none comes or goes.
    pub fn hold(self) {
        self.with(|inner| inner.list.hold());
    }

    pub fn let_go(self) {
        self.with(|inner| {
            for id in inner.list.let_go() {
                inner.rows.remove(&id);
            }
        });
        self.flush();
    }

    /// Shows what waits.
    pub fn settle(self) {
        self.with(|inner| {
            for id in inner.list.settle() {
                inner.rows.remove(&id);
            }
        });
        self.flush();
    }

    /// Another question: what is here stays until the answer comes.
    pub fn ask(self, query: Query) {
        self.with(|inner| {
            inner.list.ask(query);
            inner.shown = inner.list.version();
            inner.is_asking = true;
            // A page that is on its way answers the question before.
            inner.is_loading = false;
        });
        self.state.set(State::Asking);
        self.waiting.set(0);
    }

    fn with<T>(self, act: impl FnOnce(&mut Inner<R>) -> T) -> Option<T> {
        let inner = self.inner.try_get_value()?;
        let mut inner = inner.try_borrow_mut().ok()?;
        Some(act(&mut inner))
    }
}

impl<R: Paged + serde::de::DeserializeOwned> Watched<R> {
    /// Reads the next page, if there is one and none is being read.
    ///
    /// # Errors
    /// As [`http::get`].
    pub async fn load_more(self) -> Result<(), Failure> {
        let asked = self.with(|inner| {
            let cursor = inner.list.next().filter(|_| !inner.is_loading)?.to_owned();
            inner.is_loading = true;
            Some((inner.list.query().clone(), cursor))
        });
        let Some((query, cursor)) = asked.flatten() else { return Ok(()) };
        let mut pairs = R::pairs(&query);
        pairs.extend([("cursor", cursor.clone()), ("limit", MOST_ROWS.to_string())]);
        let answer = http::get::<Page<R>>(&address(R::PATH, &pairs)).await;
        self.with(|inner| {
            if *inner.list.query() != query {
                return;
            }
            inner.is_loading = false;
            // A new answer to the same question may have overtaken this page.
            let is_wanted = inner.list.next() == Some(cursor.as_str());
            if let (Ok(page), true) = (&answer, is_wanted) {
                for row in &page.rows {
                    // What came live is no older than the page.
                    inner.rows.entry(row.id()).or_insert_with(|| ArcRwSignal::new(row.clone()));
                }
                inner.list.extend(&page.rows, page.next.clone());
            }
        });
        self.flush();
        answer.map(drop)
    }
}

impl<R: Paged> Watched<R> {
    /// Keeps the first `most` rows of a list that nobody holds; the others are paged again when they are wanted.
    /// A page that is left open for weeks does not grow for weeks.
    pub fn trim(self, most: usize) {
        self.with(|inner| {
            let Inner { list, rows, .. } = inner;
            let gone = list.trim(most, |id| rows.get(&id).map(|row| row.with_untracked(R::cursor)));
            for id in gone {
                rows.remove(&id);
            }
        });
        self.flush();
    }
}

impl<R: Row> Inner<R> {
    fn keep(&mut self, row: &R) {
        match self.rows.get(&row.id()) {
            Some(signal) => {
                if signal.with_untracked(|known| known != row) {
                    signal.set(row.clone());
                }
            }
            None => drop(self.rows.insert(row.id(), ArcRwSignal::new(row.clone()))),
        }
    }
}

impl<R: Row> Sink for Watched<R> {
    fn snapshot(&self, rows: &Rows, next: Option<&str>) {
        let rows = R::all_of(rows);
        self.with(|inner| {
            inner.is_asking = false;
            for row in rows {
                inner.keep(row);
            }
            inner.list.replace(rows, next.map(str::to_owned));
            let listed = inner.list.ids().collect::<HashSet<_>>();
            inner.rows.retain(|id, _| listed.contains(id));
        });
        self.state.set(State::Here);
    }

    fn take(&self, change: &Change) {
        let Some(row) = R::of(change) else { return };
        self.with(|inner| {
            if inner.is_asking {
                return;
            }
            match inner.list.take(row) {
                Taken::Shown | Taken::Waiting => inner.keep(row),
                Taken::Gone => drop(inner.rows.remove(&row.id())),
                Taken::Elsewhere => {}
            }
        });
    }

    fn refused(&self, code: &str) {
        self.state.set(State::Refused(code.to_owned()));
    }

    fn flush(&self) {
        let changed = self.with(|inner| {
            let order =
                (inner.shown != inner.list.version()).then(|| Arc::new(inner.list.ids().collect::<Vec<_>>()));
            inner.shown = inner.list.version();
            (order, inner.list.waiting(), inner.list.next().is_some())
        });
        let Some((order, waiting, has_more)) = changed else { return };
        if let Some(order) = order {
            self.order.set(order);
        }
        if self.has_more.get_untracked() != has_more {
            self.has_more.set(has_more);
        }
        if self.waiting.get_untracked() != waiting {
            self.waiting.set(waiting);
        }
    }
}
