use crate::feed;
use leptos::prelude::*;
use viworks_api::{
    feed::{Query, UserQuery},
    user::UserRow,
};

#[component]
pub fn Users() -> impl IntoView {
    let rows = feed::expect().watch::<UserRow>(|| Query::Users(UserQuery::default()), 200);
    view! {
        <main data-view="users">
            <ul>{move || rows.rows().into_iter().map(|row| view! { <li>{row.username.unwrap_or_default()}</li> }).collect_view()}</ul>
        </main>
    }
}
