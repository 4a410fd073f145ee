//! A live list as a table: only the rows in sight are on the page, and none moves under a person's hands.
//!
//! Rows are keyed by id alone and draw themselves from their own signal. While somebody points at the table, has the
//! focus in it or has scrolled down, new rows wait behind a button that says how many there are.

mod body;
mod keys;
mod window;

use crate::live::{State, Watched};
use body::Body;
use leptos::{children::ViewFn, html, prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;
use std::sync::Arc;
use viworks_web_model::{
    list::{self, Row},
    request::Paged,
    words,
};
use window::Window;

/// Skeleton rows while the first answer is on its way.
const SKELETONS: usize = 8;

/// One column: its heading, how wide it is, and what stands in it for a row.
pub struct Column<R> {
    pub name: &'static str,
    pub title: &'static str,
    pub class: &'static str,
    /// A track of CSS grid.
    pub width: &'static str,
    pub room: Room,
    pub cell: Cell<R>,
}

pub type Cell<R> = Arc<dyn Fn(ArcRwSignal<R>) -> AnyView + Send + Sync>;

/// How much room a table must have for a column to be in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// It is always there, on the smallest screen too.
    Any,
    /// From 60 rem of the table's own width, and on cards.
    Mid,
    /// From 80 rem.
    Wide,
}

impl<R> Column<R> {
    pub fn new<V: IntoAny>(
        name: &'static str,
        title: &'static str,
        cell: impl Fn(ArcRwSignal<R>) -> V + Send + Sync + 'static,
    ) -> Self {
        Self {
            name,
            title,
            class: "",
            width: "minmax(0,1fr)",
            room: Room::Any,
            cell: Arc::new(move |row| cell(row).into_any()),
        }
    }

    pub const fn class(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    /// A track of CSS grid: `minmax(0,2fr)`, `7rem`. Not `auto`: every row is a grid of its own.
    pub const fn width(mut self, width: &'static str) -> Self {
        self.width = width;
        self
    }

    pub const fn room(mut self, room: Room) -> Self {
        self.room = room;
        self
    }
}

/// A row's key that the table has no meaning for: `x`, `r`.
pub type RowKey<R> = Callback<(char, <R as Row>::Id)>;

#[component]
pub fn LiveTable<R: Paged + DeserializeOwned + Send + Sync>(
    name: &'static str,
    label: &'static str,
    rows: Watched<R>,
    columns: Vec<Column<R>>,
    /// `data-state` of a row.
    state: fn(&R) -> String,
    /// `data-row` of a row.
    id: fn(R::Id) -> String,
    /// The row whose panel is open.
    selected: Signal<Option<R::Id>>,
    on_open: Callback<R::Id>,
    /// Letters that are pressed on a row and are not the table's own.
    #[prop(optional)]
    on_key: Option<RowKey<R>>,
    #[prop(into)] empty: ViewFn,
) -> impl IntoView {
    let window = Window::new(rows);
    let columns = Arc::new(columns);
    let has_rows = Memo::new(move |_| !rows.ids().is_empty());
    // What a first answer looks like, before there is one.
    let is_first = Memo::new(move |_| rows.state() == State::Asking && !has_rows.get());
    let is_empty = Memo::new(move |_| rows.state() == State::Here && !has_rows.get());
    // The columns without cells of their own, for each amount of room.
    let tracks = [Room::Any, Room::Mid, Room::Wide].map(|room| tracks(&columns, room));
    let [few, mid, all] = tracks;
    let card_lines = card_lines(&columns).to_string();
    let count = move || if rows.has_more() { -1 } else { rows.ids().len() as i64 + 1 };
    let heads = columns
        .iter()
        .map(|column| {
            view! {
                <span role="columnheader" class=format!("th {} {}", column.class, room_class(column.room))>
                    {column.title}
                </span>
            }
        })
        .collect_view();
    let scroller = NodeRef::<html::Div>::new();
    window.follow(scroller);
    window.load_pages();
    keys::listen(window, scroller, on_open, on_key);
    view! {
        <div
            class="live-table"
            data-asking=move || (rows.state() == State::Asking).then_some("")
            style=("--few", few)
            style=("--mid", mid)
            style=("--all", all)
            style=("--card-lines", card_lines)
            on:pointerenter=move |_| window.pointed.set(true)
            on:pointerleave=move |_| window.pointed.set(false)
            on:focusin=move |_| window.focused.set(true)
            on:focusout=move |event| window.focus_left(&event, scroller)
        >
            <Newer rows window scroller />
            <div class="scroller" data-scrolls="" node_ref=scroller on:scroll=move |_| window.measure(scroller)>
                <div
                    role="table"
                    data-table=name
                    aria-label=label
                    aria-busy=move || (rows.state() == State::Asking).to_string()
                    aria-rowcount=move || count().to_string()
                >
                    <div role="rowgroup" class="thead">
                        <div role="row" aria-rowindex="1" class="tr">{heads}</div>
                    </div>
                    <Body rows window columns=Arc::clone(&columns) state id selected on_open />
                </div>
                <span class="row-probe" aria-hidden="true"></span>
                <Show when=move || is_first.get()>
                    <div class="skeletons" aria-hidden="true">
                        {(0..SKELETONS).map(|_| view! { <div class="skeleton"><span></span><span></span><span></span></div> }).collect_view()}
                    </div>
                    <p class="sr-only" role="status">"Loading…"</p>
                </Show>
                <Show when=move || is_empty.get()>
                    <div class="empty">{empty.run()}</div>
                </Show>
                {move || match rows.state() {
                    State::Refused(code) => Some(view! { <div class="empty refused" role="alert">{words::refused(&code)}</div> }),
                    State::Asking | State::Here => None,
                }}
                <Foot rows window />
            </div>
        </div>
    }
}

/// The button behind which new rows wait.
#[component]
fn Newer<R: Paged + DeserializeOwned + Send + Sync>(
    rows: Watched<R>,
    window: Window<R>,
    scroller: NodeRef<html::Div>,
) -> impl IntoView {
    let show = move |_| {
        rows.settle();
        if let Some(element) = scroller.get_untracked() {
            element.set_scroll_top(0);
        }
        window.measure(scroller);
    };
    view! {
        // Not read out: it counts on with everything that happens.
        <div class="newer">
            <Show when=move || rows.waiting() != 0>
                <button type="button" class="newer-button" data-newer=move || rows.waiting().to_string() on:click=show>
                    <crate::kit::icon::ArrowUp />
                    {move || list::newer(rows.waiting())}
                </button>
            </Show>
        </div>
    }
}

/// Below the last row while there are more.
#[component]
fn Foot<R: Paged + DeserializeOwned + Send + Sync>(rows: Watched<R>, window: Window<R>) -> impl IntoView {
    let again = move |_| spawn_local(window.load());
    view! {
        <Show when=move || rows.has_more()>
            <p class="more">
                {move || match window.failure.get() {
                    None => view! { <span role="status">"Loading…"</span> }.into_any(),
                    Some(failure) => view! {
                        <span role="alert">{failure}</span>
                        <button type="button" class="button" on:click=again>"Try again"</button>
                    }
                        .into_any(),
                }}
            </p>
        </Show>
    }
}

fn tracks<R>(columns: &[Column<R>], room: Room) -> String {
    let shown = columns.iter().filter(|column| column.room <= room);
    shown.map(|column| column.width).collect::<Vec<_>>().join(" ")
}

/// A card has its first column as headline, its buttons beside that, and the others two by two.
fn card_lines<R>(columns: &[Column<R>]) -> usize {
    let small = columns.iter().skip(1).filter(|column| column.room <= Room::Mid);
    small.filter(|column| !column.class.contains("acts")).count().div_ceil(2)
}

const fn room_class(room: Room) -> &'static str {
    match room {
        Room::Any => "",
        Room::Mid => "from-mid",
        Room::Wide => "from-wide",
    }
}
