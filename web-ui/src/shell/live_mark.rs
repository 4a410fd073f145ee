//! How live the page is, in words, always in sight.

use crate::{clock, feed, kit::time};
use leptos::prelude::*;
use viworks_web_model::{feed::Mark, format};

#[component]
pub fn LiveMark() -> impl IntoView {
    let feed = feed::expect();
    let mark = feed.mark();
    // Since when it is offline has a day once that is another one.
    let today = time::today();
    let text = move || {
        today.track();
        say(mark.get())
    };
    let is_outdated = Memo::new(move |_| matches!(mark.get(), Mark::Outdated { .. }));
    let is_cut_off = Memo::new(move |_| matches!(mark.get(), Mark::Offline { .. } | Mark::Outdated { .. }));
    let go_on = move |_| {
        if is_outdated.get_untracked() {
            // A page that may not be loaded anew stays as it is.
            let _ = window().location().reload();
        } else {
            feed.retry_now();
        }
    };
    // Sequences go by too fast to be read out; that the page is old, and that it no longer is, is worth a word.
    let told = Memo::new(move |before: Option<&&'static str>| {
        match (mark.get(), before.copied().unwrap_or_default()) {
            (Mark::Offline { .. }, _) => OFFLINE,
            (Mark::Outdated { .. }, _) => OUTDATED,
            (Mark::Live { .. }, OFFLINE | BACK) => BACK,
            (_, before) => before,
        }
    });
    view! {
        <div
            class="live"
            data-live=move || mark.get().word()
            data-seq=move || mark.get().seq().to_string()
            title=move || explain(mark.get())
        >
            <span class="live-dot" aria-hidden="true"></span>
            <span class="live-text">{text}</span>
            <Show when=move || is_cut_off.get()>
                <button type="button" class="button small" on:click=go_on>
                    {move || if is_outdated.get() { "Reload" } else { "Retry" }}
                    <span class="long" hidden=move || is_outdated.get()>" now"</span>
                </button>
            </Show>
        </div>
        <p class="sr-only" role="status">{move || told.get()}</p>
    }
}

const OFFLINE: &str = "Offline. What is shown may be old.";
const OUTDATED: &str = "The server was updated. Reload the page.";
const BACK: &str = "Live again.";

fn say(mark: Mark) -> impl IntoView {
    let (word, more) = match mark {
        Mark::Connecting => ("Connecting…", None),
        Mark::Live { seq } => ("Live", Some(format::number(seq))),
        Mark::CatchingUp { seq } => ("Catching up", Some(format::number(seq))),
        Mark::Offline { since, .. } => {
            let since = format::moment(time::local(since), time::local(clock::now()));
            ("Offline", Some(format!("since {since} · retrying")))
        }
        Mark::Outdated { .. } => ("The server was updated", None),
    };
    let between = if matches!(mark, Mark::Offline { .. }) { " " } else { " · " };
    view! {
        <b>{word}</b>
        // Where there is room for few letters, what follows the word stands below it, and nothing between them.
        {more.map(|more| view! { <span class="live-between">{between}</span> <span>{more}</span> })}
    }
}

fn explain(mark: Mark) -> String {
    match mark {
        Mark::Connecting => "The console is connecting to the server.".into(),
        Mark::Live { seq } => format!("Everything up to entry {seq} of the log is on the screen."),
        Mark::CatchingUp { seq } => format!("The screen shows the log up to entry {seq}; more has happened."),
        Mark::Offline { seq, .. } => {
            format!("Not connected. What is shown is as of entry {seq} of the log.")
        }
        Mark::Outdated { seq } => format!(
            "This page is of another version than the server: reload it. What is shown is as of entry {seq} of the log."
        ),
    }
}
