//! Times as people say them, on the server's clock, with the whole local time behind them.

use crate::feed;
use leptos::prelude::*;
use viworks_domain::Millis;
use viworks_web_model::format::{self, Local};
use wasm_bindgen::JsValue;

/// How long ago: `just now`, `12 s ago`, `3 h ago`.
#[component]
pub fn Ago(#[prop(into)] at: Signal<Millis>) -> impl IntoView {
    let now = feed::expect().now();
    let text = Memo::new(move |_| format::ago(at.get(), now.get()));
    view! { <time class="when" datetime=move || iso(at.get()) title=move || local(at.get()).full()>{move || text.get()}</time> }
}

/// How long until then: `in 3 min 20 s`; afterwards `now`.
#[component]
pub fn Until(#[prop(into)] at: Signal<Millis>) -> impl IntoView {
    let now = feed::expect().now();
    let text = Memo::new(move |_| format::until(at.get(), now.get()));
    view! { <time class="when" datetime=move || iso(at.get()) title=move || local(at.get()).full()>{move || text.get()}</time> }
}

/// The date as it is now, for whoever shows a time of day without one. It changes once a day.
#[derive(Clone, Copy)]
struct Today(Memo<String>);

/// To be called once, in the shell.
pub fn provide_today() {
    let now = feed::expect().now();
    provide_context(Today(Memo::new(move |_| local(now.get()).date())));
}

/// As [`Local::date`] has it; tracked by what reads it.
pub fn today() -> Memo<String> {
    expect_context::<Today>().0
}

/// The moment on the person's own clock.
pub fn local(at: Millis) -> Local {
    let date = js_sys::Date::new(&JsValue::from_f64(at.0 as f64));
    // JavaScript counts minutes west of UTC.
    format::local(at, -(date.get_timezone_offset() as i32))
}

fn iso(at: Millis) -> String {
    js_sys::Date::new(&JsValue::from_f64(at.0 as f64)).to_iso_string().into()
}
