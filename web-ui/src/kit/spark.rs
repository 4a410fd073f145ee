//! A small line of the last minutes. The figure beside it says the same in words.

use leptos::prelude::*;
use viworks_web_model::gateways::line::Drawn;

#[component]
pub fn Spark(
    name: &'static str,
    label: &'static str,
    drawn: Memo<Drawn>,
    #[prop(into)] text: Signal<String>,
) -> impl IntoView {
    view! {
        <figure class="spark" data-spark=name>
            <figcaption>
                <span class="spark-label">{label}</span>
                <span class="spark-text">{move || text.get()}</span>
            </figcaption>
            <svg viewBox="0 0 120 28" preserveAspectRatio="none" aria-hidden="true">
                <path class="spark-area" d=move || drawn.with(|drawn| drawn.area.clone()) />
                <path class="spark-line" d=move || drawn.with(|drawn| drawn.line.clone()) />
            </svg>
        </figure>
    }
}
