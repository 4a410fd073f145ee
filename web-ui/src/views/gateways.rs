use crate::feed;
use leptos::prelude::*;
use viworks_api::{feed::Query, gateway::GatewayRow};

#[component]
pub fn Gateways() -> impl IntoView {
    let rows = feed::expect().watch::<GatewayRow>(|| Query::Gateways, 200);
    view! {
        <main data-view="gateways">
            <ul>{move || rows.rows().into_iter().map(|row| view! { <li>{row.name}</li> }).collect_view()}</ul>
        </main>
    }
}
