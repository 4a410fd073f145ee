//! Which page is shown: nobody's, the sign-in, or the shell with its view.

use crate::{
    kit::icon::Mark,
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
    let is_unanswered = Memo::new(move |_| session.who() == Who::Unanswered);
    let is_out = Memo::new(move |_| matches!(session.who(), Who::Nobody | Who::Ended(_)));
    view! {
        <Router>
            <Show when=move || is_unanswered.get()>
                <main class="sign-in" data-view="unanswered">
                    <div class="sign-in-head" role="alert">
                        <Mark />
                        <h1>"The server cannot be reached"</h1>
                        <p>"It is asked again every few seconds. If this lasts, check the network."</p>
                    </div>
                </main>
            </Show>
            <Show when=move || is_out.get()>
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
