//! The last entries of the audit about somebody or something, live.

use super::Part;
use crate::{
    feed,
    live::State,
    views::{audit::Entry, names::Names},
};
use leptos::prelude::*;
use viworks_api::{
    audit::AuditRow,
    feed::{AuditQuery, Query},
};

/// Entries that are shown; the whole is in the audit.
const SHOWN: usize = 20;

/// `whole` is the audit's address with the same question.
#[component]
pub fn Stories(query: AuditQuery, whole: String, names: Names) -> impl IntoView {
    let rows = feed::expect().watch::<AuditRow>(move || Query::Audit(query.clone()), SHOWN as u32);
    rows.stay_short();
    let shown = Memo::new(move |_| rows.ids().iter().take(SHOWN).copied().collect::<Vec<_>>());
    let is_empty = Memo::new(move |_| rows.state() == State::Here && shown.with(Vec::is_empty));
    view! {
        <Part name="audit" title="What has happened">
            <ol class="entries" reversed="">
                <For each=move || shown.get() key=|place| *place let:place>
                    {rows.row(place).map(|row| view! { <Entry row names /> })}
                </For>
            </ol>
            <Show when=move || is_empty.get()>
                <p class="note">"Nothing so far."</p>
            </Show>
            <a class="panel-more" href=whole.clone()>"All of it in the audit"</a>
        </Part>
    }
}
