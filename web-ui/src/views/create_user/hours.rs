//! When this user may come, on the policy's clock.

use super::Form;
use crate::kit::field::{Group, Wrong, new_id};
use leptos::prelude::*;
use viworks_web_model::{
    form::{Field, Hours, WEEK},
    words,
};

#[component]
pub fn Windows(form: Form) -> impl IntoView {
    let may_differ = Memo::new(move |_| form.choices.with(|choices| choices.may_differ));
    let is_editable = Signal::derive(move || may_differ.get() && form.policy.with(Option::is_some));
    let is_own = Memo::new(move |_| form.draft.with(|draft| draft.hours.is_some()));
    let hours = Memo::new(move |_| {
        form.policy.with(|policy| form.draft.with(|draft| draft.shown_hours(policy.as_ref())))
    });
    let any_time = Memo::new(move |_| hours.with(Vec::is_empty));
    let edit = move |change: &dyn Fn(&mut Vec<Hours>)| {
        let mut rows = hours.get_untracked();
        change(&mut rows);
        form.edit(|draft| draft.hours = Some(rows));
    };
    let zone = move || form.policy.with(|policy| policy.as_ref().map(|policy| policy.time_zone.clone()));
    let count = Memo::new(move |_| hours.with(Vec::len));
    view! {
        <Group legend="Hours" name="windows" error=form.error(Field::Windows)>
            <p class="hint">
                {move || match (zone(), is_own.get()) {
                    (None, _) => "As the policy says. Choose it first.".to_owned(),
                    (Some(zone), false) => format!("As the policy says, on the clock of {zone}."),
                    (Some(zone), true) => {
                        format!("This user's own, on the clock of {zone}, in a policy made for them.")
                    }
                }}
                <Show when=move || is_own.get()>
                    " "
                    <button type="button" class="link" on:click=move |_| form.edit(|draft| draft.hours = None)>
                        "As the policy says"
                    </button>
                </Show>
            </p>
            <fieldset class="bare" disabled=move || !is_editable.get() hidden=move || form.policy.with(Option::is_none)>
                <label class="check">
                    <input
                        type="checkbox" name="any-time" prop:checked=move || any_time.get()
                        on:change:target=move |event| {
                            let any = event.target().checked();
                            edit(&|rows| *rows = if any { Vec::new() } else { vec![Hours::working()] });
                        }
                    />
                    <span>"Any time"</span>
                </label>
                <For each=move || 0..count.get() key=|row| *row let:row>
                    <Row form row hours />
                </For>
                <button
                    type="button" class="button" hidden=move || any_time.get() || !is_editable.get()
                    on:click=move |_| edit(&|rows| rows.push(Hours::beside(rows)))
                >
                    "Add hours"
                </button>
            </fieldset>
        </Group>
    }
}

#[component]
fn Row(form: Form, row: usize, hours: Memo<Vec<Hours>>) -> impl IntoView {
    let (error, error_id) = (form.error(Field::Hours(row)), new_id());
    let described_by = error_id.clone();
    let this = Memo::new(move |_| hours.with(|rows| rows.get(row).cloned()));
    let edit = move |change: &dyn Fn(&mut Hours)| {
        let mut rows = hours.get_untracked();
        if let Some(this) = rows.get_mut(row) {
            change(this);
            form.edit(|draft| draft.hours = Some(rows));
        }
    };
    let days = WEEK.map(|day| {
        let is_on = move || this.with(|this| this.as_ref().is_some_and(|this| this.days.contains(&day)));
        view! {
            <label class="day">
                <input
                    type="checkbox" name="day" value=words::of(&day) prop:checked=is_on
                    on:change:target=move |event| {
                        let wanted = event.target().checked();
                        edit(&|this| {
                            if wanted { this.days.insert(day) } else { this.days.remove(&day) };
                        });
                    }
                />
                <span>{words::weekday(day)}</span>
            </label>
        }
    });
    let from = move || this.with(|this| this.as_ref().map(|this| this.from.clone()).unwrap_or_default());
    let to = move || this.with(|this| this.as_ref().map(|this| this.to.clone()).unwrap_or_default());
    let note = move || {
        this.with(|this| this.as_ref().is_some_and(Hours::ends_next_day)).then_some("until the next morning")
    };
    // The last row has no such button: nothing left would mean any time.
    let is_only = move || hours.with(|rows| rows.len() < 2);
    let remove = move |_| {
        let mut rows = hours.get_untracked();
        if row < rows.len() {
            rows.remove(row);
            form.edit(|draft| draft.hours = Some(rows));
        }
    };
    view! {
        <div
            class="hours" class:wrong=move || error.with(Option::is_some) role="group"
            aria-label=format!("Hours {}", row + 1) aria-describedby=described_by
        >
            <span class="days">{days}</span>
            <span class="times">
                <input
                    type="time" name="from" aria-label="From" prop:value=from
                    on:input:target=move |event| {
                        let text = event.target().value();
                        edit(&|this| this.from.clone_from(&text));
                    }
                />
                <span aria-hidden="true">"–"</span>
                <input
                    type="time" name="to" aria-label="To" prop:value=to
                    on:input:target=move |event| {
                        let text = event.target().value();
                        edit(&|this| this.to.clone_from(&text));
                    }
                />
                <button type="button" class="link" hidden=is_only aria-label=format!("Remove hours {}", row + 1) on:click=remove>
                    "Remove"
                </button>
                <span class="hint">{note}</span>
            </span>
            <Wrong id=error_id error />
        </div>
    }
}
