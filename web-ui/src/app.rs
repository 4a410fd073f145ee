//! Which page is shown: nobody's, the sign-in, or the shell with its view.

use crate::{
    session::{self, Session, Who},
    shell::Shell,
    sign_in::SignIn,
};
use leptos::prelude::*;
use leptos_router::components::Router;

#[component]
pub fn App() -> impl IntoView {
    let session = Session::provide();
    session::remember(session);
    let operator = Memo::new(move |_| session.me().map(|me| me.operator));
    let is_in = Memo::new(move |_| session.is_in());
    let is_known = Memo::new(move |_| session.who() != Who::Unknown);
    view! {
        <Router>
            <Show when=move || is_known.get() && !is_in.get()>
                <SignIn />
            </Show>
            // Whoever signs in next gets a shell of their own, and nothing of what another has typed; the same person
            // finds theirs as it was.
            <For each=move || operator.get() key=|operator| *operator let:_operator>
                <div class="signed-in" hidden=move || !is_in.get()>
                    <Shell />
                </div>
            </For>
        </Router>
    }
}
