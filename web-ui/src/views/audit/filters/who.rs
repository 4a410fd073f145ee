//! Whose entries: a user found by a part of the name. The server looks; the page only proposes.

use crate::{http, kit::place, views::audit::People};
use gloo_timers::callback::Timeout;
use leptos::{ev::KeyboardEvent, prelude::*, task::spawn_local};
use viworks_api::{
    Page,
    feed::{AuditQuery, Query, UserQuery},
    user::UserRow,
};
use viworks_domain::ids::UserId;
use viworks_web_model::{
    request::{Paged as _, address},
    timeline, users, words,
};

const PROPOSED: usize = 8;
/// As long as a finger rests between two keys.
const PAUSE_MS: u32 = 150;

/// A combobox (ARIA 1.2, list autocomplete).
#[derive(Clone, Copy)]
struct Finder {
    people: People,
    query: Memo<AuditQuery>,
    typed: RwSignal<String>,
    found: RwSignal<Vec<UserRow>>,
    is_open: RwSignal<bool>,
    active: RwSignal<usize>,
    pause: StoredValue<Option<Timeout>, LocalStorage>,
}

#[component]
pub fn Who(query: Memo<AuditQuery>) -> impl IntoView {
    let finder = Finder {
        people: expect_context(),
        query,
        typed: RwSignal::new(String::new()),
        found: RwSignal::new(Vec::new()),
        is_open: RwSignal::new(false),
        active: RwSignal::new(0),
        pause: StoredValue::new_local(None),
    };
    // What the address says is what the field says.
    Effect::new(move |_| finder.typed.set(finder.chosen_name()));
    let is_expanded =
        Memo::new(move |_| finder.is_open.get() && !finder.typed.with(|typed| typed.trim().is_empty()));
    let active_id = move || {
        let is_there = is_expanded.get() && finder.found.with(|found| finder.active.get() < found.len());
        is_there.then(|| format!("audit-user-{}", finder.active.get()))
    };
    view! {
        <div class="filter combobox">
                <input
                    name="user" class="search" aria-label="User" data-search="" type="search" role="combobox" placeholder="Any user" spellcheck="false" autocomplete="off"
                    autocapitalize="none" aria-autocomplete="list" aria-controls="audit-users"
                    aria-expanded=move || is_expanded.get().to_string() aria-activedescendant=active_id
                    prop:value=move || finder.typed.get()
                    on:input=move |event| finder.type_in(event_target_value(&event))
                    on:keydown=move |event| finder.key(&event)
                    on:blur=move |_| finder.leave()
                />
            <ul id="audit-users" role="listbox" aria-label="Users" hidden=move || !is_expanded.get()>
                <For each=move || finder.found.get().into_iter().enumerate() key=|(n, row)| (*n, row.id) let:found>
                    <Proposal finder n=found.0 row=found.1 />
                </For>
                <li class="hint" role="option" aria-disabled="true" aria-selected="false" hidden=move || !finder.found.with(Vec::is_empty)>"Nobody of this name"</li>
            </ul>
        </div>
    }
}

#[component]
fn Proposal(finder: Finder, n: usize, row: UserRow) -> impl IntoView {
    let id = row.id;
    view! {
        <li
            id=format!("audit-user-{n}") role="option" aria-selected=move || (finder.active.get() == n).to_string()
            // Before the field loses the focus.
            on:pointerdown=move |event| {
                event.prevent_default();
                finder.choose(id);
            }
        >
            {row.username.unwrap_or_else(|| "an erased user".into())}
            <span class="hint">{words::user_state(row.state)}</span>
        </li>
    }
}

impl Finder {
    fn chosen_name(self) -> String {
        self.query.with(|query| query.user).map(|user| self.people.name(user)).unwrap_or_default()
    }

    fn type_in(self, text: String) {
        let text_now = text.trim().to_owned();
        self.typed.set(text);
        self.active.set(0);
        // Enter takes one of those who are proposed: nobody whom only the letters before have meant.
        self.found.update(|found| users::keep_meant(found, &text_now));
        if self.found.with_untracked(Vec::is_empty) {
            self.is_open.set(false);
        }
        if text_now.is_empty() {
            self.pause.set_value(None);
            self.is_open.set(false);
            place::set(timeline::USER, None);
            return;
        }
        self.pause.set_value(Some(Timeout::new(PAUSE_MS, move || spawn_local(self.find(text_now)))));
    }

    async fn find(self, text: String) {
        let query = Query::Users(UserQuery { text: Some(text.clone()), ..UserQuery::default() });
        let mut pairs = UserRow::pairs(&query);
        pairs.push(("limit", PROPOSED.to_string()));
        let answer = http::get::<Page<UserRow>>(&address(UserRow::PATH, &pairs)).await;
        // Typed on meanwhile, or gone.
        let is_wanted = self.typed.try_with_untracked(|typed| typed.trim() == text) == Some(true);
        if let (true, Ok(page)) = (is_wanted, answer) {
            self.found.set(page.rows);
            self.is_open.set(true);
        }
    }

    fn key(self, event: &KeyboardEvent) {
        let count = self.found.with_untracked(Vec::len);
        let is_open = self.is_open.get_untracked() && count != 0;
        match event.key().as_str() {
            "ArrowDown" if is_open => self.active.update(|active| *active = (*active + 1) % count),
            "ArrowUp" if is_open => self.active.update(|active| *active = (*active + count - 1) % count),
            "Enter" => {
                let typed = self.typed.get_untracked();
                let active = self.active.get_untracked();
                let found = self
                    .found
                    .with_untracked(|found| found.get(active).map(|row| row.id))
                    .filter(|_| is_open);
                // An id, from another place.
                let Some(user) = found.or_else(|| typed.trim().parse::<UserId>().ok()) else { return };
                self.choose(user);
            }
            "Escape" if is_open => {
                self.is_open.set(false);
                self.typed.set(untrack(|| self.chosen_name()));
            }
            _ => return,
        }
        event.prevent_default();
        event.stop_propagation();
    }

    fn choose(self, user: UserId) {
        self.pause.set_value(None);
        self.is_open.set(false);
        self.typed.set(untrack(|| self.people.name(user)));
        place::set(timeline::USER, Some(user.to_string()));
    }

    /// Half a name is no filter: the field says again what is asked.
    fn leave(self) {
        self.pause.set_value(None);
        self.is_open.set(false);
        self.typed.set(untrack(|| self.chosen_name()));
    }
}
