//! Name, password, policy and gateways.

use super::Form;
use crate::{
    entropy,
    kit::field::{Field as Labelled, Group},
    views::names::Names,
};
use leptos::{prelude::*, task::spawn_local};
use viworks_api::policy::{PolicyState, PolicySummary};
use viworks_domain::ids::GatewayId;
use viworks_web_model::{
    form::{Field, username_problem},
    format,
};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;

/// Puts the focus where the first thing is wrong, once it is marked.
pub fn show_first_error() {
    spawn_local(focus("form.create-user .wrong :is(input, select)"));
}

/// Where the form begins, once it stands: whatever had the focus is gone.
pub fn begin() {
    spawn_local(focus("form.create-user [name=username]"));
}

async fn focus(css: &'static str) {
    leptos::task::tick().await;
    if let Ok(Some(element)) = document().query_selector(css)
        && let Ok(element) = element.dyn_into::<web_sys::HtmlElement>()
    {
        // It is on the page: it was found there.
        let _ = element.focus();
    }
}

#[component]
pub fn Username(form: Form) -> impl IntoView {
    let said = form.error(Field::Username);
    // What can never be a name is said while it is typed; that one is missing, only when it is sent.
    let error = Signal::derive(move || {
        let early = form.draft.with(|draft| match draft.username.trim() {
            "" => None,
            name => username_problem(name).map(str::to_owned),
        });
        early.or_else(|| said.get())
    });
    view! {
        <Labelled label="User name" error>
            <input
                name="username" autocomplete="off" autocapitalize="none" spellcheck="false" autofocus maxlength="64"
                prop:value=move || form.draft.with(|draft| draft.username.clone())
                on:input:target=move |event| form.edit(|draft| draft.username = event.target().value())
            />
        </Labelled>
    }
}

#[component]
pub fn Password(form: Form) -> impl IntoView {
    let (is_shown, is_drawn) = (RwSignal::new(false), RwSignal::new(false));
    // Beside the buttons: a toast would lie behind the dialog, where nobody is told of it.
    let said = RwSignal::new("");
    let generate = move |_| match entropy::password() {
        Some(password) => {
            form.edit(|draft| draft.password = password);
            is_shown.set(true);
            is_drawn.set(true);
            said.set("Pass it on now: it is not shown again.");
        }
        None => said.set("This browser gives no randomness. Think of a password yourself."),
    };
    let copy = move |_| {
        let text = form.draft.with_untracked(|draft| draft.password.clone());
        let promise = window().navigator().clipboard().write_text(&text);
        spawn_local(async move {
            // The form may be gone by now.
            let _ = said.try_set(match JsFuture::from(promise).await {
                Ok(_) => "Copied. Pass it on now: it is not shown again.",
                Err(_) => "The browser did not allow copying. Read it out instead.",
            });
        });
    };
    view! {
        <Labelled label="Initial password" error=form.error(Field::Password)>
            <input
                name="password" type=move || if is_shown.get() { "text" } else { "password" }
                autocomplete="new-password" autocapitalize="none" spellcheck="false"
                prop:value=move || form.draft.with(|draft| draft.password.clone())
                on:input:target=move |event| {
                    is_drawn.set(false);
                    said.set("");
                    form.edit(|draft| draft.password = event.target().value());
                }
            />
        </Labelled>
        <p class="beside">
            <button type="button" class="button" on:click=generate>"Generate"</button>
            <button type="button" class="button" on:click=move |_| is_shown.update(|is| *is = !*is)>
                {move || if is_shown.get() { "Hide" } else { "Show" }}
                <span class="sr-only">" the password"</span>
            </button>
            <Show when=move || is_drawn.get()>
                <button type="button" class="button" on:click=copy>"Copy"</button>
            </Show>
            <span class="hint" role="status">{move || said.get()}</span>
        </p>
    }
}

#[component]
pub fn Policy(form: Form) -> impl IntoView {
    let active = Memo::new(move |_| {
        let mut active = form.choices.with(|choices| {
            let active = choices.policies.iter().filter(|policy| policy.state == PolicyState::Active);
            active.map(|policy| (policy.id, policy.name.clone())).collect::<Vec<_>>()
        });
        active.sort_by(|(one, a), (other, b)| (a, one).cmp(&(b, other)));
        active
    });
    let chosen = Memo::new(move |_| form.draft.with(|draft| draft.policy));
    let has_any = move || active.with(|active| !active.is_empty());
    view! {
        <Labelled label="Policy" error=form.error(Field::Policy)>
            <select
                name="policy"
                on:change:target=move |event| form.edit(|draft| draft.policy = event.target().value().parse().ok())
            >
                <option value="" prop:selected=move || chosen.get().is_none()>
                    {move || if has_any() { "Choose a policy" } else { "None is in force yet" }}
                </option>
                <For each=move || active.get() key=Clone::clone let:policy>
                    <option value=policy.0.to_string() prop:selected=move || chosen.get() == Some(policy.0)>
                        {policy.1}
                    </option>
                </For>
            </select>
        </Labelled>
        <p class="hint">
            {move || match (form.policy.get(), has_any()) {
                (Some(policy), _) => summary(&policy),
                (None, true) => "What this user may reach, when and from where.".into(),
                (None, false) => "Without a policy this user can reach nothing. Give one later.".into(),
            }}
        </p>
    }
}

fn summary(policy: &PolicySummary) -> String {
    let reaches = match policy.resources.as_slice() {
        [] => "Reaches nothing behind the gateway".to_owned(),
        labels => format!("Reaches {}", labels.join(", ")),
    };
    format!("{reaches}; {} at a time.", format::minutes(policy.max_minutes))
}

#[component]
pub fn Gateways(form: Form, names: Names) -> impl IntoView {
    let offered = Memo::new(move |_| form.choices.with(|choices| choices.gateways.clone()));
    let is_chosen = move |id: GatewayId| form.draft.with(|draft| draft.gateways.contains(&id));
    let choose = move |id: GatewayId, wanted: bool| {
        form.edit(|draft| {
            if wanted {
                draft.gateways.insert(id)
            } else {
                draft.gateways.remove(&id)
            };
        });
    };
    view! {
        <Group legend="Gateways" name="gateways" error=form.error(Field::Gateways)>
            <div class="checks">
                <For each=move || offered.get() key=|id| *id let:id>
                    <label class="check">
                        <input
                            type="checkbox" name="gateway" value=id.to_string() prop:checked=move || is_chosen(id)
                            on:change:target=move |event| choose(id, event.target().checked())
                        />
                        <span>{move || names.gateway(id)}</span>
                    </label>
                </For>
            </div>
            <Show when=move || offered.with(Vec::is_empty)>
                <p class="hint">"There is no gateway yet. The user gets one later."</p>
            </Show>
        </Group>
    }
}
