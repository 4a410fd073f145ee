//! What is known to be gone of a session, layer by layer.

use crate::kit::pill::Pill;
use leptos::prelude::*;
use viworks_domain::session::{Absence, Layer};
use viworks_web_model::words;

type Known = Vec<(Layer, Option<Absence>)>;

fn sentence(layer: Layer, absence: Option<Absence>) -> String {
    format!("{}: {}", words::layer(layer), words::absence(absence).to_lowercase())
}

/// One small mark for each layer; nothing before the end is decided.
#[component]
pub fn Marks(#[prop(into)] known: Signal<Known>) -> impl IntoView {
    view! {
        <span class="receipts" role="list" aria-label="Receipts" hidden=move || known.with(Vec::is_empty)>
            <For each=move || known.get() key=|(layer, absence)| (*layer, words::absence_word(*absence)) let((layer, absence))>
                <span
                    role="listitem"
                    class="receipt"
                    data-receipt=words::of(&layer)
                    data-state=words::absence_word(absence)
                    title=sentence(layer, absence)
                >
                    <span class="sr-only">{sentence(layer, absence)}</span>
                </span>
            </For>
        </span>
    }
}

/// One line for each layer.
#[component]
pub fn Lines(#[prop(into)] known: Signal<Known>) -> impl IntoView {
    view! {
        <ul class="receipt-lines">
            <For each=move || known.get() key=|(layer, absence)| (*layer, words::absence_word(*absence)) let((layer, absence))>
                <li data-receipt=words::of(&layer) data-state=words::absence_word(absence)>
                    <span>{words::layer(layer)}</span>
                    <Pill
                        tone=Signal::stored(words::absence_tone(absence))
                        text=Signal::stored(words::absence(absence).to_owned())
                    />
                </li>
            </For>
        </ul>
    }
}
