//! The keyboard, wherever one is; and the sheet that says what it does.

use super::Over;
use crate::{
    clock,
    kit::{dialog::Dialog, place, typing},
    session,
    shell::side::is_apple,
    views,
};
use leptos::{ev, prelude::*};
use viworks_api::operator::Permission;
use viworks_domain::Millis;
use wasm_bindgen::JsCast as _;
use web_sys::{HtmlElement, HtmlInputElement};

/// The second key of two must follow the first within this.
const PAIR_MS: u64 = 1_500;

pub fn listen(over: Over) {
    let began = StoredValue::new(None::<Millis>);
    let session = session::expect();
    let handle = window_event_listener(ev::keydown, move |event| {
        if event.default_prevented() || !untrack(|| session.is_in()) {
            return;
        }
        if (event.ctrl_key() || event.meta_key()) && event.key().eq_ignore_ascii_case("k") {
            if over.palette.get_untracked() || !typing::has_dialog() {
                event.prevent_default();
                over.palette.update(|open| *open = !*open);
            }
            return;
        }
        if typing::is_typing(&event) || typing::has_modifier(&event) {
            return;
        }
        let is_pair = began
            .try_update_value(Option::take)
            .flatten()
            .is_some_and(|at| clock::now().0.saturating_sub(at.0) < PAIR_MS);
        let key = event.key();
        let is_ours = match (is_pair, key.as_str()) {
            (true, key) => go_by(key),
            (false, "g") => {
                began.set_value(Some(clock::now()));
                true
            }
            (false, "c") if untrack(|| session.may(Permission::ManageUsers)) => {
                views::users::create();
                true
            }
            (false, "/") => focus_search(),
            (false, "?") => {
                over.keys.set(true);
                true
            }
            _ => false,
        };
        if is_ours {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
}

/// Whether a view has that key.
fn go_by(key: &str) -> bool {
    views::ALL.into_iter().find(|view| view.keys[1] == key).inspect(|view| place::go(view.path)).is_some()
}

/// Whether the view has one.
fn focus_search() -> bool {
    let found = document().query_selector("main input[type=search], main [data-search]").ok().flatten();
    let Some(field) = found.and_then(|found| found.dyn_into::<HtmlElement>().ok()) else { return false };
    // It is on the page.
    let _ = field.focus();
    if let Ok(field) = field.dyn_into::<HtmlInputElement>() {
        field.select();
    }
    true
}

#[component]
pub fn KeySheet() -> impl IntoView {
    let over = expect_context::<Over>();
    let session = session::expect();
    let command = if is_apple() { "⌘" } else { "Ctrl" };
    view! {
        <Dialog name="keys" title="Keyboard".to_owned() open=over.keys>
            <div class="keys">
                <Part title="Anywhere">
                    <Line keys=vec![command, "K"] does="Search and act" />
                    <Line keys=vec!["/"] does="Search in the view" />
                    <Show when=move || session.may(Permission::ManageUsers)>
                        <Line keys=vec!["c"] does="Create user" />
                    </Show>
                    <Line keys=vec!["Esc"] does="Close" />
                    <Line keys=vec!["?"] does="This list" />
                </Part>
                <Part title="Go to">
                    {views::ALL.map(|view| view! { <Line keys=view.keys.to_vec() does=view.name /> }).collect_view()}
                </Part>
                <Part title="In a list">
                    <Line keys=vec!["j", "k"] does="Next, previous" />
                    <Line keys=vec!["Home", "End"] does="First, last" />
                    <Line keys=vec!["Enter"] does="Open" />
                    <Line keys=vec!["x"] does="Act on the row" />
                </Part>
            </div>
        </Dialog>
    }
}

#[component]
fn Part(title: &'static str, children: Children) -> impl IntoView {
    view! {
        <section>
            <h3>{title}</h3>
            <dl>{children()}</dl>
        </section>
    }
}

#[component]
fn Line(keys: Vec<&'static str>, does: &'static str) -> impl IntoView {
    view! {
        <div>
            <dt>{does}</dt>
            <dd>{keys.into_iter().map(|key| view! { <kbd>{key}</kbd> }).collect_view()}</dd>
        </div>
    }
}
