//! Everything about one user or one session, beside whatever view is open. It is a place of its own: the address
//! has it, going back leaves it.

mod access;
mod devices;
mod session;
mod stories;
mod user;

use crate::{
    kit::{
        icon::Close,
        place::{self, Panel},
        typing,
    },
    live::State,
    session as signed_in,
};
use leptos::{ev, html, prelude::*, task::spawn_local};
use session::OfSession;
use user::OfUser;
use viworks_web_model::words;
use wasm_bindgen::JsCast as _;
use web_sys::HtmlElement;

/// To be placed once, after the view.
#[component]
pub fn PanelHost() -> impl IntoView {
    let panel = place::panel();
    let before = StoredValue::new_local(None::<HtmlElement>);
    // Where the focus was when the first of a row of panels opened is where it goes back to.
    Effect::new(move |was: Option<bool>| {
        let is_open = panel.with(Option::is_some);
        match (was.unwrap_or(false), is_open) {
            (false, true) => before.set_value(focused()),
            (true, false) => give_back(before.try_update_value(Option::take).flatten()),
            _ => {}
        }
        is_open
    });
    let session = signed_in::expect();
    let keys = window_event_listener(ev::keydown, move |event| {
        // Behind the sign-in page the panel stays where it was.
        let is_taken = event.default_prevented() || typing::has_over() || !untrack(|| session.is_in());
        if event.key() == "Escape" && !is_taken && panel.try_get_untracked().flatten().is_some() {
            place::close_panel();
        }
    });
    on_cleanup(move || keys.remove());
    move || panel.get().map(|panel| view! { <Aside panel /> })
}

#[component]
fn Aside(panel: Panel) -> impl IntoView {
    let aside = NodeRef::<html::Aside>::new();
    Effect::new(move |_| {
        let Some(element) = aside.get() else { return };
        // Behind the click or the key that has opened it, which leaves the focus where it was.
        spawn_local(async move {
            leptos::task::tick().await;
            // It is on the page.
            let _ = element.focus();
        });
    });
    let (what, id, label) = match panel {
        Panel::User(id) => ("user", id.to_string(), "User"),
        Panel::Session(id) => ("session", id.to_string(), "Session"),
    };
    view! {
        <aside node_ref=aside class="panel" data-panel=what data-id=id tabindex="-1" aria-label=label>
            <button type="button" class="icon-button panel-close" aria-label="Close panel" on:click=|_| place::close_panel()>
                <Close />
            </button>
            {match panel {
                Panel::User(id) => view! { <OfUser id /> }.into_any(),
                Panel::Session(id) => view! { <OfSession id /> }.into_any(),
            }}
        </aside>
    }
}

/// What stands in a panel without a row: why it is empty.
#[component]
fn Absent(state: State, #[prop(into)] nobody: &'static str) -> impl IntoView {
    match state {
        State::Asking => view! {
            <div class="panel-empty" role="status">
                <span class="skeleton"><span></span><span></span><span></span></span>
                <span class="sr-only">"Loading…"</span>
            </div>
        }
        .into_any(),
        State::Here => view! {
            <div class="panel-empty" role="alert" data-absent="">
                <p>{nobody}</p>
                <p class="note">"The address may be mistyped, or of another installation."</p>
            </div>
        }
        .into_any(),
        State::Refused(code) => {
            view! { <div class="panel-empty" role="alert" data-refused=code.clone()>{words::refused(&code)}</div> }
                .into_any()
        }
    }
}

/// One part of a panel under its heading; `count` stands beside it.
#[component]
fn Part(
    name: &'static str,
    title: &'static str,
    #[prop(optional, into)] count: Signal<Option<usize>>,
    children: Children,
) -> impl IntoView {
    let heading = format!("panel-{name}");
    view! {
        <section class="panel-part" data-part=name aria-labelledby=heading.clone()>
            <h3 id=heading.clone()>
                {title}
                {move || count.get().map(|count| view! { " " <span class="count">{count}</span> })}
            </h3>
            {children()}
        </section>
    }
}

fn focused() -> Option<HtmlElement> {
    document().active_element()?.dyn_into().ok()
}

fn give_back(element: Option<HtmlElement>) {
    let Some(element) = element.filter(|element| element.is_connected()) else { return };
    // It is on the page; one that is hidden by now does not take it, and nobody misses it.
    let _ = element.focus();
}
