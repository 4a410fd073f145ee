//! Making a user: one form, then how far the making is. Open while the address says `?new=user`.

mod countries;
mod fields;
mod hours;
mod progress;

use super::{act, names::Names};
use crate::{
    entropy,
    feed::{self, Feed},
    http,
    kit::{dialog::Dialog, pill::Tone, place},
    live::Watched,
    session,
    shell::toasts,
};
use leptos::{ev::SubmitEvent, prelude::*, task::spawn_local};
use progress::{Made, Progress};
use viworks_api::{
    Created,
    gateway::GatewayState,
    operator::Permission,
    policy::PolicySummary,
    user::{CreateRequest, UserRow},
};
use viworks_domain::ids::UserId;
use viworks_web_model::{
    form::{self, Attempts, Choices, Draft, Field, Stage, Wrong},
    place::{NEW, NEW_USER},
    request::Failure,
};

/// What the form's parts share. Copied freely.
#[derive(Clone, Copy)]
struct Form {
    draft: RwSignal<Draft>,
    choices: Memo<Choices>,
    /// The chosen policy, as it is now.
    policy: Memo<Option<PolicySummary>>,
    /// Somebody has pressed the button: from now on what is missing is said.
    tried: RwSignal<bool>,
    /// What the server had against a field, until the form is another one.
    refused: RwSignal<Option<Wrong>>,
    wrong: Memo<Vec<Wrong>>,
    /// What stands at no field.
    failure: RwSignal<Option<String>>,
    busy: RwSignal<bool>,
    made: RwSignal<Option<Made>>,
    /// Whether somebody looks at it.
    open: RwSignal<bool>,
    attempts: StoredValue<Attempts>,
    feed: Feed,
    /// The view's list: who has made a user sees them there at once.
    rows: Watched<UserRow>,
}

impl Form {
    fn new(names: Names, rows: Watched<UserRow>) -> Self {
        let session = session::expect();
        let choices = Memo::new(move |_| Choices {
            policies: names.policies.rows(),
            gateways: names
                .gateways
                .rows()
                .into_iter()
                .filter(|row| matches!(row.state, GatewayState::Invited | GatewayState::Enrolled))
                .map(|row| row.id)
                .collect(),
            may_differ: session.may(Permission::ManagePolicies),
        });
        let draft = RwSignal::new(Draft::default());
        let chosen = Memo::new(move |_| draft.with(|draft| draft.policy));
        let policy = Memo::new(move |_| choices.with(|choices| choices.policy(chosen.get()).cloned()));
        let (tried, refused) = (RwSignal::new(false), RwSignal::new(None::<Wrong>));
        let wrong = Memo::new(move |_| {
            let mut wrong = Vec::new();
            if tried.get() {
                wrong = draft
                    .with(|draft| choices.with(|choices| draft.request(choices).err()))
                    .unwrap_or_default();
            }
            wrong.extend(refused.get());
            wrong
        });
        Self {
            draft,
            choices,
            policy,
            tried,
            refused,
            wrong,
            failure: RwSignal::new(None),
            busy: RwSignal::new(false),
            made: RwSignal::new(None),
            open: RwSignal::new(false),
            attempts: StoredValue::new(Attempts::default()),
            feed: feed::expect(),
            rows,
        }
    }

    fn edit(self, change: impl FnOnce(&mut Draft)) {
        self.refused.set(None);
        self.failure.set(None);
        self.draft.update(change);
    }

    fn error(self, field: Field) -> Signal<Option<String>> {
        Signal::derive(move || {
            self.wrong.with(|wrong| wrong.iter().find(|(at, _)| *at == field).map(|(_, text)| text.clone()))
        })
    }

    /// Empty, but for what there is only one of.
    fn begin_anew(self) {
        self.draft.set(self.choices.with_untracked(Draft::new));
        self.tried.set(false);
        self.refused.set(None);
        self.failure.set(None);
        self.made.set(None);
    }

    fn submit(self) {
        if self.busy.get_untracked() {
            return;
        }
        self.tried.set(true);
        self.refused.set(None);
        self.failure.set(None);
        let draft = self.draft.get_untracked();
        let Ok(request) = self.choices.with_untracked(|choices| draft.request(choices)) else {
            fields::show_first_error();
            return;
        };
        let key = self.attempts.try_update_value(|attempts| attempts.key(&draft, entropy::idempotency_key));
        let Some(key) = key else { return };
        self.busy.set(true);
        spawn_local(async move {
            let answer = http::post_as::<CreateRequest, Created<UserId>>("/v1/users", &request, &key).await;
            // The view may be gone by now: from here on everything may be.
            self.attempts.try_update_value(|attempts| attempts.answered(answer.as_ref().err()));
            self.busy.try_set(false);
            match answer {
                Ok(created) => {
                    let CreateRequest { username, gateways, .. } = request;
                    let is_shown = self.draft.try_update(|typed| typed.made(&draft)) == Some(true);
                    if !is_shown || !self.is_open() {
                        toasts::say(Tone::Busy, format!("{username} is being made."));
                    }
                    if is_shown {
                        drop(self.made.try_set(Some(Made { id: created.id, username, gateways })));
                    }
                    self.feed.reached(created.accepted.seq).await;
                    self.rows.settle();
                }
                Err(failure) => self.failed(&failure, &draft),
            }
        });
    }

    fn failed(self, failure: &Failure, sent: &Draft) {
        // The sign-in page stands before the form now, which stays as it is.
        if failure.is_signed_out() {
            return;
        }
        let told = format!("Creating {}: {}", sent.username.trim(), act::words(failure));
        if !self.is_open() {
            toasts::say(Tone::Bad, told.clone());
        }
        let is_shown = self.draft.try_with_untracked(|typed| typed == sent) == Some(true);
        let at_field = match failure {
            Failure::Problem(problem) => form::of_problem(problem).filter(|_| is_shown),
            Failure::Unreachable | Failure::NotUnderstood | Failure::StillPending => None,
        };
        match at_field {
            Some(wrong) => {
                drop(self.refused.try_set(Some(wrong)));
                fields::show_first_error();
            }
            None => drop(self.failure.try_set(Some(if is_shown { act::words(failure) } else { told }))),
        }
    }

    fn is_open(self) -> bool {
        self.open.try_get_untracked() == Some(true)
    }

    fn stage(self) -> Stage {
        if self.made.with_untracked(Option::is_some) {
            Stage::Made
        } else if self.busy.get_untracked() {
            Stage::Sent
        } else {
            Stage::Typing
        }
    }
}

/// The dialog, and what the address says of it.
#[component]
pub fn CreateUser(names: Names, rows: Watched<UserRow>, phone: RwSignal<Option<UserId>>) -> impl IntoView {
    let form = Form::new(names, rows);
    let (open, asks) = (form.open, RwSignal::new(false));
    let wanted = place::value(NEW);
    let is_wanted = Memo::new(move |_| wanted.with(|wanted| wanted.as_deref() == Some(NEW_USER)));
    Effect::new(move |_| {
        if is_wanted.get() {
            asks.set(false);
            if form.made.with_untracked(Option::is_some) || !form.draft.with_untracked(Draft::is_touched) {
                form.begin_anew();
            }
        }
        open.set(is_wanted.get());
    });
    Effect::new(move |was: Option<bool>| {
        let is = open.get();
        if was == Some(true) && !is && is_wanted.get_untracked() {
            place::set(NEW, None);
        }
        is
    });
    // What there is only one of may come after the form is open.
    Effect::new(move |_| {
        let choices = form.choices.get();
        let is_blank = form.draft.with_untracked(|draft| draft.policy.is_none() && draft.gateways.is_empty());
        if is_blank && form.made.with_untracked(Option::is_none) {
            let Draft { policy, gateways, .. } = Draft::new(&choices);
            if policy.is_some() || !gateways.is_empty() {
                form.draft.update(|draft| (draft.policy, draft.gateways) = (policy, gateways));
            }
        }
    });
    let may_close = Callback::new(move |()| {
        let loses = form.draft.with_untracked(|draft| form::asks_to_close(form.stage(), draft));
        if loses {
            asks.set(true);
        }
        !loses
    });
    let title = Signal::derive(move || {
        form.made
            .with(|made| made.as_ref().map_or_else(|| "Create user".into(), |made| made.username.clone()))
    });
    view! {
        <Dialog name="create-user" title open may_close>
            {move || match form.made.get() {
                Some(made) => view! { <Progress made names phone form open /> }.into_any(),
                None => view! { <FormView form names open asks /> }.into_any(),
            }}
        </Dialog>
    }
}

#[component]
fn FormView(form: Form, names: Names, open: RwSignal<bool>, asks: RwSignal<bool>) -> impl IntoView {
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        asks.set(false);
        form.submit();
    };
    let keep = NodeRef::<leptos::html::Button>::new();
    Effect::new(move |_| {
        if let Some(button) = keep.get() {
            // It has just been put on the page.
            let _ = button.focus();
        }
    });
    let keep_editing = move |_| {
        asks.set(false);
        fields::begin();
    };
    let discard = move |_| {
        form.begin_anew();
        asks.set(false);
        open.set(false);
    };
    view! {
        <form class="form create-user" novalidate on:submit=submit autocomplete="off">
            <div class="halves">
                <div class="half">
                    <fields::Username form />
                    <fields::Password form />
                    <fields::Policy form />
                    <fields::Gateways form names />
                </div>
                <div class="half">
                    <countries::Countries form />
                    <hours::Windows form />
                </div>
            </div>
            <p class="failure" role="alert">{move || form.failure.get()}</p>
            <Show
                when=move || asks.get()
                fallback=move || view! {
                    <div class="dialog-foot">
                        <button
                            type="submit" class="button primary" aria-disabled=move || form.busy.get().then_some("true")
                            aria-busy=move || form.busy.get().then_some("true")
                        >
                            {move || if form.busy.get() { "Creating…" } else { "Create" }}
                        </button>
                    </div>
                }
            >
                <div class="dialog-foot asks" role="alertdialog" aria-label="Close without creating?">
                    <p>"Nothing is created yet. Forget what is typed here?"</p>
                    <button type="button" class="button" node_ref=keep on:click=keep_editing>
                        "Keep editing"
                    </button>
                    <button type="button" class="button danger" on:click=discard>"Close and forget"</button>
                </div>
            </Show>
        </form>
    }
}
