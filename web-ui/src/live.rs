//! A window's rows as signals: one per row, and one for their order. A row that changes redraws itself alone.

use crate::{feed::Sink, http};
use leptos::{prelude::*, task::spawn_local};
use std::{cell::RefCell, rc::Rc, sync::Arc};
use viworks_api::{
    Page,
    feed::{Change, MOST_ROWS, Query, Rows},
};
use viworks_web_model::{
    list::{Cell, Ledger, Row},
    request::{Failure, Paged, address},
};

/// Copied freely.
pub struct Watched<R: Row> {
    inner: StoredValue<Rc<RefCell<Inner<R>>>, LocalStorage>,
    order: RwSignal<Order<R>>,
    waiting: RwSignal<usize>,
    state: RwSignal<State>,
    end: RwSignal<Option<u64>>,
    /// How often the same question is to be asked again.
    again: RwSignal<u32>,
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

type Inner<R> = Ledger<R, Own<R>>;

/// A row's own signal: it changes when the row does, not with every word about it.
#[derive(Clone)]
struct Own<R: 'static>(ArcRwSignal<R>);

impl<R: Row> Cell<R> for Own<R> {
    fn new(row: &R) -> Self {
        Self(ArcRwSignal::new(row.clone()))
    }

    fn put(&self, row: &R) {
        if self.0.with_untracked(|known| known != row) {
            self.0.set(row.clone());
        }
    }

    fn row(&self) -> R {
        self.0.get_untracked()
    }
}

impl<R: Row> Watched<R> {
    pub fn new(query: Query) -> Self {
        Self {
            inner: StoredValue::new_local(Rc::new(RefCell::new(Ledger::new(query)))),
            order: RwSignal::new(Arc::new(Vec::new())),
            waiting: RwSignal::new(0),
            state: RwSignal::new(State::Asking),
            end: RwSignal::new(None),
            again: RwSignal::new(0),
        }
    }

    /// The ids in order; tracked.
    pub fn ids(self) -> Order<R> {
        self.order.get()
    }

    /// The row's own signal.
    pub fn row(self, id: R::Id) -> Option<ArcRwSignal<R>> {
        self.with(|inner| Some(inner.cell(id)?.0.clone())).flatten()
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
        self.with(|inner| inner.list().is_leaving(id)).unwrap_or(false)
    }

    /// Whether there are rows behind the last one that is here.
    pub fn has_more(self) -> bool {
        self.end().is_some()
    }

    /// Where there are more rows: another number for every end that the list has had.
    pub fn end(self) -> Option<u64> {
        self.end.get()
    }

    /// Whether there are rows behind the last one that is here, and fewer here than `most`. Not tracked.
    pub fn is_short_of(self, most: usize) -> bool {
        self.with(|inner| inner.list().next().is_some() && inner.list().len() < most).unwrap_or(false)
    }

    /// From now on rows change in place, and none comes or goes.
    pub fn hold(self) {
        self.with(Ledger::hold);
    }

    pub fn let_go(self) {
        self.show(Ledger::let_go);
    }

    /// Shows what waits.
    pub fn settle(self) {
        self.show(Ledger::settle);
    }

    fn show(self, what_waits: fn(&mut Inner<R>) -> bool) {
        if self.with(what_waits) == Some(true) {
            self.again.update(|times| *times += 1);
        }
        self.flush();
    }

    /// Another number whenever the same question is to be asked again.
    pub fn again(self) -> u32 {
        self.again.get()
    }

    /// Another question: what is here stays until the answer comes.
    pub fn ask(self, query: Query) {
        self.with(|inner| inner.ask(query));
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
        loop {
            let begin = |inner: &mut Inner<R>| Some((inner.begin_page()?, R::pairs(inner.list().query())));
            let Some((asked, mut pairs)) = self.with(begin).flatten() else { return Ok(()) };
            pairs.extend([("cursor", asked.cursor.clone()), ("limit", MOST_ROWS.to_string())]);
            let answer = http::get::<Page<R>>(&address(R::PATH, &pairs)).await;
            let is_overtaken = self.with(|inner| inner.end_page(&asked, answer.as_ref().ok()));
            self.flush();
            if answer.is_err() || is_overtaken != Some(true) {
                return answer.map(drop);
            }
        }
    }

    /// Nothing comes or goes while `is_held`, and the list stays short while it is not. Whoever is far down in
    /// it when everything is read anew stays there, while what is behind the first rows is read again.
    pub fn hold_while(self, is_held: Memo<bool>) {
        Effect::new(move |_| {
            if is_held.get() {
                return self.hold();
            }
            self.let_go();
            self.shorten();
        });
        Effect::new(move |_| {
            self.end.track();
            if self.with(|inner| inner.is_wanting()) == Some(true) {
                // If it fails, what is here is shown.
                spawn_local(async move { drop(self.load_more().await) });
            }
        });
    }
}

impl<R: Paged> Watched<R> {
    /// A page that is left open for weeks does not grow for weeks: what has sunk far below is paged again when
    /// somebody goes there.
    pub fn stay_short(self) {
        Effect::new(move |_| self.shorten());
    }

    fn shorten(self) {
        self.order.track();
        self.with(Ledger::shorten);
        self.flush();
    }
}

impl<R: Row> Sink for Watched<R> {
    fn snapshot(&self, rows: &Rows, next: Option<&str>) {
        self.with(|inner| inner.answer(rows, next));
        self.state.set(State::Here);
    }

    fn take(&self, seq: u64, change: &Change) {
        self.with(|inner| inner.take(seq, change));
    }

    fn refused(&self, code: &str) {
        self.state.set(State::Refused(code.to_owned()));
    }

    fn flush(&self) {
        let Some(drawn) = self.with(Ledger::draw) else { return };
        if let Some(order) = drawn.order {
            self.order.set(Arc::new(order));
        }
        if self.end.get_untracked() != drawn.end {
            self.end.set(drawn.end);
        }
        if self.waiting.get_untracked() != drawn.waiting {
            self.waiting.set(drawn.waiting);
        }
    }
}
