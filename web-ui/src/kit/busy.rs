//! A button that does something which takes a moment.

use leptos::prelude::*;

/// While busy it says so, keeps the focus, and does nothing.
#[component]
pub fn ActButton(
    label: &'static str,
    /// Whom it is about, where several buttons of this label stand one below the other: part of its name alone.
    #[prop(optional, into)]
    whose: Signal<String>,
    #[prop(default = "")] busy_label: &'static str,
    #[prop(default = "")] class: &'static str,
    #[prop(into, default = Signal::stored(false))] busy: Signal<bool>,
    on_click: Callback<()>,
) -> impl IntoView {
    let text = move || if busy.get() && !busy_label.is_empty() { busy_label } else { label };
    view! {
        <button
            type="button"
            class=format!("button {class}")
            aria-label=move || whose.with(|whose| (!whose.is_empty()).then(|| format!("{}, {whose}", text())))
            aria-disabled=move || busy.get().then_some("true")
            aria-busy=move || busy.get().then_some("true")
            on:click=move |_| {
                if !busy.get_untracked() {
                    on_click.run(());
                }
            }
        >
            {text}
        </button>
    }
}
