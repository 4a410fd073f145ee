//! What can be done about one user, from their row.

use super::cells::username;
use crate::{
    feed::{self, Feed},
    http::Nothing,
    kit::{
        busy::ActButton,
        dialog::{Dialog, open_while_some},
        pill::Tone,
    },
    views::{act, names::Names, steps},
};
use leptos::prelude::*;
use viworks_api::user::{UserRow, UserState};
use viworks_domain::ids::UserId;
use viworks_web_model::{steps as model, words};

/// The dialogs that rows open. Copied freely.
#[derive(Clone, Copy)]
pub struct Actions {
    pub phone: RwSignal<Option<UserId>>,
    pub suspend: RwSignal<Option<(UserId, String)>>,
}

impl Actions {
    /// What is most likely wanted of this user: another try of what failed, or a phone.
    pub fn act(self, row: &UserRow, feed: Feed, busy: RwSignal<bool>) {
        if model::failed(&row.steps).next().is_some() {
            retry(row, feed, busy);
        } else if is_here(row.state) {
            self.phone.set(Some(row.id));
        }
    }

    /// Asked once more, by the dialog.
    pub fn ask_to_suspend(self, row: &UserRow) {
        self.suspend.set(Some((row.id, username(row))));
    }
}

/// Somebody who is, or is about to be.
pub const fn is_here(state: UserState) -> bool {
    matches!(state, UserState::Provisioning | UserState::Active | UserState::Suspended)
}

fn retry(row: &UserRow, feed: Feed, busy: RwSignal<bool>) {
    let (id, name) = (row.id, username(row));
    let failed = model::failed(&row.steps).map(|(step, _)| step).collect::<Vec<_>>();
    act::run(busy, Tone::Busy, async move {
        steps::retry_steps(feed, id, failed).await.map(|()| format!("Trying again for {name}."))
    });
}

pub fn resume(row: &UserRow, feed: Feed, busy: RwSignal<bool>) {
    let (id, name) = (row.id, username(row));
    act::run(busy, Tone::Good, async move {
        let address = format!("/v1/users/{id}/resume");
        act::post(feed, &address, &Nothing {}).await.map(|_| format!("{name} may sign in again."))
    });
}

#[component]
pub fn RowActions(
    row: ArcRwSignal<UserRow>,
    names: Names,
    actions: Actions,
    may_manage: Signal<bool>,
) -> impl IntoView {
    let (feed, busy) = (feed::expect(), RwSignal::new(false));
    // The cell's own copy: a handler may run after the row has gone.
    let row = RwSignal::from(row);
    let id = row.with_untracked(|row| row.id);
    let state = Memo::new(move |_| row.with(|row| row.state));
    let remedy = Memo::new(move |_| {
        row.with(|row| {
            let (step, why) = model::failed(&row.steps).next()?;
            let remedy = model::remedy(&step, why, &|gateway| names.gateway(gateway));
            Some((words::step_failure(why), remedy))
        })
    });
    let retry = Callback::new(move |()| row.with_untracked(|row| retry(row, feed, busy)));
    let resume = Callback::new(move |()| row.with_untracked(|row| resume(row, feed, busy)));
    let suspend = Callback::new(move |()| row.with_untracked(|row| actions.ask_to_suspend(row)));
    // For whoever hears the buttons one after the other.
    let whose = Signal::derive(move || row.with(username));
    let phone = Callback::new(move |()| actions.phone.set(Some(id)));
    // What has failed comes first: there is nothing to sign in to yet.
    let may_enrol = move || is_here(state.get()) && remedy.with(Option::is_none);
    view! {
        <Show when=move || may_manage.get()>
            <Show when=move || remedy.with(Option::is_some)>
                <span class="remedy" title=move || remedy.get().map(|(what, remedy)| format!("{what}. {remedy}"))>
                    {move || remedy.get().map(|(_, remedy)| remedy)}
                </span>
                <ActButton label="Retry" whose busy_label="Retrying…" class="small" busy on_click=retry />
            </Show>
            <Show when=may_enrol>
                <ActButton label="Enrol phone" whose class="small quiet" on_click=phone />
            </Show>
            <Show when=move || state.get() == UserState::Active>
                <ActButton label="Suspend" whose class="small quiet" on_click=suspend />
            </Show>
            <Show when=move || state.get() == UserState::Suspended>
                <ActButton label="Resume" whose busy_label="Resuming…" class="small quiet" busy on_click=resume />
            </Show>
        </Show>
    }
}

/// Suspending ends what the user is doing at this moment: it is asked once more.
#[component]
pub fn SuspendDialog(user: RwSignal<Option<(UserId, String)>>) -> impl IntoView {
    let (feed, busy, open) = (feed::expect(), RwSignal::new(false), open_while_some(user));
    let name = move || user.get().map(|(_, name)| name).unwrap_or_default();
    let suspend = Callback::new(move |()| {
        let Some((id, name)) = user.get_untracked() else { return };
        act::run(busy, Tone::Good, async move {
            let address = format!("/v1/users/{id}/suspend");
            let outcome =
                act::post(feed, &address, &Nothing {}).await.map(|_| format!("{name} is suspended."));
            // Another one may be asked about by now.
            if user.try_get_untracked().flatten().is_some_and(|(asked, _)| asked == id) {
                open.try_set(false);
            }
            outcome
        });
    });
    view! {
        <Dialog name="suspend" title=Signal::derive(move || format!("Suspend {}?", name())) open>
            <div class="form">
                <p>"Sessions of this user end now, and nobody can sign in under this name until you resume it."</p>
                <div class="dialog-foot">
                    <ActButton label="Keep as it is" on_click=Callback::new(move |()| open.set(false)) />
                    <ActButton label="Suspend" busy_label="Suspending…" class="danger" busy on_click=suspend />
                </div>
            </div>
        </Dialog>
    }
}
