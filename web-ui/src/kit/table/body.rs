//! The rows in sight, between two stretches of nothing.

use super::{Column, room_class, window::Window};
use crate::live::Watched;
use leptos::{ev::MouseEvent, prelude::*};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use viworks_web_model::request::Paged;
use wasm_bindgen::JsCast as _;
use web_sys::Element;

#[component]
pub fn Body<R: Paged + DeserializeOwned + Send + Sync>(
    rows: Watched<R>,
    window: Window<R>,
    columns: Arc<Vec<Column<R>>>,
    state: fn(&R) -> String,
    id: fn(R::Id) -> String,
    selected: Signal<Option<R::Id>>,
    on_open: Callback<R::Id>,
) -> impl IntoView {
    let span = window.span();
    let in_sight = Memo::new(move |_| {
        let (ids, (first, last)) = (rows.ids(), span.get());
        ids.get(first..last.min(ids.len())).map(<[_]>::to_vec).unwrap_or_default()
    });
    let height = move || format!("{}px", window.ids().len() as f64 * window.row_height());
    let shift = move || format!("translateY({}px)", span.get().0 as f64 * window.row_height());
    // One row takes part in the order of tabs: the one that the keyboard was at last, else the first.
    let stop = Memo::new(move |_| {
        let ids = in_sight.get();
        window.active.get().filter(|active| ids.contains(active)).or_else(|| ids.first().copied())
    });
    let row = move |index: ReadSignal<usize>, known: R::Id| {
        rows.row(known).map(|signal| {
            let cells = columns.iter().map(|column| cell(column, &signal)).collect_view();
            let (for_state, for_leaving) = (signal.clone(), signal);
            view! {
                <div
                    role="row"
                    class="tr"
                    data-row=id(known)
                    data-state=move || for_state.with(state)
                    data-leaving=move || {
                        for_leaving.track();
                        rows.is_leaving(known).then_some("")
                    }
                    aria-rowindex=move || (span.get().0 + index.get() + 2).to_string()
                    aria-current=move || (selected.get() == Some(known)).then_some("true")
                    tabindex=move || if stop.get() == Some(known) { "0" } else { "-1" }
                    on:click=move |event| {
                        if is_for_row(&event) {
                            window.active.set(Some(known));
                            on_open.run(known);
                        }
                    }
                    on:focus=move |_| window.active.set(Some(known))
                >
                    {cells}
                </div>
            }
        })
    };
    view! {
        <div role="rowgroup" class="tbody" style:height=height>
            <div role="presentation" class="in-sight" style:transform=shift>
                <ForEnumerate each=move || in_sight.get() key=|id| *id children=row />
            </div>
        </div>
    }
}

fn cell<R: 'static>(column: &Column<R>, row: &ArcRwSignal<R>) -> impl IntoView + use<R> {
    view! {
        <div
            role="cell"
            data-cell=column.name
            data-title=column.title
            class=format!("td {} {}", column.class, room_class(column.room))
        >
            {(column.cell)(row.clone())}
        </div>
    }
}

/// A press on a button within the row is the button's, and whoever marks text opens nothing.
fn is_for_row(event: &MouseEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let on_control = target.is_some_and(|target| {
        target.closest("a, button, input, select, label, summary").is_ok_and(|found| found.is_some())
    });
    let marks = web_sys::window()
        .and_then(|window| window.get_selection().ok().flatten())
        .is_some_and(|selection| !selection.is_collapsed());
    !on_control && !marks
}
