//! After the form: how far the making is, live, and what comes next.

use super::{Form, fields};
use crate::{
    feed,
    views::{
        names::Names,
        steps::{FailedSteps, StepPills},
    },
};
use leptos::prelude::*;
use viworks_api::{
    feed::{Query, UserQuery},
    user::{UserRow, UserState},
};
use viworks_domain::ids::{GatewayId, UserId};
use viworks_web_model::steps as model;

/// The user that the form has made.
#[derive(Clone)]
pub struct Made {
    pub id: UserId,
    pub username: String,
    pub gateways: Vec<GatewayId>,
}

#[component]
pub fn Progress(
    made: Made,
    names: Names,
    phone: RwSignal<Option<UserId>>,
    form: Form,
    open: RwSignal<bool>,
) -> impl IntoView {
    let Made { id, username, gateways } = made;
    let rows = feed::expect()
        .watch::<UserRow>(move || Query::Users(UserQuery { id: Some(id), ..UserQuery::default() }), 1);
    let row = Memo::new(move |_| rows.rows().into_iter().next());
    let expected = model::expected(gateways);
    let steps = Memo::new(move |_| row.get().map_or_else(|| expected.clone(), |row| row.steps));
    let is_ready =
        Memo::new(move |_| row.with(|row| row.as_ref().is_some_and(|row| row.state == UserState::Active)));
    let enrol = move |_| {
        open.set(false);
        phone.set(Some(id));
    };
    let another = move |_| {
        form.begin_anew();
        fields::begin();
    };
    let heading = NodeRef::<leptos::html::P>::new();
    Effect::new(move |_| {
        if let Some(heading) = heading.get() {
            // The field that had the focus is gone with the form.
            let _ = heading.focus();
        }
    });
    view! {
        <div class="dialog-body making" data-progress="" data-id=id.to_string()>
            <p node_ref=heading tabindex="-1">
                {move || steps.with(|steps| model::standing(&username, is_ready.get(), steps))}
            </p>
            <StepPills steps names />
            <p class="sr-only" role="status">{move || steps.with(|steps| model::summary(steps))}</p>
            <FailedSteps user=id steps names may_retry=Signal::stored(true) />
            <div class="dialog-foot">
                <button type="button" class="button" on:click=another>"Create another"</button>
                <button type="button" class="button primary" on:click=enrol>"Enrol phone"</button>
            </div>
        </div>
    }
}
