//! Which countries this user may come from.

use super::Form;
use leptos::prelude::*;
use std::collections::BTreeSet;
use viworks_domain::policy::Country;
use viworks_web_model::{countries, form::Field};

#[component]
pub fn Countries(form: Form) -> impl IntoView {
    let error = form.error(Field::Countries);
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
            typed.with(|typed| {
                all.iter().filter(|(code, name)| countries::matches(*code, name, typed)).count()
            })
        }
    });
    let list = all
        .into_iter()
        .map(|(country, name)| {
            let is_denied = move || denied.with(|denied| denied.contains(&country));
            // Taking away what should not be there is always possible.
            let is_locked = move || is_denied() && !chosen.with(|chosen| chosen.contains(&country));
            let is_hidden = move || typed.with(|typed| !countries::matches(country, name, typed));
            view! {
                <label class="check" hidden=is_hidden>
                    <input
                        type="checkbox" name="country" value=country.to_string() disabled=is_locked
                        prop:checked=move || chosen.with(|chosen| chosen.contains(&country))
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
    view! {
        <fieldset class="field" class:wrong=move || error.with(Option::is_some) data-field="countries">
            <legend>"Allowed countries"</legend>
            <ul class="chips">{chips}</ul>
            <p class="hint">
                {move || match (form.policy.with(Option::is_some), chosen.with(BTreeSet::is_empty), is_own.get()) {
                    (false, _, _) => "As the policy says. Choose it first.",
                    (true, true, _) => "Every country that the policy does not deny.",
                    (true, false, false) => "As the policy says.",
                    (true, false, true) => "This user's own, in a policy made for them.",
                }}
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
                    autocomplete="off" prop:value=move || typed.get()
                    on:input:target=move |event| typed.set(event.target().value())
                />
            </Show>
            <div class="checks countries" role="group" aria-label="Countries" hidden=move || !is_editable()>{list}</div>
            <p class="hint" role="status">
                {move || (matching.get() == 0).then_some("No country is called that.")}
            </p>
            <p class="error" aria-live="polite">{move || error.get()}</p>
        </fieldset>
    }
}
