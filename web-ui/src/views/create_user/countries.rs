//! Which countries this user may come from.

use super::Form;
use crate::kit::field::Group;
use leptos::{ev::KeyboardEvent, html, prelude::*};
use std::collections::BTreeSet;
use viworks_domain::policy::Country;
use viworks_web_model::{countries, form::Field};
use wasm_bindgen::JsCast as _;

#[component]
pub fn Countries(form: Form) -> impl IntoView {
    let typed = RwSignal::new(String::new());
    let may_differ = Memo::new(move |_| form.choices.with(|choices| choices.may_differ));
    let is_editable = move || may_differ.get() && form.policy.with(Option::is_some);
    let is_own = Memo::new(move |_| form.draft.with(|draft| draft.countries.is_some()));
    let chosen = Memo::new(move |_| {
        form.policy.with(|policy| form.draft.with(|draft| draft.shown_countries(policy.as_ref())))
    });
    let denied = Memo::new(move |_| {
        let denied = form.policy.with(|policy| policy.as_ref().map(|policy| policy.countries.deny.clone()));
        denied.unwrap_or_default().into_iter().collect::<BTreeSet<_>>()
    });
    let choose = move |country: Country, wanted: bool| {
        let mut countries = chosen.get_untracked();
        if wanted {
            countries.insert(country)
        } else {
            countries.remove(&country)
        };
        form.edit(|draft| draft.countries = Some(countries));
    };
    let all = countries::all();
    let matching = Memo::new({
        let all = all.clone();
        move |_| {
            let found = |typed: &String| {
                let found = all.iter().filter(|(code, name)| countries::matches(*code, name, typed));
                found.map(|(code, _)| *code).collect::<Vec<_>>()
            };
            typed.with(found)
        }
    });
    // Taking away what should not be there is always possible.
    let is_locked = move |country: Country| {
        denied.with(|denied| denied.contains(&country)) && !chosen.with(|chosen| chosen.contains(&country))
    };
    // One of them takes part in the order of tabs: nobody tabs through two hundred countries.
    let active = RwSignal::new(None::<Country>);
    let stop = Memo::new(move |_| {
        matching.with(|matching| {
            let open = |country: &Country| !is_locked(*country);
            let active = active.get().filter(|active| matching.contains(active) && open(active));
            active.or_else(|| matching.iter().copied().find(open))
        })
    });
    let list_ref = NodeRef::<html::Div>::new();
    let walk = move |event: KeyboardEvent| {
        let matching = matching.get_untracked();
        let open =
            matching.into_iter().filter(|country| !untrack(|| is_locked(*country))).collect::<Vec<_>>();
        let at = stop.get_untracked().and_then(|stop| open.iter().position(|country| *country == stop));
        let to = match (event.key().as_str(), at) {
            ("ArrowDown", Some(at)) => open.get(at + 1),
            ("ArrowUp", Some(at)) => at.checked_sub(1).and_then(|at| open.get(at)),
            ("Home", _) => open.first(),
            ("End", _) => open.last(),
            _ => return,
        };
        event.prevent_default();
        if let Some(country) = to {
            active.set(Some(*country));
            focus(list_ref, *country);
        }
    };
    let enter = move |event: KeyboardEvent| {
        if event.key() == "ArrowDown"
            && let Some(country) = stop.get_untracked()
        {
            event.prevent_default();
            focus(list_ref, country);
        } else if event.key() == "Enter" {
            // It looks for a country; the form is sent from elsewhere.
            event.prevent_default();
        }
    };
    let list = all
        .into_iter()
        .map(|(country, name)| {
            let is_denied = move || denied.with(|denied| denied.contains(&country));
            view! {
                <label class="check" hidden=move || matching.with(|matching| !matching.contains(&country))>
                    <input
                        type="checkbox" name="country" value=country.to_string() disabled=move || is_locked(country)
                        tabindex=move || if stop.get() == Some(country) { "0" } else { "-1" }
                        prop:checked=move || chosen.with(|chosen| chosen.contains(&country))
                        on:focus=move |_| active.set(Some(country))
                        on:change:target=move |event| choose(country, event.target().checked())
                    />
                    <span>{name}</span>
                    <Show when=is_denied><span class="hint">" denied by the policy"</span></Show>
                </label>
            }
        })
        .collect_view();
    let chips = move || {
        chosen
            .get()
            .into_iter()
            .map(|country| {
                let name = countries::name(country);
                view! {
                    <li class="chip">
                        {name.clone()}
                        <button
                            type="button" aria-label=format!("Take {name} away") hidden=move || !is_editable()
                            on:click=move |_| choose(country, false)
                        >
                            "×"
                        </button>
                    </li>
                }
            })
            .collect_view()
    };
    let told = Memo::new(move |_| {
        form.policy.with(|policy| form.draft.with(|draft| draft.countries_told(policy.as_ref())))
    });
    view! {
        <Group legend="Allowed countries" name="countries" error=form.error(Field::Countries)>
            <ul class="chips">{chips}</ul>
            <p class="hint" data-tone=move || told.with(|(tone, _)| tone.word())>
                <span role="status">{move || told.get().1}</span>
                <Show when=move || is_own.get()>
                    " "
                    <button type="button" class="link" on:click=move |_| form.edit(|draft| draft.countries = None)>
                        "As the policy says"
                    </button>
                </Show>
            </p>
            <Show when=is_editable>
                <input
                    type="search" name="country-search" aria-label="Find a country" placeholder="Find a country"
                    autocomplete="off" prop:value=move || typed.get() on:keydown=enter
                    on:input:target=move |event| typed.set(event.target().value())
                />
            </Show>
            <div
                node_ref=list_ref class="checks countries" role="group" aria-label="Countries" on:keydown=walk
                hidden=move || !is_editable()
            >
                {list}
            </div>
            <p class="hint" role="status">
                {move || matching.with(Vec::is_empty).then_some("No country is called that.")}
            </p>
        </Group>
    }
}

fn focus(list: NodeRef<html::Div>, country: Country) {
    let found = list.get_untracked().map(|list| list.query_selector(&format!("[value={country}]")));
    if let Some(Ok(Some(element))) = found
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        // It is on the page: it was found there.
        let _ = element.focus();
    }
}
