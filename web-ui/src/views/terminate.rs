//! Ending somebody's session: why, and then what every layer says about it.
//!
//! Nothing is shown before it is so. The dialog turns from the question to the receipts when the log says that the
//! session ends, whoever ended it; closing it changes nothing.

use crate::{
    entropy, feed, http,
    kit::{
        busy::ActButton,
        dialog::{Dialog, open_while_some},
        field::Field,
        time::Ago,
    },
    live::State,
    shell::toasts,
    views::receipts::Lines,
};
use leptos::{ev::SubmitEvent, html, prelude::*, task::spawn_local};
use viworks_api::{
    Accepted,
    feed::{Query, SessionQuery},
    session::{SessionRow, SessionState, TerminateRequest},
};
use viworks_domain::ids::SessionId;
use viworks_web_model::{
    ending::{self, SUGGESTIONS},
    request::{Failure, IdempotencyKey},
    sessions,
    words::{self, Tone},
};
use wasm_bindgen::JsCast as _;

/// Some opens it, about that session.
#[component]
pub fn Terminate(target: RwSignal<Option<SessionId>>) -> impl IntoView {
    let open = open_while_some(target);
    Effect::new(move |was: Option<Option<SessionId>>| {
        let is = target.get();
        if let (Some(Some(id)), None) = (was, is) {
            spawn_local(focus_row(id));
        }
        is
    });
    view! {
        <Dialog name="terminate" title="Terminate session".to_owned() open=open>
            {move || target.get_untracked().map(|id| view! { <About id=id open=open /> })}
        </Dialog>
    }
}

/// The button that opened the dialog is gone with the session's end; its row may still be there.
async fn focus_row(id: SessionId) {
    leptos::task::tick().await;
    let is_nowhere = document().active_element().is_none_or(|focused| focused.tag_name() == "BODY");
    if is_nowhere
        && let Ok(Some(row)) = document().query_selector(&format!("[data-row='{id}']"))
        && let Ok(row) = row.dyn_into::<web_sys::HtmlElement>()
    {
        // It was found on the page.
        let _ = row.focus();
    }
}

/// How far it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asking,
    Unknown,
    Standing,
    Winding,
    Over,
}

fn stage(state: State, row: Option<SessionState>) -> Stage {
    match (row, state) {
        (Some(SessionState::Ending), _) => Stage::Winding,
        (Some(state), _) if state.is_active() => Stage::Standing,
        (Some(_), _) => Stage::Over,
        (None, State::Asking) => Stage::Asking,
        (None, State::Here | State::Refused(_)) => Stage::Unknown,
    }
}

#[component]
fn About(id: SessionId, open: RwSignal<bool>) -> impl IntoView {
    let query = move || Query::Sessions(SessionQuery { id: Some(id), ..SessionQuery::default() });
    let rows = feed::expect().watch::<SessionRow>(query, 1);
    let row = Memo::new(move |_| rows.rows().into_iter().next());
    let stage = Memo::new(move |_| stage(rows.state(), row.with(|row| row.as_ref().map(|row| row.state))));
    view! {
        <div class="form">
        <Facts row=row />
        {move || match stage.get() {
            Stage::Asking => view! { <p class="dim" role="status">"Looking it up…"</p> }.into_any(),
            Stage::Unknown => view! { <p role="alert">"There is no such session."</p> }.into_any(),
            Stage::Standing => view! { <Ask id=id row=row open=open /> }.into_any(),
            Stage::Winding | Stage::Over => view! { <Receipts row=row open=open /> }.into_any(),
        }}
        </div>
    }
}

fn person(row: Option<&SessionRow>) -> String {
    row.and_then(|row| row.username.clone()).unwrap_or_else(|| "an erased user".into())
}

/// Whose it is and what they reach.
#[component]
fn Facts(row: Memo<Option<SessionRow>>) -> impl IntoView {
    let fact =
        move |of: fn(&SessionRow) -> Option<String>| Memo::new(move |_| row.with(|row| of(row.as_ref()?)));
    let gateway = fact(|row| row.gateway_name.clone());
    let address = fact(|row| row.address.map(|address| address.to_string()));
    let resources = fact(|row| (!row.resources.is_empty()).then(|| row.resources.join(", ")));
    let name = Memo::new(move |_| person(row.with(Option::clone).as_ref()));
    let since = Memo::new(move |_| row.with(|row| row.as_ref().map(sessions::since)));
    let line = |label: &'static str, value: Memo<Option<String>>| {
        move || value.get().map(|value| view! { <div><dt>{label}</dt><dd>{value}</dd></div> })
    };
    view! {
        <Show when=move || since.with(Option::is_some)>
            <dl class="facts">
                <div><dt>"User"</dt><dd><strong>{move || name.get()}</strong></dd></div>
                <div>
                    <dt>"Since"</dt>
                    <dd>{move || since.get().map(|at| view! { <Ago at=Signal::stored(at) /> })}</dd>
                </div>
                {line("Through", gateway)}
                {line("Address in the tunnel", address)}
                {line("Reaches", resources)}
            </dl>
        </Show>
    }
}

#[component]
fn Ask(id: SessionId, row: Memo<Option<SessionRow>>, open: RwSignal<bool>) -> impl IntoView {
    let feed = feed::expect();
    let field = NodeRef::<html::Input>::new();
    let typed = RwSignal::new(String::new());
    let wrong = RwSignal::new(None::<String>);
    let failure = RwSignal::new(None::<Failure>);
    let busy = RwSignal::new(false);
    // Asking again with the same words is the same act; other words are another.
    let act = StoredValue::new(None::<(String, IdempotencyKey)>);
    // The field comes after the dialog has opened and looked for something to focus.
    Effect::new(move |_| {
        if let Some(field) = field.get() {
            // It has just been put on the page.
            let _ = field.focus();
        }
    });
    let ask = move || {
        if busy.get_untracked() {
            return;
        }
        let reason = match ending::reason(&typed.get_untracked()) {
            Ok(reason) => reason,
            Err(unsaid) => {
                wrong.set(Some(unsaid.text()));
                if let Some(field) = field.get_untracked() {
                    // It is on the page: it was read a moment ago.
                    let _ = field.focus();
                }
                return;
            }
        };
        let known = act.get_value().filter(|(said, _)| *said == reason);
        let key = known.map_or_else(entropy::idempotency_key, |(_, key)| key);
        act.set_value(Some((reason.clone(), key.clone())));
        let name = person(row.get_untracked().as_ref());
        busy.set(true);
        failure.set(None);
        spawn_local(async move {
            let address = format!("/v1/sessions/{id}/terminate");
            let answer = http::post_as::<_, Accepted>(&address, &TerminateRequest { reason }, &key).await;
            let is_watched = open.try_get_untracked() == Some(true) && busy.try_get_untracked().is_some();
            match answer {
                Ok(accepted) => {
                    feed.reached(accepted.seq).await;
                    if !is_watched {
                        toasts::say(
                            Tone::Busy,
                            format!("The session of {name} is ending; not confirmed yet"),
                        );
                    }
                }
                // The sign-in page says this one, and stands before the dialog, which stays as it is.
                Err(refused) if refused.is_signed_out() => {}
                Err(refused) if is_watched => failure.set(Some(refused)),
                Err(refused) => {
                    let (title, _) = ending::told(&refused);
                    toasts::say(Tone::Bad, format!("The session of {name} was not ended: {title}"));
                }
            }
            busy.try_set(false);
        });
    };
    let say = move |text: &str| {
        typed.set(text.to_owned());
        wrong.set(None);
        if let Some(field) = field.get_untracked() {
            field.set_value(text);
            // As above.
            let _ = field.focus();
        }
    };
    let suggestions = SUGGESTIONS.map(|text| {
        view! { <button type="button" class="suggestion" on:click=move |_| say(text)>{text}</button> }
    });
    let told = move || failure.with(|failure| failure.as_ref().map(ending::told));
    view! {
        <form
            class="terminate"
            on:submit=move |event: SubmitEvent| {
                event.prevent_default();
                ask();
            }
        >
            <Field
                label="Reason"
                hint="The person reads it on their desktop, and it stands in the audit."
                error=wrong
            >
                <input
                    node_ref=field
                    name="reason"
                    autocomplete="off"
                    autofocus
                    on:input=move |event| {
                        let text = event_target_value(&event);
                        // What is too long is said at once, what is missing only when it is asked for.
                        wrong.set(match ending::reason(&text) {
                            Err(ending::Unsaid::Nothing) | Ok(_) => None,
                            Err(unsaid) => Some(unsaid.text()),
                        });
                        typed.set(text);
                    }
                />
            </Field>
            <div class="suggestions" role="group" aria-label="Suggested reasons">{suggestions.collect_view()}</div>
            <p class="note">
                "Everything the session has goes: its token, its tunnel, its container and its page. It cannot be undone; "
                "the person may sign in again as far as the policy lets them."
            </p>
            <div role="alert" class="failure">
                {move || told().map(|(title, advice)| view! { <strong>{title}</strong> " " {advice} })}
            </div>
            <div class="dialog-foot">
                <button type="button" class="button" on:click=move |_| open.set(false)>"Cancel"</button>
                <ActButton
                    label="Terminate"
                    busy_label="Terminating…"
                    class="danger"
                    busy=busy
                    on_click=Callback::new(move |()| ask())
                />
            </div>
        </form>
    }
}

/// What every layer says, as it comes in.
#[component]
fn Receipts(row: Memo<Option<SessionRow>>, open: RwSignal<bool>) -> impl IntoView {
    let close = NodeRef::<html::Button>::new();
    // The field that had the focus is gone.
    Effect::new(move |_| {
        if let Some(close) = close.get() {
            // It has just been put on the page.
            let _ = close.focus();
        }
    });
    let known = Memo::new(move |_| row.with(|row| row.as_ref().map(ending::receipts).unwrap_or_default()));
    let certainty = Memo::new(move |_| row.with(|row| row.as_ref().map(ending::certainty)));
    let text = move || certainty.get().and_then(ending::Certainty::text);
    let tone = move || match certainty.get() {
        Some(ending::Certainty::Confirmed) => "good",
        Some(ending::Certainty::NotConfirmed { overdue: true, .. }) => "bad",
        Some(ending::Certainty::NotConfirmed { .. } | ending::Certainty::NotEnding) | None => "busy",
    };
    let why = move || {
        row.with(|row| {
            let reason = row.as_ref()?.end_reason.as_ref()?;
            Some((words::end_reason(reason), words::end_note(reason).map(str::to_owned)))
        })
    };
    view! {
        <p>
            {move || why().map(|(words, note)| view! { {words} {note.map(|note| view! { ": " <q>{note}</q> })} })}
        </p>
        <p class="certainty" role="status" data-tone=tone>{text}</p>
        <Lines known=known />
        <Show when=move || matches!(certainty.get(), Some(ending::Certainty::NotConfirmed { overdue: true, .. }))>
            <p class="note">
                "The gateway has not confirmed within ten seconds. The order is repeated until it does; see under \
                 Gateways whether it is up."
            </p>
        </Show>
        <div class="dialog-foot">
            <button node_ref=close type="button" class="button" on:click=move |_| open.set(false)>"Close"</button>
        </div>
    }
}
