//! The sign-in page. It stands in front of whatever address one came to, and leaves the address alone.

use crate::session::{self, Who};
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};

#[component]
pub fn SignIn() -> impl IntoView {
    let session = session::expect();
    let has_ended = matches!(session.who().clone(), Who::Ended(_));
    let (name, password) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let failure = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (Some(name), Some(field)) = (name.get_untracked(), password.get_untracked()) else { return };
        let (name, typed) = (name.value(), field.value());
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let answer = session.sign_in(name.trim().to_owned(), typed).await;
            is_busy.set(false);
            if let Err(refused) = answer {
                failure.set(Some(match refused.advice() {
                    Some(advice) => format!("{}. {advice}.", refused.title()),
                    None => refused.title(),
                }));
                field.set_value("");
                // The field is on the page: it was read a moment ago.
                let _ = field.focus();
            }
        });
    };
    view! {
        <main class="sign-in">
            <form data-view="sign-in" on:submit=submit>
                <h1>"ViWorkS"</h1>
                <Show when=move || has_ended>
                    <p class="note" role="status">"Your sign-in has ended. Sign in again to go on where you were."</p>
                </Show>
                <label>
                    <span>"Name"</span>
                    <input
                        node_ref=name name="name" autocomplete="username" required autofocus spellcheck="false"
                        autocapitalize="none"
                    />
                </label>
                <label>
                    <span>"Password"</span>
                    <input node_ref=password name="password" type="password" autocomplete="current-password" required />
                </label>
                <div role="alert" class="failure">{move || failure.get()}</div>
                <button type="submit" class="primary" aria-disabled=move || is_busy.get().to_string()>
                    {move || if is_busy.get() { "Signing in…" } else { "Sign in" }}
                </button>
                <p class="note">"A lost password is recovered on the server: viworks operator recover"</p>
            </form>
        </main>
    }
}
