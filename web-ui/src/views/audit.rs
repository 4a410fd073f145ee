//! The audit: what has happened, as stories of one act each, newest first. It is live at the top and stands still
//! under whoever reads it.

mod entry;
mod filters;
mod people;
mod story;
mod timeline;

pub use entry::{Entry, Findings};
pub use people::People;

use crate::{
    feed,
    kit::{icon::Icon, place},
    views::View,
};
use filters::Filters;
use leptos::prelude::*;
use timeline::Timeline;
use viworks_api::{
    audit::AuditRow,
    feed::{AuditQuery, Query},
};
use viworks_web_model::timeline as model;

/// Entries of the first answer.
const FIRST: u32 = 200;

pub const VIEW: View = View {
    path: "/audit",
    name: "Audit",
    others: "log timeline history events",
    keys: ["g", "a"],
    icon: Icon::Lines,
    draw: || Audit().into_any(),
};

#[component]
fn Audit() -> impl IntoView {
    let query = asked();
    let rows = feed::expect().watch::<AuditRow>(move || Query::Audit(query.get()), FIRST);
    provide_context(People::new());
    let is_filtered = Memo::new(move |_| query.get() != AuditQuery::default());
    view! {
        <main data-view="audit">
            <header class="view-head">
                <h1>"Audit"</h1>
                <Filters query />
            </header>
            <Timeline rows query is_filtered />
        </main>
    }
}

/// What the address asks for.
fn asked() -> Memo<AuditQuery> {
    let user = place::value(model::USER);
    let session = place::value(model::SESSION);
    let correlation = place::value(model::CORRELATION);
    let kind = place::value(model::KIND);
    Memo::new(move |_| {
        model::asked(|name| match name {
            model::USER => user.get(),
            model::SESSION => session.get(),
            model::CORRELATION => correlation.get(),
            _ => kind.get(),
        })
    })
}
