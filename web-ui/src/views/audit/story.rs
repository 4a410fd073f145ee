//! One story: its head in a sentence, its entries newest first, and what of it is not here yet.

use super::{
    entry::{Entry, who},
    people::People,
    timeline::Shelf,
};
use crate::{
    http,
    kit::{
        pill::Tone,
        place::{self, Panel},
        time::{self, Ago},
    },
    views::{act, names::Names},
};
use leptos::{prelude::*, task::spawn_local};
use viworks_api::{
    Page,
    audit::AuditRow,
    feed::{AuditQuery, MOST_ROWS, Query},
};
use viworks_domain::{actor::Actor, ids::CorrelationId};
use viworks_web_model::{
    format,
    list::Row as _,
    place as model,
    request::{Paged as _, address},
    timeline::{self, About, Group},
};

/// Entries that are shown of a long story before one asks for more.
const FIRST: usize = 12;

#[component]
pub fn Story(correlation: CorrelationId, shelf: Shelf, query: Memo<AuditQuery>) -> impl IntoView {
    let (names, people) = (Names::expect(), expect_context::<People>());
    let group = Memo::new(move |_| shelf.group(correlation));
    let is_whole = RwSignal::new(false);
    let places = Memo::new(move |_| {
        let count = if is_whole.get() { usize::MAX } else { FIRST };
        group.with(|group| {
            group
                .as_ref()
                .map(|group| group.entries.iter().take(count).copied().collect::<Vec<_>>())
                .unwrap_or_default()
        })
    });
    let hidden = Memo::new(move |_| {
        group.with(|group| group.as_ref().map_or(0, |group| group.entries.len())) - places.with(Vec::len)
    });
    // Its one entry's sentence is its head's.
    let is_single = Memo::new(move |_| {
        group.with(|group| {
            group
                .as_ref()
                .is_some_and(|group| group.entries.len() == 1 && matches!(group.about, About::Other(_)))
        })
    });
    let heading = StoredValue::new(format!("story-{correlation}"));
    view! {
        <article class="story" class:single=move || is_single.get() data-group=correlation.to_string() aria-labelledby=heading.get_value()>
            <header class="story-head">
                <h2 id=heading.get_value()>{move || group.get().map(|group| view! { <Title group people /> })}</h2>
                <p class="story-meta">{move || group.get().map(|group| view! { <Meta group names /> })}</p>
                <p class="story-links">{move || group.get().map(|group| view! { <Links group query /> })}</p>
            </header>
            <ol class="entries" reversed="">
                <For each=move || places.get() key=|place| *place let:place>
                    {shelf.row(place).map(|row| view! { <Entry row names /> })}
                </For>
            </ol>
            <Earlier correlation shelf query group hidden is_whole />
        </article>
    }
}

/// "Session of alice has ended"
#[component]
fn Title(group: Group, people: People) -> impl IntoView {
    let user = group.user.map(|user| {
        view! {
            <button type="button" class="link" on:click=move |_| place::open(Panel::User(user))>
                {move || people.name(user)}
            </button>
        }
    });
    match group.about {
        About::Session(stage) => match user {
            Some(user) => view! { "Session of " {user} " " {stage} }.into_any(),
            None => view! { "A session " {stage} }.into_any(),
        },
        About::SignIn(stage) => match user {
            Some(user) => view! { "Sign-in of " {user} " " {stage} }.into_any(),
            None => view! { "A sign-in " {stage} }.into_any(),
        },
        About::Other(what) => view! { {what} {user.map(|user| view! { ": " {user} })} }.into_any(),
    }
}

/// When, by whom, how long it took, how many entries.
#[component]
fn Meta(group: Group, names: Names) -> impl IntoView {
    let Group { first_at, last_at, actor, operator, entries, continues, .. } = group;
    let took = last_at.since(first_at);
    let span = (took.as_secs() > 0).then(|| format!("over {}", format::duration(took)));
    let begun = (took.as_secs() > 0)
        .then(|| format!("{} – {}", time::local(first_at).full(), time::local(last_at).full()));
    // Whoever began it is not known while its beginning is not here.
    let by = (!continues && actor != Actor::Stranger).then_some(actor);
    view! {
        <Ago at=last_at />
        {by.map(|actor| view! { <span>{move || format!("by {}", who(&actor, operator.as_deref(), names))}</span> })}
        {span.map(|span| view! { <span title=begun>{span}</span> })}
        <span>{format::count(entries.len(), "entry", "entries")}</span>
    }
}

#[component]
fn Links(group: Group, query: Memo<AuditQuery>) -> impl IntoView {
    let Group { correlation, session, about, .. } = group;
    // A sign-in that was refused has announced a session that never was.
    let session = session.filter(|_| matches!(about, About::Session(_)));
    let is_only = Memo::new(move |_| query.with(|query| query.correlation == Some(correlation)));
    // A place of its own: going back is where one was, with its filters.
    let whole =
        StoredValue::new(model::address("/audit", &[(timeline::CORRELATION, &correlation.to_string())]));
    view! {
        {session.map(|session| view! {
            <button type="button" class="link" on:click=move |_| place::open(Panel::Session(session))>"Session"</button>
        })}
        <Show when=move || !is_only.get()>
            <button
                type="button" class="link" title="Every entry of it, down to each receipt"
                on:click=move |_| whole.with_value(|whole| place::go(whole))
            >
                "Whole story"
            </button>
        </Show>
    }
}

/// What has happened before: hidden here, or not loaded yet.
#[component]
fn Earlier(
    correlation: CorrelationId,
    shelf: Shelf,
    query: Memo<AuditQuery>,
    group: Memo<Option<Group>>,
    hidden: Memo<usize>,
    is_whole: RwSignal<bool>,
) -> impl IntoView {
    let busy = RwSignal::new(false);
    let is_missing = Memo::new(move |_| {
        let continues = group.with(|group| group.as_ref().is_some_and(|group| group.continues));
        // With a kind asked for, the others are left out on purpose.
        continues
            && !shelf.is_complete(correlation)
            && query.with(|query| query.kind.is_none() && query.correlation.is_none())
    });
    let reveal = move |_| {
        is_whole.set(true);
        if !is_missing.get_untracked() || busy.get_untracked() {
            return;
        }
        busy.set(true);
        spawn_local(async move {
            let asked = query.get_untracked();
            let loaded = load(correlation, &asked).await;
            let _ = busy.try_set(false);
            match loaded {
                // What answers another question than the one that stands by now is not of this list.
                Ok(rows) if query.try_get_untracked().as_ref() == Some(&asked) => {
                    shelf.put(correlation, rows)
                }
                Ok(_) => {}
                Err(failure) => act::say(Tone::Bad, Err(failure)),
            }
        });
    };
    let text = move || match (busy.get(), hidden.get()) {
        (true, _) => "Loading…".to_owned(),
        (false, 0) => "Earlier entries".to_owned(),
        (false, n) => format::count(n, "earlier entry", "earlier entries"),
    };
    view! {
        <Show when=move || hidden.get() != 0 || is_missing.get()>
            <button type="button" class="link earlier" data-earlier aria-busy=move || busy.get().to_string() on:click=reveal>
                {text}
            </button>
        </Show>
    }
}

/// Everything of the story that the question would show, page by page.
async fn load(correlation: CorrelationId, asked: &AuditQuery) -> act::Outcome<Vec<AuditRow>> {
    let shown = Query::Audit(asked.clone());
    let wanted = Query::Audit(AuditQuery { correlation: Some(correlation), ..asked.clone() });
    let mut rows = Vec::new();
    let mut cursor = None;
    loop {
        let mut pairs = AuditRow::pairs(&wanted);
        pairs.push(("limit", MOST_ROWS.to_string()));
        pairs.extend(cursor.map(|cursor| ("cursor", cursor)));
        let page = http::get::<Page<AuditRow>>(&address(AuditRow::PATH, &pairs)).await?;
        rows.extend(page.rows.into_iter().filter(|row| row.is_in(&shown)));
        match page.next {
            Some(next) => cursor = Some(next),
            None => return Ok(rows),
        }
    }
}
