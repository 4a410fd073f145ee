//! How far the making of a user is, as three pills, and what to do about a step that failed.

use super::{act, names::Names};
use crate::{
    feed::{self, Feed},
    kit::pill::{Pill, Tone},
    shell::toasts,
};
use leptos::{prelude::*, task::spawn_local};
use viworks_api::user::{RetryStepRequest, StepRow, StepState};
use viworks_domain::{
    ids::UserId,
    user::{Step, StepFailure},
};
use viworks_web_model::{steps, words};

/// Directory, VPN/SPA and Panel; over several gateways the worst counts, and the title says which it is.
#[component]
pub fn StepPills(#[prop(into)] steps: Signal<Vec<StepRow>>, names: Names) -> impl IntoView {
    let pills =
        Memo::new(move |_| steps.with(|steps| steps::pills(steps, &|gateway| names.gateway(gateway))));
    let one = move |place: &'static str| {
        let pill = Memo::new(move |_| pills.with(|all| all.iter().find(|pill| pill.place == place).cloned()));
        let state = move || pill.get().map_or(StepState::Pending, |pill| pill.state);
        let name = move || pill.get().map_or("", |pill| pill.title);
        let title = move || pill.get().map(|pill| format!("{}: {}", pill.title, pill.details));
        let tone = Signal::derive(move || words::step_tone(state()));
        let text = Signal::derive(move || format!("{} {}", mark(state()), name()).trim_start().to_owned());
        let is_there = Memo::new(move |_| pill.with(Option::is_some));
        view! {
            <Show when=move || is_there.get()>
                <span class="step" data-step=place data-state=move || words::step_state_word(state()) title=title>
                    <Pill tone=tone text=text />
                    <span class="sr-only">{move || words::step_state_word(state())}</span>
                </span>
            </Show>
        }
    };
    view! { <span class="steps">{steps::PLACES.map(one)}</span> }
}

/// Colour alone says nothing to whoever cannot tell colours apart.
const fn mark(state: StepState) -> &'static str {
    match state {
        StepState::Done => "✓",
        // Its dot moves.
        StepState::Pending => "",
        StepState::Failed { .. } => "✕",
    }
}

/// Each failed step with what to do about it and, where that is allowed, a button to try again.
#[component]
pub fn FailedSteps(
    user: UserId,
    #[prop(into)] steps: Signal<Vec<StepRow>>,
    names: Names,
    #[prop(into)] may_retry: Signal<bool>,
) -> impl IntoView {
    let failed = Memo::new(move |_| steps.with(|steps| steps::failed(steps).collect::<Vec<_>>()));
    view! {
        <ul class="failed-steps" hidden=move || failed.with(Vec::is_empty)>
            <For each=move || failed.get() key=|failed| *failed let:failed>
                <Failed user failed names may_retry />
            </For>
        </ul>
    }
}

#[component]
fn Failed(user: UserId, failed: (Step, StepFailure), names: Names, may_retry: Signal<bool>) -> impl IntoView {
    let (step, why) = failed;
    let (feed, busy) = (feed::expect(), RwSignal::new(false));
    // Why it was not tried, said here: this may be in a dialog, which toasts lie behind.
    let failure = RwSignal::new(String::new());
    let title = move || steps::title(&step, &|gateway| names.gateway(gateway));
    let retry = move |_| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        failure.set(String::new());
        let text = format!("Trying again: {}", untrack(title));
        spawn_local(async move {
            let outcome = retry_steps(feed, user, vec![step]).await;
            let _ = busy.try_set(false);
            match outcome {
                Ok(()) => toasts::say(Tone::Busy, text),
                // The sign-in page says this one.
                Err(why) if why.is_signed_out() => {}
                Err(why) => {
                    // Given back when this is not on the page any more.
                    if let Some(text) = failure.try_set(act::words(&why)) {
                        toasts::say(Tone::Bad, text);
                    }
                }
            }
        });
    };
    view! {
        <li>
            <p>
                <strong>{title}": "{words::step_failure(why)}"."</strong>
                " "
                {move || steps::remedy(&step, why, &|gateway| names.gateway(gateway))}
                <span role="status">{move || failure.get()}</span>
            </p>
            <Show when=move || may_retry.get()>
                <button
                    type="button" class="button" aria-disabled=move || busy.get().then_some("true")
                    aria-busy=move || busy.get().then_some("true") on:click=retry
                >
                    {move || if busy.get() { "Retrying…" } else { "Retry" }}
                    <span class="sr-only">" " {title}</span>
                </button>
            </Show>
        </li>
    }
}

/// Asks for another try of each step, and returns when the screens know.
pub async fn retry_steps(feed: Feed, user: UserId, steps: Vec<Step>) -> act::Outcome<()> {
    for step in steps {
        act::post(feed, &format!("/v1/users/{user}/retry-step"), &RetryStepRequest { step }).await?;
    }
    Ok(())
}
