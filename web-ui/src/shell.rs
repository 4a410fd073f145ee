//! Around every view: the way between them, how live the page is, who is signed in.

pub mod toasts;

use crate::{feed, kit::place, session, views};
use leptos::{prelude::*, task::spawn_local};
use leptos_router::{
    components::{A, Redirect, Route, Routes},
    path,
};

#[component]
pub fn Shell() -> impl IntoView {
    let session = session::expect();
    place::follow_router();
    let mark = feed::expect().mark();
    let name = move || session.me().map(|me| me.name);
    view! {
        <header>
            <nav aria-label="Views">
                <A href="/users">"Users"</A>
                <A href="/sessions">"Sessions"</A>
                <A href="/gateways">"Gateways"</A>
                <A href="/audit">"Audit"</A>
            </nav>
            <span data-live=move || mark.get().word() data-seq=move || mark.get().seq().to_string()>
                {move || mark.get().word()}
            </span>
            <span>{name}</span>
            <button on:click=move |_| spawn_local(async move { drop(session.sign_out().await); })>"Sign out"</button>
        </header>
        <Routes fallback=|| view! { <main><p>"There is nothing here."</p></main> }>
            <Route path=path!("/") view=|| view! { <Redirect path="/sessions" /> } />
            <Route path=path!("/users") view=views::users::Users />
            <Route path=path!("/sessions") view=views::sessions::Sessions />
            <Route path=path!("/gateways") view=views::gateways::Gateways />
            <Route path=path!("/audit") view=views::audit::Audit />
        </Routes>
    }
}
