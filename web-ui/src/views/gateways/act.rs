//! Draining or retiring a gateway: what follows from it is said before it is done.

use super::Sessions;
use crate::{
    feed,
    http::Nothing,
    kit::{
        busy::ActButton,
        dialog::{Dialog, open_while_some},
        pill::Tone,
    },
    live::Watched,
    views::act,
};
use leptos::prelude::*;
use viworks_api::gateway::GatewayRow;
use viworks_domain::ids::GatewayId;
use viworks_web_model::gateways::Act;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    pub gateway: GatewayId,
    pub act: Act,
}

/// Some opens it.
#[component]
pub fn ActDialog(
    asked: RwSignal<Option<Asked>>,
    gateways: Watched<GatewayRow>,
    sessions: Sessions,
) -> impl IntoView {
    let feed = feed::expect();
    let open = open_while_some(asked);
    let busy = RwSignal::new(false);
    let named = move || {
        let Asked { gateway, act } = asked.get()?;
        Some((act, gateway, gateways.row(gateway)?.with(|row| row.name.clone())))
    };
    let title = Memo::new(move |shown: Option<&String>| {
        // It keeps its title while it closes.
        let title = named().map(|(act, _, name)| format!("{} {name}", act.label()));
        title.or_else(|| shown.cloned()).unwrap_or_default()
    });
    let go = move || {
        let Some((act, id, name)) = untrack(named) else { return };
        act::run(busy, Tone::Good, async move {
            let address = format!("/v1/gateways/{id}/{}", act.word());
            let outcome = act::post(feed, &address, &Nothing {}).await;
            // Whatever came of it is said in a toast, which the dialog would lie before. Another one may be asked
            // about by now.
            if asked.try_get_untracked().flatten() == Some(Asked { gateway: id, act }) {
                let _ = open.try_set(false);
            }
            outcome.map(|_| act.done(&name))
        });
    };
    view! {
        <Dialog name="gateway" title open>
            {move || untrack(named).map(|(act, id, _)| {
                let name = move || named().map(|(.., name)| name).unwrap_or_default();
                view! {
                    <div class="form">
                    <p>{move || act.consequence(&name(), sessions.through(id))}</p>
                    <div class="dialog-foot">
                        <button type="button" class="button" autofocus on:click=move |_| open.set(false)>"Cancel"</button>
                        <ActButton
                            label=act.label()
                            busy_label="Doing it…"
                            class="danger"
                            busy
                            on_click=Callback::new(move |()| go())
                        />
                    </div>
                    </div>
                }
            })}
        </Dialog>
    }
}
