//! A state in one or two words. Its colour repeats what the word says, for those who see it.

use leptos::prelude::*;

pub use viworks_web_model::words::Tone;

#[component]
pub fn Pill(#[prop(into)] tone: Signal<Tone>, #[prop(into)] text: Signal<String>) -> impl IntoView {
    view! {
        <span class="pill" data-tone=move || tone.get().word()>
            {move || text.get()}
        </span>
    }
}
