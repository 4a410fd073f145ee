//! One field for everything: people, sessions, gateways, and what one can do.

mod entry;
mod find;

use super::Over;
use crate::{
    kit::{
        dialog,
        icon::{Icon, Search},
    },
    session,
    shell::theme,
    views::{self, names::Names},
};
use entry::{Act, Entry};
use find::Found;
use leptos::{html, prelude::*};
use viworks_web_model::palette;
use web_sys::KeyboardEvent;

/// What was chosen last stands first while nothing is typed. Kept by the page, not by the browser: names are in it.
const RECENT: usize = 5;

#[component]
pub fn Palette() -> impl IntoView {
    let over = expect_context::<Over>();
    let recent = RwSignal::new(Vec::<Entry>::new());
    Names::expect().when_anew(move || recent.update(Vec::clear));
    let dialog = NodeRef::<html::Dialog>::new();
    dialog::follow(dialog, over.palette);
    view! {
        <dialog
            node_ref=dialog
            data-dialog="palette"
            aria-label="Search and act"
            on:close=move |_| over.palette.set(false)
            on:pointerdown=move |event| dialog::close_from_backdrop(&event, dialog)
        >
            <Show when=move || over.palette.get()>
                <Finder recent />
            </Show>
        </dialog>
    }
}

#[component]
fn Finder(recent: RwSignal<Vec<Entry>>) -> impl IntoView {
    let over = expect_context::<Over>();
    let session = session::expect();
    let chosen_theme = theme::chosen();
    let typed = RwSignal::new(String::new());
    let found = Found::follow(typed.into());
    // The chosen one by its name, so that it stays chosen when answers come in between.
    let chosen = RwSignal::new(None::<String>);
    let entries = Memo::new(move |_| {
        let me = session.me();
        let may = me.as_ref().map(|me| me.may.as_slice()).unwrap_or_default();
        typed.with(|typed| entry::arrange(typed, &recent.get(), &found.get(), may))
    });
    let at = Memo::new(move |_| {
        entries.with(|entries| {
            let named =
                chosen.with(|chosen| entries.iter().position(|entry| Some(&entry.id) == chosen.as_ref()));
            named.or_else(|| (!entries.is_empty()).then_some(0))
        })
    });
    let run = move |entry: Entry| {
        recent.update(|recent| {
            recent.retain(|known| known.id != entry.id);
            recent.insert(0, entry.clone());
            recent.truncate(RECENT);
        });
        over.palette.set(false);
        entry::act(entry.act, over, chosen_theme);
    };
    let move_to = move |to: Option<usize>| {
        chosen.set(to.and_then(|to| entries.with_untracked(|entries| Some(entries.get(to)?.id.clone()))));
        if let Some(to) = to {
            reveal(to);
        }
    };
    let on_key = move |event: KeyboardEvent| {
        let count = entries.with_untracked(Vec::len);
        match event.key().as_str() {
            "ArrowDown" => move_to(palette::step(at.get_untracked(), count, true)),
            "ArrowUp" => move_to(palette::step(at.get_untracked(), count, false)),
            "Enter" if !event.is_composing() => {
                let entry =
                    at.get_untracked().and_then(|at| entries.with_untracked(|all| all.get(at).cloned()));
                entry.into_iter().for_each(run);
            }
            _ => return,
        }
        event.prevent_default();
    };
    let option = move |(n, entry): (usize, Entry)| {
        let is_chosen = move || at.get() == Some(n);
        let (title, about, keys) = (entry.title.clone(), entry.about.clone(), entry.keys);
        let icon = entry.icon.draw();
        view! {
            <div
                role="option"
                id=option_id(n)
                class="palette-option"
                aria-selected=move || is_chosen().to_string()
                on:pointermove=move |_| {
                    if at.get_untracked() != Some(n) {
                        move_to_quietly(chosen, entries, n);
                    }
                }
                on:click=move |_| run(entry.clone())
            >
                {icon}
                <span>{title}</span>
                {(!about.is_empty()).then(|| view! { <span class="about">{about}</span> })}
                {keys.iter().map(|key| view! { <kbd>{*key}</kbd> }).collect_view()}
            </div>
        }
    };
    let groups = move || {
        entry::grouped(entries.get())
            .into_iter()
            .map(|(name, entries)| {
                let heading = format!("palette-{}", name.to_ascii_lowercase());
                let labelled_by = heading.clone();
                view! {
                    <div role="group" aria-labelledby=labelled_by>
                        <div class="palette-group" role="presentation" id=heading>{name}</div>
                        {entries.into_iter().map(option).collect_view()}
                    </div>
                }
            })
            .collect_view()
    };
    let none = move || {
        entries
            .with(Vec::is_empty)
            .then(|| if found.is_asking() { "Searching…" } else { "Nothing is called so." })
    };
    view! {
        <div class="palette">
            <label class="palette-field">
                <Search />
                <span class="sr-only">"Search and act"</span>
                <input
                    type="text" role="combobox" aria-expanded="true" aria-controls="palette-list" aria-autocomplete="list"
                    aria-activedescendant=move || at.get().map(option_id)
                    autofocus autocomplete="off" autocapitalize="none" spellcheck="false"
                    placeholder="Search users, sessions, gateways, or type what to do"
                    on:input=move |event| {
                        typed.set(event_target_value(&event));
                        chosen.set(None);
                    }
                    on:keydown=on_key
                />
            </label>
            <div class="palette-list" id="palette-list" role="listbox" aria-label="Found" tabindex="-1">{groups}</div>
            {move || none().map(|text| view! { <p class="palette-none" role="status">{text}</p> })}
            <p class="palette-foot" aria-hidden="true">
                <span><kbd>"↑"</kbd> " " <kbd>"↓"</kbd> " to choose"</span>
                <span><kbd>"Enter"</kbd> " to do it"</span>
                <span><kbd>"Esc"</kbd> " to leave"</span>
            </p>
        </div>
    }
}

/// By pointing: nothing scrolls under the hand.
fn move_to_quietly(chosen: RwSignal<Option<String>>, entries: Memo<Vec<Entry>>, to: usize) {
    chosen.set(entries.with_untracked(|entries| Some(entries.get(to)?.id.clone())));
}

fn option_id(n: usize) -> String {
    format!("palette-{n}")
}

fn reveal(n: usize) {
    if let Some(option) = document().get_element_by_id(&option_id(n)) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::Nearest);
        option.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// Words that do something, for whoever may.
fn verbs(may: &[viworks_api::operator::Permission]) -> Vec<Entry> {
    use viworks_api::operator::Permission;
    let mut all = Vec::new();
    if may.contains(&Permission::ManageUsers) {
        all.push(
            Entry::new("create", entry::ACTIONS, Icon::Plus, "Create user", Act::Create)
                .known_as("new add person account")
                .keys(&["c"]),
        );
    }
    all.extend(views::ALL.map(|view| {
        let act = Act::Go(view.path.to_owned());
        Entry::new(view.path, entry::ACTIONS, view.icon, format!("Go to {}", view.name), act)
            .known_as(view.others)
            .keys(&view.keys)
    }));
    let ended = Act::Go(format!("{}?show=ended", views::sessions::VIEW.path));
    all.push(
        Entry::new("ended", entry::ACTIONS, Icon::Pulse, "Show ended sessions", ended)
            .known_as("history past"),
    );
    all.extend(theme::Theme::ALL.map(|each| {
        let title = match each {
            theme::Theme::System => "Use the system's theme",
            theme::Theme::Light => "Use the light theme",
            theme::Theme::Dark => "Use the dark theme",
        };
        let icon = match each {
            theme::Theme::System => Icon::Screen,
            theme::Theme::Light => Icon::Sun,
            theme::Theme::Dark => Icon::Moon,
        };
        Entry::new(each.word(), entry::ACTIONS, icon, title, Act::Theme(each))
            .known_as("appearance colours mode")
    }));
    all.push(
        Entry::new("keys", entry::ACTIONS, Icon::Keys, "Show the keyboard's keys", Act::Keys)
            .known_as("shortcuts help")
            .keys(&["?"]),
    );
    all.push(
        Entry::new("leave", entry::ACTIONS, Icon::Leave, "Sign out", Act::Leave).known_as("log out exit"),
    );
    all
}
