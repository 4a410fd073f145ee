//! What is asked of the audit, in the address: who, which session, what kind, one story. The server answers it.

mod who;

use crate::{
    http,
    kit::{
        pill::Tone,
        place::{self, Panel},
    },
    shell::toasts,
};
use leptos::{prelude::*, task::spawn_local};
use viworks_api::{
    Page,
    feed::{AuditQuery, Query, SessionQuery},
    session::SessionRow,
};
use viworks_domain::ids::{SessionId, UserId};
use viworks_web_model::{
    request::{Paged as _, address},
    timeline, words,
};
use wasm_bindgen_futures::JsFuture;
use who::Who;

/// Sessions of the chosen user that are proposed.
const PROPOSED: &str = "20";

#[component]
pub fn Filters(query: Memo<AuditQuery>) -> impl IntoView {
    let is_filtered = Memo::new(move |_| query.get() != AuditQuery::default());
    let panel = place::panel();
    let has_story = Memo::new(move |_| query.with(|query| query.correlation.is_some()));
    view! {
        <div class="filters" role="search" aria-label="Narrow the audit">
            <Who query />
            <OfSession query />
            <OfKind query />
            <Show when=move || has_story.get()>
                <span class="filter-chip">
                    "One story, with every entry"
                    <button type="button" class="link" on:click=move |_| place::set(timeline::CORRELATION, None)>
                        "All stories"
                    </button>
                </span>
            </Show>
            <span class="filter-acts">
                <Show when=move || is_filtered.get()>
                    <button type="button" class="button quiet" on:click=move |_| clear(panel.get_untracked())>
                        "Clear filters"
                    </button>
                </Show>
                <button
                    type="button" class="button quiet" title=move || query.with(timeline::command)
                    on:click=move |_| copy(query.with_untracked(timeline::command))
                >
                    "Copy as CLI"
                </button>
            </span>
        </div>
    }
}

/// Asks for everything again, with the panel open that is.
pub fn clear(panel: Option<Panel>) {
    place::go(&place::address("/audit", panel));
}

fn copy(command: String) {
    let clipboard = window().navigator().clipboard();
    spawn_local(async move {
        match JsFuture::from(clipboard.write_text(&command)).await {
            Ok(_) => toasts::say(Tone::Good, format!("Copied: {command}")),
            Err(_) => toasts::say(
                Tone::Warn,
                format!("The browser does not let the page copy. Copy it from here: {command}"),
            ),
        }
    });
}

#[component]
fn OfKind(query: Memo<AuditQuery>) -> impl IntoView {
    let kind = Memo::new(move |_| query.with(|query| query.kind.clone()).unwrap_or_default());
    // A kind of a newer server, from an address.
    let foreign = move || Some(kind.get()).filter(|kind| !kind.is_empty() && words::kind(kind).is_none());
    let groups = words::Group::ALL.map(|group| {
        let options = group.kinds().map(|known| {
            view! { <option value=known.name prop:selected=move || kind.get() == known.name>{known.words}</option> }
        });
        view! { <optgroup label=group.words()>{options.collect_view()}</optgroup> }
    });
    view! {
            <select
                class="select" name="kind" aria-label="Kind"
                on:change=move |event| place::set(timeline::KIND, Some(event_target_value(&event)))
            >
                <option value="" prop:selected=move || kind.with(String::is_empty)>"All kinds"</option>
                {groups}
                {move || foreign().map(|kind| view! { <option value=kind.clone() prop:selected=true>{kind.clone()}</option> })}
            </select>
    }
}

/// By its id; those of the chosen user are proposed by when and where they were.
#[component]
fn OfSession(query: Memo<AuditQuery>) -> impl IntoView {
    let given = place::value(timeline::SESSION);
    let user = Memo::new(move |_| query.with(|query| query.user));
    let proposed = RwSignal::new(Vec::<(String, String)>::new());
    Effect::new(move |_| {
        proposed.set(Vec::new());
        if let Some(user) = user.get() {
            spawn_local(async move {
                if let Some(sessions) = of_user(user).await
                    && user_is(query, user)
                {
                    proposed.set(sessions);
                }
            });
        }
    });
    let is_wrong = Memo::new(move |_| {
        given.with(|given| given.as_ref().is_some_and(|given| given.parse::<SessionId>().is_err()))
    });
    let wrong = Signal::derive(move || is_wrong.get().then_some("true"));
    view! {
        <span class="filter">
            <input
                name="session" type="search" class="search" aria-label="Session" list="audit-sessions" placeholder="Any session" spellcheck="false"
                autocomplete="off" aria-invalid=wrong prop:value=move || given.get().unwrap_or_default()
                on:change=move |event| {
                    place::set(timeline::SESSION, Some(event_target_value(&event).trim().to_lowercase()));
                }
            />
            <datalist id="audit-sessions">
                <For each=move || proposed.get() key=|session| session.0.clone() let:session>
                    <option value=session.0>{session.1}</option>
                </For>
            </datalist>
            <span class="error" aria-live="polite">
                {move || is_wrong.get().then_some("This is no session’s id.")}
            </span>
        </span>
    }
}

/// The view may be gone, or ask about another, by the time an answer comes.
fn user_is(query: Memo<AuditQuery>, user: UserId) -> bool {
    query.try_get_untracked().is_some_and(|query| query.user == Some(user))
}

async fn of_user(user: UserId) -> Option<Vec<(String, String)>> {
    let query = Query::Sessions(SessionQuery { user: Some(user), ..SessionQuery::default() });
    let mut pairs = SessionRow::pairs(&query);
    pairs.push(("limit", PROPOSED.to_owned()));
    let page = http::get::<Page<SessionRow>>(&address(SessionRow::PATH, &pairs)).await.ok()?;
    let label = |row: SessionRow| {
        let opened = crate::kit::time::local(row.opened_at).short();
        let gateway = row.gateway_name.map(|name| format!(" · {name}")).unwrap_or_default();
        (row.id.to_string(), format!("{opened} · {}{gateway}", words::session_state(row.state)))
    };
    Some(page.rows.into_iter().map(label).collect())
}
