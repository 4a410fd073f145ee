//! A word about what has just happened, wherever one is. It goes by itself; nothing that must be read belongs here.

use crate::{
    clock, feed,
    kit::{
        icon::Close,
        place::{self, Panel},
    },
};
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use viworks_api::feed::Notice;
use viworks_web_model::{
    notices::{self, Said},
    toasts::{self as model, To, Toast},
    words::Tone,
};

/// More than these are counted.
const SEEN: usize = 3;
const STEP_MS: u32 = 250;

#[derive(Clone, Copy)]
struct Toasts {
    all: RwSignal<model::Toasts>,
    /// Somebody points at them or has the focus in one: none goes.
    held: RwSignal<bool>,
    is_counting: StoredValue<bool>,
}

thread_local! {
    /// The shell's, for whoever has something to say.
    static CURRENT: std::cell::Cell<Option<Toasts>> = const { std::cell::Cell::new(None) };
}

/// Says something in passing.
pub fn say(tone: Tone, text: impl Into<String>) {
    if let Some(toasts) = CURRENT.get() {
        toasts.add(tone, text.into(), None);
    }
}

impl Toasts {
    fn add(self, tone: Tone, text: String, to: Option<To>) {
        let added = self.all.try_update(|all| all.add(tone, text, to));
        if added.is_some()
            && self.is_counting.try_update_value(|is| std::mem::replace(is, true)) == Some(false)
        {
            spawn_local(self.count());
        }
    }

    /// Lets time pass by the clock, for as long as there are any.
    async fn count(self) {
        let mut before = clock::now();
        loop {
            TimeoutFuture::new(STEP_MS).await;
            let now = clock::now();
            let passed = now.since(std::mem::replace(&mut before, now));
            if self.held.try_get_untracked() != Some(true) {
                let _ = self.all.try_maybe_update(|all| (all.pass(passed), ()));
            }
            // Gone with the shell, too.
            if self.all.try_with_untracked(|all| all.all().is_empty()) != Some(false) {
                break;
            }
        }
        let _ = self.is_counting.try_set_value(false);
    }

    fn remove(self, id: u64) {
        let _ = self.all.try_update(|all| all.remove(id));
    }

    /// By hand: whoever held it has let go, though nothing says that the pointer or the focus has left.
    fn dismiss(self, id: u64) {
        self.remove(id);
        self.held.set(false);
    }

    fn clear(self) {
        self.all.update(model::Toasts::clear);
        self.held.set(false);
    }

    fn tell(self, said: Said) {
        let to = said.about.map(|about| match about {
            notices::About::User(id) => ("Open user", place::address("/users", Some(Panel::User(id)))),
            notices::About::Session(id) => {
                ("Open session", place::address("/sessions?show=ended", Some(Panel::Session(id))))
            }
            notices::About::Users => ("Show users", place::address("/users", None)),
            notices::About::Sessions => ("Show sessions", place::address("/sessions?show=ended", None)),
            notices::About::Gateways => ("Show gateways", place::address("/gateways", None)),
        });
        self.add(said.tone, said.text, to.map(|(title, address)| To { title, address }));
    }
}

/// Where they stand, and what makes them: the feed's notices, and [`say`].
#[component]
pub fn Toasted() -> impl IntoView {
    let feed = feed::expect();
    let toasts = Toasts {
        all: RwSignal::new(model::Toasts::default()),
        held: RwSignal::new(false),
        is_counting: StoredValue::new(false),
    };
    CURRENT.set(Some(toasts));
    Effect::new(move |_| {
        let heard: Vec<Notice> = feed.take_notices();
        notices::coalesce(&heard).into_iter().for_each(|said| toasts.tell(said));
    });
    let seen =
        move || toasts.all.with(|all| all.all().iter().rev().take(SEEN).rev().cloned().collect::<Vec<_>>());
    let more = move || toasts.all.with(|all| all.all().len()).saturating_sub(SEEN);
    view! {
        <div
            class="toasts" role="status" aria-label="What has just happened" aria-live="polite" aria-atomic="false"
            on:pointerenter=move |_| toasts.held.set(true)
            on:pointerleave=move |_| toasts.held.set(false)
            on:focusin=move |_| toasts.held.set(true)
            on:focusout=move |_| toasts.held.set(false)
            on:keydown=move |event| {
                if event.key() == "Escape" {
                    event.prevent_default();
                    toasts.clear();
                }
            }
        >
            <Show when=move || more() != 0>
                <button type="button" class="toast-more" on:click=move |_| toasts.clear()>
                    {move || format!("and {} more · dismiss all", more())}
                </button>
            </Show>
            <For each=seen key=|toast| toast.id let:toast>
                <One toast toasts />
            </For>
        </div>
    }
}

#[component]
fn One(toast: Toast, toasts: Toasts) -> impl IntoView {
    let Toast { id, tone, text, to, .. } = toast;
    let link = to.map(|To { title, address }| {
        view! { <a href=address on:click=move |_| toasts.dismiss(id)>{title}</a> }
    });
    view! {
        <div class="toast" data-toast=id.to_string() data-tone=tone.word()>
            <div class="toast-text">
                {text}
                {link}
            </div>
            <button
                type="button" class="icon-button" aria-label="Dismiss"
                on:click=move |_| toasts.dismiss(id)
            >
                <Close />
            </button>
        </div>
    }
}
