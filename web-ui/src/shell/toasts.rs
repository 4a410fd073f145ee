//! A word about what has just happened, wherever one is.

use crate::kit::pill::Tone;
use leptos::prelude::*;

/// Says something in passing. It is gone by itself; nothing that must be read belongs here.
pub fn say(tone: Tone, text: impl Into<String>) {
    let _ = (tone, text.into());
}

#[component]
pub fn Toasts() -> impl IntoView {
    view! { <div class="toasts" role="status"></div> }
}
