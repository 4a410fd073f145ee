use crate::feed;
use leptos::prelude::*;
use viworks_api::{
    audit::AuditRow,
    feed::{AuditQuery, Query},
};

#[component]
pub fn Audit() -> impl IntoView {
    let rows = feed::expect().watch::<AuditRow>(|| Query::Audit(AuditQuery::default()), 200);
    view! {
        <main data-view="audit">
            <ul>{move || rows.rows().into_iter().map(|row| view! { <li>{row.summary}</li> }).collect_view()}</ul>
        </main>
    }
}
