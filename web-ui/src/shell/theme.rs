//! Light, dark, or as the machine has it; kept in this browser. `theme.js` sets it before the first drawing.

use leptos::prelude::*;

const KEPT: &str = "viworks.theme";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub const fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    fn shown() -> Self {
        let word = document().document_element().and_then(|root| root.get_attribute("data-theme"));
        Self::ALL.into_iter().find(|theme| Some(theme.word()) == word.as_deref()).unwrap_or(Self::System)
    }
}

#[derive(Clone, Copy)]
struct Chosen(RwSignal<Theme>);

/// To be called once, in the shell.
pub fn provide() {
    provide_context(Chosen(RwSignal::new(Theme::shown())));
}

pub fn chosen() -> RwSignal<Theme> {
    expect_context::<Chosen>().0
}

pub fn choose(chosen: RwSignal<Theme>, theme: Theme) {
    chosen.set(theme);
    if let Some(root) = document().document_element() {
        // The name is one that attributes may have.
        let _ = root.set_attribute("data-theme", theme.word());
    }
    if let Ok(Some(storage)) = window().local_storage() {
        // A browser that keeps nothing forgets the choice with the page.
        let _ = match theme {
            Theme::System => storage.remove_item(KEPT),
            Theme::Light | Theme::Dark => storage.set_item(KEPT, theme.word()),
        };
    }
}

/// Three choices, one of them pressed.
#[component]
pub fn ThemeChoice() -> impl IntoView {
    let theme = chosen();
    let choices = Theme::ALL.map(|each| {
        view! {
            <button
                type="button"
                data-theme-choice=each.word()
                aria-pressed=move || (theme.get() == each).to_string()
                on:click=move |_| choose(theme, each)
            >
                {each.title()}
            </button>
        }
    });
    view! { <div class="segments" role="group" aria-label="Theme">{choices.into_iter().collect_view()}</div> }
}
