//! The table by keyboard: `j` and `k` or the arrows move, Enter opens.

use super::{RowKey, window::Window};
use crate::kit::typing;
use leptos::{ev, html, prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;
use viworks_web_model::request::Paged;
use wasm_bindgen::JsCast as _;
use web_sys::{FocusOptions, HtmlElement, KeyboardEvent};

/// Rows that PageUp and PageDown move by.
const PAGE: usize = 12;

pub fn listen<R: Paged + DeserializeOwned + Send + Sync>(
    window: Window<R>,
    scroller: NodeRef<html::Div>,
    on_open: Callback<R::Id>,
    on_key: Option<RowKey<R>>,
) {
    let handle = window_event_listener(ev::keydown, move |event: KeyboardEvent| {
        let is_other = event.default_prevented() || typing::is_typing(&event) || typing::has_modifier(&event);
        if is_other || !is_here(scroller) {
            return;
        }
        let ids = window.ids_untracked();
        let at = window.active.get_untracked().and_then(|active| ids.iter().position(|id| *id == active));
        let last = ids.len().saturating_sub(1);
        let on_row = on_a_row(scroller);
        let key = event.key();
        if let Some(to) = goal(&key, at, last, on_row) {
            if let Some(id) = ids.get(to) {
                event.prevent_default();
                window.active.set(Some(*id));
                show(window, scroller, to);
            }
            return;
        }
        let Some(id) = at.and_then(|at| ids.get(at)).filter(|_| on_row) else { return };
        let mut letters = key.chars();
        if key == "Enter" {
            event.prevent_default();
            on_open.run(*id);
        } else if let (Some(letter), None, Some(on_key)) = (letters.next(), letters.next(), on_key) {
            on_key.run((letter, *id));
        }
    });
    on_cleanup(move || handle.remove());
}

/// Where a key leads from `at`, nowhere yet being before the first.
fn goal(key: &str, at: Option<usize>, last: usize, on_row: bool) -> Option<usize> {
    let down = |rows: usize| at.map_or(0, |at| (at + rows).min(last));
    let up = |rows: usize| at.map_or(0, |at| at.saturating_sub(rows));
    match key {
        "j" => Some(down(1)),
        "k" => Some(up(1)),
        "ArrowDown" if on_row => Some(down(1)),
        "ArrowUp" if on_row => Some(up(1)),
        "PageDown" if on_row => Some(down(PAGE)),
        "PageUp" if on_row => Some(up(PAGE)),
        "Home" if on_row => Some(0),
        "End" if on_row => Some(last),
        _ => None,
    }
}

/// Brings the row into sight and gives it the focus, once it is drawn.
fn show<R: Paged + DeserializeOwned + Send + Sync>(
    window: Window<R>,
    scroller: NodeRef<html::Div>,
    at: usize,
) {
    let Some(element) = scroller.get_untracked() else { return };
    let row = window.row_height_untracked();
    let head = element.query_selector(".thead").ok().flatten();
    let head = head.map_or(0.0, |head| head.get_bounding_client_rect().height());
    let (top, bottom) = (at as f64 * row, (at + 1) as f64 * row);
    let (scrolled, sight) = (f64::from(element.scroll_top()), f64::from(element.client_height()) - head);
    if top < scrolled {
        element.set_scroll_top(top as i32);
    } else if bottom > scrolled + sight {
        element.set_scroll_top((bottom - sight).ceil() as i32);
    }
    window.measure(scroller);
    spawn_local(async move {
        leptos::task::tick().await;
        let found = element.query_selector("[data-row][tabindex='0']").ok().flatten();
        if let Some(row) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) {
            // It has been scrolled to already; the browser would put it below the head.
            let options = FocusOptions::new();
            options.set_prevent_scroll(true);
            let _ = row.focus_with_options(&options);
        }
    });
}

/// Keys are this table's when the focus is in it or nowhere in particular.
fn is_here(scroller: NodeRef<html::Div>) -> bool {
    let Some(table) = scroller.try_get_untracked().flatten() else { return false };
    // A table that is not drawn, behind the sign-in page say, has no keys.
    if table.client_height() == 0 {
        return false;
    }
    document().active_element().is_none_or(|focused| {
        let is_elsewhere = focused.closest("dialog, aside, .live-table").is_ok_and(|found| found.is_some());
        table.contains(Some(&focused)) || !is_elsewhere
    })
}

fn on_a_row(scroller: NodeRef<html::Div>) -> bool {
    let focused = document().active_element();
    focused.is_some_and(|focused| {
        focused.has_attribute("data-row")
            && scroller.get_untracked().is_some_and(|table| table.contains(Some(&focused)))
    })
}
