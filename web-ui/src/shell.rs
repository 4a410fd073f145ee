//! Around every view: the way between them, how live the page is, who is signed in, and what lies over the page for
//! a while.

mod keys;
mod live_mark;
mod palette;
mod side;
mod theme;
pub mod toasts;

use crate::{
    feed,
    kit::{place, time},
    views::{self, names::Names, terminate::Terminate},
};
use keys::KeySheet;
use leptos::prelude::*;
use leptos_router::{
    components::{A, Route, Routes},
    path,
};
use palette::Palette;
use side::Side;
use toasts::Toasted;
use viworks_domain::ids::SessionId;
use wasm_bindgen::JsCast as _;

/// What can be opened over any view.
#[derive(Clone, Copy)]
struct Over {
    palette: RwSignal<bool>,
    keys: RwSignal<bool>,
    terminate: RwSignal<Option<SessionId>>,
}

/// The session whose end is asked for, over whatever view is open. For components.
pub fn terminating() -> RwSignal<Option<SessionId>> {
    expect_context::<Over>().terminate
}

#[component]
pub fn Shell() -> impl IntoView {
    let over =
        Over { palette: RwSignal::new(false), keys: RwSignal::new(false), terminate: RwSignal::new(None) };
    provide_context(over);
    provide_context(Names::watch());
    time::provide_today();
    place::follow_router();
    theme::provide();
    side::follow_title();
    // Before the views', so that what is the shell's is taken first.
    keys::listen(over);
    let mark = feed::expect().mark();
    view! {
        <button type="button" class="button skip" on:click=|_| focus_view()>"Skip to the view"</button>
        <div class="shell" data-link=move || mark.get().word()>
            <Side />
            <div class="stage">
                <Routes fallback=|| ()>
                    <Route path=path!("/*any") view=Shown />
                </Routes>
                <views::panel::PanelHost />
            </div>
        </div>
        <Toasted />
        <Palette />
        <KeySheet />
        <Terminate target=over.terminate />
    }
}

/// The view that the address names.
#[component]
fn Shown() -> impl IntoView {
    let path = Memo::new(|_| place::path());
    Effect::new(move |_| {
        if path.with(|path| path == "/") {
            place::instead(views::FIRST.path);
        }
    });
    move || match path.with(|path| views::at(path)) {
        Some(view) => (view.draw)(),
        // On the way to the first one.
        None if path.with(|path| path == "/") => ().into_any(),
        None => Nowhere().into_any(),
    }
}

#[component]
fn Nowhere() -> impl IntoView {
    view! {
        <main data-view="nowhere">
            <div class="nowhere">
                <h1>"There is nothing here"</h1>
                <p>"The address may be mistyped, or from another version of the console."</p>
                <A href=views::FIRST.path attr:class="button">{format!("To {}", views::FIRST.name)}</A>
            </div>
        </main>
    }
}

fn focus_view() {
    let main = document().query_selector(".stage > main").ok().flatten();
    if let Some(main) = main.and_then(|main| main.dyn_into::<web_sys::HtmlElement>().ok()) {
        main.set_tab_index(-1);
        // It is on the page.
        let _ = main.focus();
    }
}
