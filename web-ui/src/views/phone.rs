//! Enrolling a phone: a QR code that is good once and for a few minutes. What it holds is a secret; it is in memory
//! only while the dialog shows it.

use super::act;
use crate::{
    feed,
    http::{self, Nothing},
    kit::dialog::{Dialog, open_while_some},
};
use leptos::{prelude::*, task::spawn_local};
use std::{sync::Arc, time::Duration};
use viworks_api::{
    feed::{Query, UserQuery},
    user::{PhoneOffer, UserRow},
};
use viworks_domain::{
    Millis,
    ids::{DeviceId, UserId},
};
use viworks_web_model::qr;
use wasm_bindgen_futures::JsFuture;
use zeroize::Zeroizing;

/// Open while it has a user.
#[component]
pub fn PhoneDialog(user: RwSignal<Option<UserId>>) -> impl IntoView {
    let open = open_while_some(user);
    view! {
        <Dialog name="phone" title="Enrol phone" open>
            {move || user.get().map(|user| view! { <Enrolment user open /> })}
        </Dialog>
    }
}

#[derive(Clone)]
enum Phase {
    Asking,
    Offered(Offer),
    Expired,
    Enrolled,
    Failed(String),
}

#[derive(Clone)]
struct Offer {
    device: DeviceId,
    /// Wiped with its last holder.
    payload: Arc<Zeroizing<String>>,
    expires_at: Millis,
}

#[component]
fn Enrolment(user: UserId, open: RwSignal<bool>) -> impl IntoView {
    let feed = feed::expect();
    let rows =
        feed.watch::<UserRow>(move || Query::Users(UserQuery { id: Some(user), ..UserQuery::default() }), 1);
    let row = Memo::new(move |_| rows.rows().into_iter().next());
    let phase = RwSignal::new(Phase::Asking);
    let ask = move || {
        phase.set(Phase::Asking);
        spawn_local(async move {
            let answer = http::post::<_, PhoneOffer>(&format!("/v1/users/{user}/phone"), &Nothing {}).await;
            let next = match answer {
                Ok(offer) => Phase::Offered(Offer {
                    device: offer.device,
                    payload: Arc::new(Zeroizing::new(offer.payload)),
                    expires_at: offer.expires_at,
                }),
                Err(failure) => Phase::Failed(act::words(&failure)),
            };
            // Whoever has closed the dialog has no use for it; what is given back here is wiped.
            drop(phase.try_set(next));
        });
    };
    ask();

    let left = Memo::new(move |_| match phase.get() {
        Phase::Offered(offer) => {
            Some(Duration::from_secs(offer.expires_at.since(feed.now().get()).as_secs()))
        }
        _ => None,
    });
    Effect::new(move |_| {
        if left.get() == Some(Duration::ZERO) {
            phase.set(Phase::Expired);
        }
    });
    // The phone's own word: its device is enrolled.
    Effect::new(move |_| {
        let Phase::Offered(Offer { device, .. }) = phase.get() else { return };
        let is_enrolled = row.with(|row| {
            row.as_ref()
                .is_some_and(|row| row.devices.iter().any(|known| known.id == device && known.enrolled))
        });
        if is_enrolled {
            phase.set(Phase::Enrolled);
        }
    });

    let name = move || row.get().and_then(|row| row.username).unwrap_or_else(|| "this user".into());
    let view = move || match phase.get() {
        Phase::Asking => view! { <p class="dim" role="status">"Making a code…"</p> }.into_any(),
        Phase::Offered(offer) => {
            let has_other = Signal::derive(move || {
                row.with(|row| row.as_ref().is_some_and(|row| row.devices.iter().any(|known| known.enrolled)))
            });
            view! { <Code offer left name=Signal::derive(name) has_other /> }.into_any()
        }
        Phase::Expired => view! {
            <p role="status">"This code has expired. It can no longer be used."</p>
            <button type="button" class="button primary" on:click=move |_| ask()>"Make a new one"</button>
        }
        .into_any(),
        Phase::Enrolled => view! {
            <p class="enrolled" data-enrolled="" role="status">"✓ The phone of " {name} " is enrolled."</p>
            <button type="button" class="button primary" on:click=move |_| open.set(false)>"Done"</button>
        }
        .into_any(),
        Phase::Failed(text) => view! {
            <p class="failure" role="alert">{text}</p>
            <button type="button" class="button primary" on:click=move |_| ask()>"Try again"</button>
        }
        .into_any(),
    };
    view! { <div class="dialog-body phone">{view}</div> }
}

#[component]
fn Code(
    offer: Offer,
    left: Memo<Option<Duration>>,
    name: Signal<String>,
    has_other: Signal<bool>,
) -> impl IntoView {
    let drawing = qr::draw(&offer.payload);
    let payload = StoredValue::new(offer.payload);
    // Here and not in a toast, which would lie behind the dialog.
    let said = RwSignal::new("");
    let copy = move |_| {
        // Copied out of the page it is no longer ours to wipe; people ask for it where a camera does not work.
        let Some(promise) = payload.try_with_value(|text| window().navigator().clipboard().write_text(text))
        else {
            return;
        };
        spawn_local(async move {
            // The code may be gone by now.
            let _ = said.try_set(match JsFuture::from(promise).await {
                Ok(_) => "Copied. It is as secret as a password until it is used.",
                Err(_) => "The browser did not allow copying. Use the QR code.",
            });
        });
    };
    let clock = move || left.get().map(|left| format!("{}:{:02}", left.as_secs() / 60, left.as_secs() % 60));
    view! {
        <p>"Open the authenticator on the phone of " <strong>{name}</strong> " and scan this. It works once."</p>
        {match drawing {
            Some(drawing) => {
                let view_box = format!("0 0 {0} {0}", drawing.side);
                view! {
                    <svg
                        data-qr="" role="img" aria-label="QR code that enrols the phone" viewBox=view_box
                        shape-rendering="crispEdges" xmlns="http://www.w3.org/2000/svg"
                    >
                        <rect width="100%" height="100%" fill="#fff" />
                        <path d=drawing.path fill="#000" />
                    </svg>
                }
                .into_any()
            }
            None => view! { <p class="failure">"This is too long for a QR code: copy it as text."</p> }.into_any(),
        }}
        <p class="countdown">
            "Expires in " <span role="timer" data-countdown="">{clock}</span>
        </p>
        <Show when=move || has_other.get()>
            <p class="hint">"The phone that is enrolled already stays enrolled."</p>
        </Show>
        <button type="button" class="button" on:click=copy>"Copy as text"</button>
        <p class="hint" role="status">{move || said.get()}</p>
    }
}
