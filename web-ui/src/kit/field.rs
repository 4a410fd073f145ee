//! A form's field: its label, what to put in, what is wrong with it.

use leptos::prelude::*;

/// The children are the input. Its label is `label` alone, so that tests and screen readers find it by that.
#[component]
pub fn Field(
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(optional, into)] error: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    let is_wrong = move || error.with(Option::is_some);
    view! {
        <div class="field" class:wrong=is_wrong>
            <label>
                <span class="field-label">{label}</span>
                {children()}
            </label>
            {(!hint.is_empty()).then(|| view! { <p class="hint">{hint}</p> })}
            <p class="error" aria-live="polite">{move || error.get()}</p>
        </div>
    }
}
