//! The sign-in page. It stands in front of whatever address one came to, and leaves the address alone.

use crate::{
    kit::icon::Mark,
    session::{self, Who},
};
use leptos::{
    ev::{KeyboardEvent, SubmitEvent},
    html,
    prelude::*,
    task::spawn_local,
};

#[component]
pub fn SignIn() -> impl IntoView {
    let session = session::expect();
    let has_ended = untrack(|| matches!(session.who(), Who::Ended(_)));
    let (name, password) = (NodeRef::<html::Input>::new(), NodeRef::<html::Input>::new());
    let failure = RwSignal::new(None::<String>);
    let is_busy = RwSignal::new(false);
    let has_caps = RwSignal::new(false);
    document().set_title("Sign in · ViWorkS");
    // A browser heeds `autofocus` once for each loading of a page, and this one may come back later.
    Effect::new(move |_| {
        if let Some(field) = name.get() {
            // It has just been put on the page.
            let _ = field.focus();
        }
    });
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
            let _ = is_busy.try_set(false);
            if let Err(refused) = answer {
                let _ = failure.try_set(Some(match refused.advice() {
                    Some(advice) => format!("{}. {advice}.", refused.title()),
                    None => refused.title(),
                }));
                field.set_value("");
                // The field is on the page: it was read a moment ago.
                let _ = field.focus();
            }
        });
    };
    let caps = move |event: KeyboardEvent| has_caps.set(event.get_modifier_state("CapsLock"));
    view! {
        <main class="sign-in">
            <form data-view="sign-in" on:submit=submit>
                <div class="sign-in-head">
                    <Mark />
                    <h1>"Sign in to ViWorkS"</h1>
                    <Show when=move || has_ended>
                        <p role="status">"Your sign-in has ended. Sign in again to go on where you were."</p>
                    </Show>
                </div>
                <label>
                    <span>"Name"</span>
                    <input
                        node_ref=name name="name" autocomplete="username" required spellcheck="false"
                        autocapitalize="none"
                    />
                </label>
                <label>
                    <span>"Password"</span>
                    <input
                        node_ref=password name="password" type="password" autocomplete="current-password" required
                        on:keydown=caps on:keyup=caps on:blur=move |_| has_caps.set(false)
                    />
                    <Show when=move || has_caps.get()>
                        <span class="caps" role="status">"Caps Lock is on"</span>
                    </Show>
                </label>
                <div role="alert" class="failure">{move || failure.get()}</div>
                <button
                    type="submit" class="button primary wide"
                    aria-disabled=move || is_busy.get().then_some("true")
                    aria-busy=move || is_busy.get().then_some("true")
                >
                    {move || if is_busy.get() { "Signing in…" } else { "Sign in" }}
                </button>
                <p class="note">
                    "A lost password is recovered on the server: " <code>"viworks operator recover"</code>
                </p>
            </form>
        </main>
    }
}
