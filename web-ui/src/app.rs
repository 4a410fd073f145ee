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
    // Whoever signs in next gets a shell of their own; the same person finds theirs as it was.
    let operator = Memo::new(move |_| session.me().map(|me| me.operator));
    let is_in = Memo::new(move |_| matches!(session.who(), Who::In(_)));
    let is_known = Memo::new(move |_| session.who() != Who::Unknown);
    view! {
        <Router>
            <Show when=move || is_known.get() && !is_in.get()>
                <SignIn />
            </Show>
            <Show when=move || operator.get().is_some()>
                <div class="signed-in" hidden=move || !is_in.get()>
                    <Shell />
                </div>
            </Show>
        </Router>
    }
}
