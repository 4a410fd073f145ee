//! The way between the views, how live the page is, and who is signed in.

use crate::{
    kit::{
        icon::{Keys, Leave, Mark, Search},
        pill::Tone,
        place,
    },
    session,
    shell::{Over, live_mark::LiveMark, theme::ThemeChoice, toasts},
    views::{self, View},
};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::components::A;
use viworks_web_model::words;

#[component]
pub fn Side() -> impl IntoView {
    let over = expect_context::<Over>();
    view! {
        <header class="side">
            <A href=views::FIRST.path attr:class="brand" attr:aria-label="ViWorkS, to where one begins">
                <Mark />
                <span>"ViWorkS"</span>
            </A>
            <button type="button" class="seek" on:click=move |_| over.palette.set(true)>
                <Search />
                <span>"Search…"</span>
                <kbd>{if is_apple() { "⌘ K" } else { "Ctrl K" }}</kbd>
            </button>
            <nav class="ways" aria-label="Views">
                {views::ALL.map(|view| view! { <Way view /> }).collect_view()}
            </nav>
            <div class="foot">
                <LiveMark />
                <Me />
            </div>
        </header>
    }
}

#[component]
fn Way(view: &'static View) -> impl IntoView {
    // The router marks what is below a path too; here it is the same.
    view! {
        <A href=view.path attr:title=view.name>
            {view.icon.draw()}
            <span>{view.name}</span>
        </A>
    }
}

#[component]
fn Me() -> impl IntoView {
    let session = session::expect();
    let over = expect_context::<Over>();
    let name = Memo::new(move |_| session.me().map(|me| me.name).unwrap_or_default());
    let role = Memo::new(move |_| session.me().map(|me| words::role(me.role)).unwrap_or_default());
    let first = move || name.get().chars().next().map(String::from).unwrap_or_default();
    view! {
        <button
            type="button" class="me" data-menu="me" popovertarget="menu-me"
            title="Theme and sign-out"
        >
            <span class="avatar" aria-hidden="true">{first}</span>
            <span class="me-words">
                <span>{name}</span>
                <span>{role}</span>
            </span>
        </button>
        <div id="menu-me" class="menu" popover="auto">
            <p class="menu-who">
                <b>{name}</b>
                {role}
            </p>
            <div class="menu-part">
                <p class="menu-label">"Theme"</p>
                <ThemeChoice />
            </div>
            <div class="menu-part">
                <button
                    type="button" class="menu-item" popovertarget="menu-me" popovertargetaction="hide"
                    on:click=move |_| over.keys.set(true)
                >
                    <Keys />
                    "Keyboard"
                    <kbd>"?"</kbd>
                </button>
                <button
                    type="button" class="menu-item" popovertarget="menu-me" popovertargetaction="hide"
                    on:click=move |_| sign_out()
                >
                    <Leave />
                    "Sign out"
                </button>
            </div>
        </div>
    }
}

pub fn sign_out() {
    let Some(session) = session::current() else { return };
    spawn_local(async move {
        if let Err(failure) = session.sign_out().await {
            toasts::say(Tone::Bad, format!("You are still signed in. {}.", failure.title()));
        }
    });
}

/// Where the key beside the space bar is another one.
pub fn is_apple() -> bool {
    let agent = window().navigator().user_agent().unwrap_or_default();
    agent.contains("Mac") || agent.contains("iPhone") || agent.contains("iPad")
}

/// The view that an address shows, as the window's title has it.
pub fn title(path: &str) -> &'static str {
    match views::at(path) {
        Some(view) => view.name,
        None if path == "/" => views::FIRST.name,
        None => "Nothing here",
    }
}

/// The window is called after the view, but while the sign-in page stands before it, which says so itself.
pub fn follow_title() {
    let session = session::expect();
    Effect::new(move |_| {
        if session.is_in() {
            document().set_title(&format!("{} · ViWorkS", title(&place::path())));
        }
    });
}
