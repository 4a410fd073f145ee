//! The administrators' console: one page in the browser, live over one WebSocket.
//!
//! It shows what the control plane tells it and asks for what a person wants. It never holds a secret beyond the
//! form in which it was typed, never decides what a role may do, and talks to nothing but its own origin.

use leptos::prelude::*;
use leptos_router::{
    components::{Route, Router, Routes},
    path,
};

fn main() {
    leptos::mount::mount_to_body(App);
}

#[component]
fn App() -> impl IntoView {
    view! {
        <Router>
            <Routes fallback=|| view! { <p>"There is nothing here."</p> }>
                <Route path=path!("/") view=|| view! { <h1>"ViWorkS"</h1> } />
            </Routes>
        </Router>
    }
}
