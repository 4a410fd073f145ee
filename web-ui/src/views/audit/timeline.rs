//! The list of stories: grown by scrolling, live at the top, still under one's eyes.

use super::story::Story;
use crate::{
    kit::{icon::ArrowUp, pill::Tone, place, time},
    live::{State, Watched},
    views::act,
};
use leptos::{html, prelude::*, task::spawn_local};
use std::{collections::HashMap, sync::Arc};
use viworks_api::{audit::AuditRow, feed::AuditQuery};
use viworks_domain::ids::CorrelationId;
use viworks_web_model::{
    list,
    timeline::{Group, Groups, Place},
    words,
};
use wasm_bindgen::JsCast as _;

/// Stories on the page at first, and with each further stretch that is scrolled to.
const STRETCH: usize = 40;
/// The next stretch comes when this many pixels are left below.
const AHEAD: i32 = 1200;
/// Scrolled less than this is at the top.
const TOP: i32 = 8;

/// The entries that are here and the stories that they make. Copied freely.
#[derive(Clone, Copy)]
pub struct Shelf {
    rows: Watched<AuditRow>,
    /// Earlier entries of stories that somebody wanted to read whole.
    earlier: RwSignal<HashMap<Place, ArcRwSignal<AuditRow>>>,
    /// Those stories: nothing of them is elsewhere.
    complete: RwSignal<Vec<CorrelationId>>,
    stories: Memo<Arc<Stories>>,
}

#[derive(Debug, Default, PartialEq)]
struct Stories {
    order: Vec<CorrelationId>,
    groups: HashMap<CorrelationId, Group>,
}

impl Shelf {
    fn new(rows: Watched<AuditRow>) -> Self {
        let earlier = RwSignal::new(HashMap::<Place, ArcRwSignal<AuditRow>>::new());
        let stories = Memo::new(move |_| {
            let mut groups = Groups::new(time::local);
            for id in rows.ids().iter() {
                if let Some(row) = rows.row(*id) {
                    row.with_untracked(|row| groups.see(row));
                }
            }
            let is_here = |correlation: &CorrelationId| groups.has(*correlation);
            let more = earlier.with(|earlier| {
                let rows = earlier.values().filter(|row| row.with_untracked(|row| is_here(&row.correlation)));
                rows.cloned().collect::<Vec<_>>()
            });
            for row in more {
                row.with_untracked(|row| groups.see(row));
            }
            let groups = groups.finish();
            let order = groups.iter().map(|group| group.correlation).collect();
            Arc::new(Stories {
                order,
                groups: groups.into_iter().map(|group| (group.correlation, group)).collect(),
            })
        });
        Self { rows, earlier, complete: RwSignal::new(Vec::new()), stories }
    }

    /// Tracked.
    pub fn group(self, correlation: CorrelationId) -> Option<Group> {
        self.stories.with(|stories| stories.groups.get(&correlation).cloned())
    }

    pub fn row(self, place: Place) -> Option<ArcRwSignal<AuditRow>> {
        self.rows.row(place).or_else(|| self.earlier.with_untracked(|earlier| earlier.get(&place).cloned()))
    }

    /// Keeps a whole story beside what the list has of it.
    pub fn put(self, correlation: CorrelationId, rows: Vec<AuditRow>) {
        // The view may be gone by now.
        let _ = self.earlier.try_update(|earlier| {
            for row in rows {
                earlier.entry((row.seq, row.n)).or_insert_with(|| ArcRwSignal::new(row));
            }
        });
        let _ = self.complete.try_update(|complete| complete.push(correlation));
    }

    /// Tracked.
    pub fn is_complete(self, correlation: CorrelationId) -> bool {
        self.complete.with(|complete| complete.contains(&correlation))
    }

    fn clear(self) {
        self.earlier.set(HashMap::new());
        self.complete.set(Vec::new());
    }
}

#[component]
pub fn Timeline(rows: Watched<AuditRow>, query: Memo<AuditQuery>, is_filtered: Memo<bool>) -> impl IntoView {
    let shelf = Shelf::new(rows);
    let scroller = NodeRef::<html::Div>::new();
    let (pointed, focused, scrolled) = (RwSignal::new(false), RwSignal::new(false), RwSignal::new(false));
    let is_held = Memo::new(move |_| pointed.get() || focused.get() || scrolled.get());
    rows.hold_while(is_held);

    let shown = RwSignal::new(STRETCH);
    let order = Memo::new(move |_| {
        let count = shown.get();
        shelf.stories.with(|stories| stories.order.iter().take(count).copied().collect::<Vec<_>>())
    });
    let has_more =
        Memo::new(move |_| rows.has_more() || shelf.stories.with(|all| all.order.len()) > shown.get());
    let busy = RwSignal::new(false);
    let grow = move || {
        if shelf.stories.with_untracked(|all| all.order.len()) > shown.get_untracked() {
            shown.update(|shown| *shown += STRETCH);
        } else if !busy.get_untracked() {
            busy.set(true);
            spawn_local(async move {
                let loaded = rows.load_more().await;
                let _ = busy.try_set(false);
                match loaded {
                    Ok(()) => {
                        let _ = shown.try_update(|shown| *shown += STRETCH);
                    }
                    Err(failure) => act::say(Tone::Bad, Err(failure)),
                }
            });
        }
    };
    let measure = move || {
        let Some(element) = scroller.get_untracked() else { return };
        let is_away = element.scroll_top() > TOP;
        if scrolled.get_untracked() != is_away {
            scrolled.set(is_away);
        }
        if !is_away && shown.get_untracked() > STRETCH {
            // What was scrolled to is far below again.
            shown.set(STRETCH);
        }
        if is_away && element.scroll_height() - element.scroll_top() - element.client_height() < AHEAD {
            grow();
        }
    };
    // Another question begins at the top, with nothing of the one before.
    Effect::watch(
        move || query.get(),
        move |_, _, _| {
            shelf.clear();
            shown.set(STRETCH);
            to_top(scroller);
        },
        false,
    );
    let show_newer = move |_| {
        rows.settle();
        to_top(scroller);
    };
    let is_asking = Memo::new(move |_| rows.state() == State::Asking);
    let is_empty = Memo::new(move |_| rows.state() == State::Here && order.with(Vec::is_empty));
    view! {
        <div class="timeline" data-asking=move || is_asking.get().then_some("")>
            // Not read out: it counts on with everything that happens.
            <div class="newer">
                <Show when=move || rows.waiting() != 0>
                    <button type="button" class="newer-button" data-newer=move || rows.waiting().to_string() on:click=show_newer>
                        <ArrowUp />
                        {move || list::newer(rows.waiting())}
                    </button>
                </Show>
            </div>
            <div
                class="timeline-scroller" node_ref=scroller tabindex="0" role="region" aria-label="Timeline"
                aria-busy=move || is_asking.get().to_string()
                on:scroll=move |_| measure()
                on:pointerenter=move |event| if event.pointer_type() == "mouse" { pointed.set(true) }
                on:pointerleave=move |_| pointed.set(false)
                on:focusin=move |_| focused.set(true)
                on:focusout=move |event| focused.set(goes_to_inside(&event, scroller))
            >
                <For each=move || order.get() key=|correlation| *correlation let:correlation>
                    <Story correlation shelf query />
                </For>
                <Show when=move || is_asking.get() && order.with(Vec::is_empty)>
                    <div class="skeletons" aria-hidden="true">
                        {(0..6).map(|_| view! { <div class="skeleton"><span></span><span></span><span></span></div> }).collect_view()}
                    </div>
                </Show>
                <Show when=move || is_empty.get()>
                    <Nothing is_filtered />
                </Show>
                {move || match rows.state() {
                    State::Refused(code) => {
                        Some(view! { <p class="empty refused" role="alert">{words::refused(&code)}</p> })
                    }
                    State::Asking | State::Here => None,
                }}
                <Show when=move || has_more.get()>
                    <p class="more">
                        <button type="button" class="button" aria-busy=move || busy.get().to_string() on:click=move |_| grow()>
                            {move || if busy.get() { "Loading…" } else { "Load more" }}
                        </button>
                    </p>
                </Show>
            </div>
        </div>
    }
}

/// Nothing to show, and what to do about it.
#[component]
fn Nothing(is_filtered: Memo<bool>) -> impl IntoView {
    let panel = place::panel();
    view! {
        <div class="empty">
            <Show
                when=move || is_filtered.get()
                fallback=|| view! { <p>"Nothing has happened yet. Whatever anybody does from now on stands here."</p> }
            >
                <p>"Nothing matches these filters."</p>
                <button type="button" class="button" on:click=move |_| super::filters::clear(panel.get_untracked())>
                    "Show everything"
                </button>
            </Show>
        </div>
    }
}

/// At once, and again when what comes has been drawn: the browser keeps what is read in place otherwise.
fn to_top(scroller: NodeRef<html::Div>) {
    let go = move || {
        if let Some(element) = scroller.try_get_untracked().flatten() {
            element.set_scroll_top(0);
        }
    };
    go();
    spawn_local(async move {
        leptos::task::tick().await;
        go();
    });
}

/// Whether the focus moves within the list.
fn goes_to_inside(event: &leptos::ev::FocusEvent, scroller: NodeRef<html::Div>) -> bool {
    let next = event.related_target().and_then(|next| next.dyn_into::<web_sys::Node>().ok());
    scroller.get_untracked().is_some_and(|element| element.contains(next.as_ref()))
}
