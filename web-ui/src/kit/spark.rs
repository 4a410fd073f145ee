//! A small line of the last minutes. The figure beside it says the same in words.

use leptos::prelude::*;
use std::fmt::Write as _;

const WIDTH: f32 = 120.0;
const HEIGHT: f32 = 28.0;
/// Room for the line's own width above a full and below an empty value.
const EDGE: f32 = 1.5;

/// `values` from 0 to 1, oldest first.
#[component]
pub fn Spark(
    name: &'static str,
    label: &'static str,
    #[prop(into)] values: Signal<Vec<f32>>,
    #[prop(into)] text: Signal<String>,
) -> impl IntoView {
    let line = Memo::new(move |_| values.with(|values| line(values)));
    let area = move || line.with(|line| close(line));
    view! {
        <figure class="spark" data-spark=name>
            <figcaption>
                <span class="spark-label">{label}</span>
                <span class="spark-text">{move || text.get()}</span>
            </figcaption>
            <svg viewBox="0 0 120 28" preserveAspectRatio="none" aria-hidden="true">
                <path class="spark-area" d=area />
                <path class="spark-line" d=move || line.get() />
            </svg>
        </figure>
    }
}

fn line(values: &[f32]) -> String {
    let steps = values.len().saturating_sub(1).max(1) as f32;
    let mut path = String::with_capacity(values.len() * 12);
    for (n, value) in values.iter().enumerate() {
        let x = WIDTH * n as f32 / steps;
        let y = EDGE + (1.0 - value.clamp(0.0, 1.0)) * (HEIGHT - 2.0 * EDGE);
        // Writing to a string does not fail.
        let _ = write!(path, "{}{x:.1} {y:.1}", if n == 0 { 'M' } else { 'L' });
    }
    if values.len() == 1 {
        path.push_str("h120");
    }
    path
}

fn close(line: &str) -> String {
    if line.is_empty() { String::new() } else { format!("{line}V{HEIGHT}H0Z") }
}
