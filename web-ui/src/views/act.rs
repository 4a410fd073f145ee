//! What a person does in a view: asked once, waited for until the screens show it, and its outcome said.

use crate::{feed::Feed, http, kit::pill::Tone, shell::toasts};
use leptos::{prelude::*, task::spawn_local};
use serde::Serialize;
use std::future::Future;
use viworks_api::Accepted;
use viworks_web_model::request::Failure;

pub type Outcome<T> = Result<T, Failure>;

/// Does it unless it is being done; `busy` until then. What it answers is said in this tone, and so is why it failed.
pub fn run(busy: RwSignal<bool>, tone: Tone, act: impl Future<Output = Outcome<String>> + 'static) {
    if busy.get_untracked() {
        return;
    }
    busy.set(true);
    spawn_local(async move {
        let outcome = act.await;
        // The view may be gone by now.
        busy.try_set(false);
        say(tone, outcome);
    });
}

pub fn say(tone: Tone, outcome: Outcome<String>) {
    match outcome {
        Ok(text) => toasts::say(tone, text),
        // The sign-in page says this one.
        Err(failure) if failure.is_signed_out() => {}
        Err(failure) => toasts::say(Tone::Bad, words(&failure)),
    }
}

/// What happened and what to do, in one line.
pub fn words(failure: &Failure) -> String {
    let advice = failure.advice().map(|text| text.trim_end_matches('.').to_owned());
    advice.map_or_else(|| format!("{}.", failure.title()), |advice| format!("{}. {advice}.", failure.title()))
}

/// Asks, and returns once every open window shows what was decided.
pub async fn post<B: Serialize>(feed: Feed, address: &str, body: &B) -> Outcome<Accepted> {
    let accepted = http::post::<B, Accepted>(address, body).await?;
    feed.reached(accepted.seq).await;
    Ok(accepted)
}
