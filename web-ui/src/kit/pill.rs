//! A state in one or two words. Its colour repeats what the word says, for those who see it.

use leptos::prelude::*;

pub use viworks_web_model::words::Tone;

/// As the page's attribute has it.
pub const fn word(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Busy => "busy",
        Tone::Warn => "warn",
        Tone::Bad => "bad",
        Tone::Quiet => "quiet",
    }
}

#[component]
pub fn Pill(#[prop(into)] tone: Signal<Tone>, #[prop(into)] text: Signal<String>) -> impl IntoView {
    view! {
        <span class="pill" data-tone=move || word(tone.get())>
            {move || text.get()}
        </span>
    }
}
