use crate::feed;
use leptos::prelude::*;
use viworks_api::{
    feed::{Query, SessionQuery},
    session::SessionRow,
};

#[component]
pub fn Sessions() -> impl IntoView {
    let rows = feed::expect().watch::<SessionRow>(|| Query::Sessions(SessionQuery::default()), 200);
    view! {
        <main data-view="sessions">
            <ul>{move || rows.rows().into_iter().map(|row| view! { <li>{row.username.unwrap_or_default()}</li> }).collect_view()}</ul>
        </main>
    }
}
