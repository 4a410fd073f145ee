//! Which rows are in sight, and whether the list is held still.

use crate::{
    feed,
    live::{Order, Watched},
};
use leptos::{ev::FocusEvent, html, prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;
use viworks_web_model::{feed::Mark, request::Paged};
use wasm_bindgen::{JsCast as _, prelude::Closure};
use web_sys::{Element, Node, ResizeObserver};

/// Rows that stand ready above and below what is in sight.
const OVERSCAN: usize = 8;
/// The next page is asked for this many rows before the end.
const AHEAD: usize = 60;
/// Until the page has been laid out.
const ROW: f64 = 44.0;
const SIGHT: f64 = 900.0;
/// Scrolled by less than this counts as at the top.
const TOP: f64 = 4.0;

/// Copied freely.
pub struct Window<R: Paged> {
    rows: Watched<R>,
    pub pointed: RwSignal<bool>,
    pub focused: RwSignal<bool>,
    scrolled: RwSignal<f64>,
    sight: RwSignal<f64>,
    row: RwSignal<f64>,
    /// The row that the keyboard is at.
    pub active: RwSignal<Option<R::Id>>,
    /// Why the next page is not here.
    pub failure: RwSignal<Option<String>>,
}

impl<R: Paged> Clone for Window<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: Paged> Copy for Window<R> {}

impl<R: Paged + DeserializeOwned + Send + Sync> Window<R> {
    pub fn new(rows: Watched<R>) -> Self {
        let window = Self {
            rows,
            pointed: RwSignal::new(false),
            focused: RwSignal::new(false),
            scrolled: RwSignal::new(0.0),
            sight: RwSignal::new(SIGHT),
            row: RwSignal::new(ROW),
            active: RwSignal::new(None),
            failure: RwSignal::new(None),
        };
        window.hold_still();
        window
    }

    /// While somebody could be about to press on a row, none moves. Nobody presses on an empty list.
    fn hold_still(self) {
        let is_still = Memo::new(move |_| {
            let is_watched = self.pointed.get() || self.focused.get() || self.scrolled.get() > TOP;
            is_watched && !self.rows.ids().is_empty()
        });
        self.rows.hold_while(is_still);
    }

    pub fn ids(self) -> Order<R> {
        self.rows.ids()
    }

    pub fn ids_untracked(self) -> Order<R> {
        untrack(|| self.rows.ids())
    }

    pub fn row_height(self) -> f64 {
        self.row.get()
    }

    pub fn row_height_untracked(self) -> f64 {
        self.row.get_untracked()
    }

    /// The rows to draw, as positions from `first` to before `last`.
    pub fn span(self) -> Memo<(usize, usize)> {
        Memo::new(move |_| {
            let (row, count) = (self.row.get().max(1.0), self.rows.ids().len());
            let first = (self.scrolled.get() / row) as usize;
            let last = first + (self.sight.get() / row).ceil() as usize + 1;
            let last = (last + OVERSCAN).min(count);
            (first.saturating_sub(OVERSCAN).min(last), last)
        })
    }

    /// Measures now and whenever the element's size changes.
    pub fn follow(self, scroller: NodeRef<html::Div>) {
        let on_resize = Closure::<dyn FnMut()>::new(move || self.measure(scroller));
        let Ok(observer) = ResizeObserver::new(on_resize.as_ref().unchecked_ref()) else { return };
        let observer = StoredValue::new_local((observer, on_resize));
        Effect::new(move |_| {
            let Some(element) = scroller.get() else { return };
            observer.with_value(|(observer, _)| observer.observe(&element));
            self.measure(scroller);
        });
        on_cleanup(move || {
            observer.try_with_value(|(observer, _)| observer.disconnect());
        });
    }

    pub fn measure(self, scroller: NodeRef<html::Div>) {
        let Some(element) = scroller.try_get_untracked().flatten() else { return };
        let keep = |signal: RwSignal<f64>, found: f64| {
            if (signal.get_untracked() - found).abs() > 0.01 {
                signal.set(found);
            }
        };
        keep(self.sight, f64::from(element.client_height()));
        if let Some(probe) = probe(&element) {
            keep(self.row, probe.get_bounding_client_rect().height());
        }
        keep(self.scrolled, f64::from(element.scroll_top()));
    }

    /// The focus has gone: somewhere else in the table, or out of it.
    pub fn focus_left(self, event: &FocusEvent, scroller: NodeRef<html::Div>) {
        let to = event.related_target().and_then(|target| target.dyn_into::<Node>().ok());
        let inside = scroller.get_untracked().is_some_and(|table| table.contains(to.as_ref()));
        self.focused.set(inside);
    }

    /// Asks for the next page whenever the end comes near, and, should it not have come, when the feed is live again.
    pub fn load_pages(self) {
        let (span, mark) = (self.span(), feed::expect().mark());
        let is_live = Memo::new(move |_| matches!(mark.get(), Mark::Live { .. }));
        let near = Memo::new(move |_| {
            let end = self.rows.end()?;
            (span.get().1 + AHEAD >= self.rows.ids().len()).then(|| (end, is_live.get()))
        });
        Effect::new(move |_| {
            if near.get().is_some() {
                spawn_local(self.load());
            }
        });
    }

    pub async fn load(self) {
        let _ = self.failure.try_set(None);
        if let Err(failure) = self.rows.load_more().await {
            // The view may be gone by now.
            let _ = self.failure.try_set(Some(failure.title()));
        }
    }
}

/// An empty element as high as a row, whatever the style sheet makes of that.
fn probe(scroller: &Element) -> Option<Element> {
    scroller.query_selector(".row-probe").ok().flatten()
}
