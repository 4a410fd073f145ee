//! A form's field: its label, what to put in, what is wrong with it.

use leptos::{html, prelude::*};
use std::cell::Cell;

thread_local! {
    /// Counts fields, so that each can name its own error.
    static FIELDS: Cell<u32> = const { Cell::new(0) };
}

/// The children are the input. Its label is `label` alone, so that tests and screen readers find it by that; the hint
/// and what is wrong describe it.
#[component]
pub fn Field(
    label: &'static str,
    #[prop(optional)] hint: &'static str,
    #[prop(optional, into)] error: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    let field = NodeRef::<html::Div>::new();
    let (error_id, hint_id) = (new_id(), new_id());
    let described_by = if hint.is_empty() { error_id.clone() } else { format!("{hint_id} {error_id}") };
    Effect::new(move |_| {
        let is_wrong = error.with(Option::is_some);
        let input =
            field.get().and_then(|field| field.query_selector("input, select, textarea").ok().flatten());
        let Some(input) = input else { return };
        // These names and values are ones that attributes may have.
        let _ = input.set_attribute("aria-describedby", &described_by);
        let _ = input.set_attribute("aria-invalid", if is_wrong { "true" } else { "false" });
    });
    view! {
        <div node_ref=field class="field" class:wrong=move || error.with(Option::is_some)>
            <label>
                <span class="field-label">{label}</span>
                {children()}
            </label>
            {(!hint.is_empty()).then(|| view! { <p class="hint" id=hint_id>{hint}</p> })}
            <Wrong id=error_id error />
        </div>
    }
}

/// Several inputs under one heading; `name` is its handle.
#[component]
pub fn Group(
    legend: &'static str,
    name: &'static str,
    error: Signal<Option<String>>,
    children: Children,
) -> impl IntoView {
    let id = new_id();
    let described_by = id.clone();
    view! {
        <fieldset
            class="field" class:wrong=move || error.with(Option::is_some) data-field=name aria-describedby=described_by
        >
            <legend>{legend}</legend>
            {children()}
            <Wrong id error />
        </fieldset>
    }
}

/// What is wrong, said when it becomes so; whatever it is about names it as its description.
#[component]
pub fn Wrong(id: String, error: Signal<Option<String>>) -> impl IntoView {
    view! { <p class="error" id=id aria-live="polite">{move || error.get()}</p> }
}

pub fn new_id() -> String {
    let n = FIELDS.get() + 1;
    FIELDS.set(n);
    format!("field-{n}")
}
