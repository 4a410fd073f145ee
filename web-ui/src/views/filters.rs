//! What narrows a list: each of these is a parameter of the address, and the server does the narrowing.

use crate::kit::place;
use gloo_timers::callback::Timeout;
use leptos::{html, prelude::*};

/// Somebody who types is not asked after at each letter.
const PAUSE_MS: u32 = 250;
const TEXT: &str = "q";

/// `?q=`: part of a name.
#[component]
pub fn Search(label: &'static str, #[prop(optional)] placeholder: &'static str) -> impl IntoView {
    let asked = place::value(TEXT);
    let field = NodeRef::<html::Input>::new();
    // Goes with the view, so that nothing typed here narrows the next one.
    let pause = StoredValue::new_local(None::<Timeout>);
    let is_typing = StoredValue::new(false);
    let ask = move || {
        is_typing.set_value(false);
        if let Some(field) = field.get_untracked() {
            place::set(TEXT, Some(field.value().trim().to_owned()).filter(|text| !text.is_empty()));
        }
    };
    // The address changes elsewhere too: going back, following a link. What is being typed is left alone.
    Effect::new(move |_| {
        let text = asked.get().unwrap_or_default();
        if let Some(field) = field.get()
            && !is_typing.get_value()
            && field.value().trim() != text
        {
            field.set_value(&text);
        }
    });
    view! {
            <input
                node_ref=field
                type="search"
                class="search"
                aria-label=label
                name=TEXT
                placeholder=if placeholder.is_empty() { label } else { placeholder }
                autocomplete="off"
                autocapitalize="none"
                spellcheck="false"
                on:input=move |_| {
                    is_typing.set_value(true);
                    pause.set_value(Some(Timeout::new(PAUSE_MS, ask)));
                }
                on:change=move |_| ask()
            />
    }
}

/// One of several, or any: `options` are values with their texts.
#[component]
pub fn Choice(
    name: &'static str,
    label: &'static str,
    any: &'static str,
    #[prop(into)] options: Signal<Vec<(String, String)>>,
) -> impl IntoView {
    let chosen = place::value(name);
    // What the address asks for is there to be taken out, even when the list does not know it.
    let shown = Memo::new(move |_| {
        let mut options = options.get();
        if let Some(chosen) = chosen.get()
            && options.iter().all(|(value, _)| *value != chosen)
        {
            options.push((chosen, "Not in the list".into()));
        }
        options
    });
    view! {
            <select
                name=name
                class="select"
                aria-label=label
                on:change=move |event| {
                    place::set(name, Some(event_target_value(&event)).filter(|value| !value.is_empty()));
                }
            >
                <option value="" prop:selected=move || chosen.with(Option::is_none)>{any}</option>
                <For each=move || shown.get() key=Clone::clone let((value, text))>
                    <option
                        value=value.clone()
                        prop:selected=move || chosen.with(|chosen| chosen.as_ref() == Some(&value))
                    >
                        {text}
                    </option>
                </For>
            </select>
    }
}

/// One of a few that are all in sight: its value in the address (empty: nothing there), its handle, its text.
pub type Position = (&'static str, &'static str, &'static str);

#[component]
pub fn Toggle(name: &'static str, label: &'static str, positions: &'static [Position]) -> impl IntoView {
    let chosen = place::value(name);
    let buttons = positions.iter().map(|(value, handle, text)| {
        // What is none of them is the first.
        let is_chosen = move || {
            let first = positions.first().map_or("", |(first, ..)| first);
            let known = chosen.get().filter(|chosen| positions.iter().any(|(value, ..)| value == chosen));
            known.as_deref().unwrap_or(first) == *value
        };
        view! {
            <button
                type="button"
                data-filter=*handle
                aria-pressed=move || is_chosen().to_string()
                on:click=move |_| place::set(name, Some((*value).to_owned()).filter(|value| !value.is_empty()))
            >
                {*text}
            </button>
        }
    });
    view! {
        <div class="segments" role="group" aria-label=label>
            {buttons.collect_view()}
        </div>
    }
}
