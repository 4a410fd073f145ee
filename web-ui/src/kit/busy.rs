//! A button that does something which takes a moment.

use leptos::prelude::*;

/// While busy it says so, keeps the focus, and does nothing.
#[component]
pub fn ActButton(
    label: &'static str,
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
