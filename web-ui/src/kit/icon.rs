//! The few icons there are, drawn in the text's colour; each stands beside a word or in a button that has a name.

use leptos::prelude::*;

macro_rules! icons {
    ($($(#[$doc:meta])* $name:ident: $($d:literal)+;)+) => {$(
        $(#[$doc])*
        #[component]
        pub fn $name() -> impl IntoView {
            view! {
                <svg
                    class="icon" viewBox="0 0 16 16" width="16" height="16" fill="none" stroke="currentColor"
                    stroke-width="1.5" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"
                >
                    $(<path d=$d />)+
                </svg>
            }
        }
    )+};
}

icons! {
    Close: "M4 4l8 8M12 4l-8 8";
    Search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10z" "M10.8 10.8L14 14";
    People: "M6 7.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z" "M1.5 13.5c0-2.5 2-4 4.5-4s4.5 1.5 4.5 4" "M11 3a2.2 2.2 0 0 1 0 4.3M12.2 9.8c1.4.5 2.3 1.7 2.3 3.7";
    /// Sessions: a line that is up.
    Pulse: "M1.5 8.5h3l2-5.5 3 10 2-4.5h3";
    Gateway: "M2.5 2.5h11v4.5h-11zM2.5 9h11v4.5h-11z" "M5 4.8h.01M5 11.2h.01";
    /// Audit: lines of a log.
    Lines: "M5.5 4h8M5.5 8h8M5.5 12h8" "M2.5 4h.01M2.5 8h.01M2.5 12h.01";
    Plus: "M8 3v10M3 8h10";
    ArrowUp: "M8 13V3M4 7l4-4 4 4";
    Sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6z" "M8 1.5v1M8 13.5v1M1.5 8h1M13.5 8h1M3.4 3.4l.7.7M11.9 11.9l.7.7M12.6 3.4l-.7.7M4.1 11.9l-.7.7";
    Moon: "M13.5 9.5A6 6 0 0 1 6.5 2.5a6 6 0 1 0 7 7z";
    Screen: "M2 3h12v8H2zM6 13.5h4";
    Leave: "M6 2.5H3v11h3M10.5 5l3 3-3 3M13.5 8H6.5";
    Keys: "M1.5 4h13v8h-13z" "M4 6.7h.01M6.7 6.7h.01M9.3 6.7h.01M12 6.7h.01M5 9.5h6";
    Stop: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12z" "M6 6l4 4M10 6l-4 4";
}

/// Which one, where that is a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Icon {
    Gateway,
    Keys,
    Leave,
    Lines,
    Moon,
    People,
    Plus,
    Pulse,
    Screen,
    Stop,
    Sun,
}

impl Icon {
    pub fn draw(self) -> AnyView {
        match self {
            Self::Gateway => Gateway().into_any(),
            Self::Keys => Keys().into_any(),
            Self::Leave => Leave().into_any(),
            Self::Lines => Lines().into_any(),
            Self::Moon => Moon().into_any(),
            Self::People => People().into_any(),
            Self::Plus => Plus().into_any(),
            Self::Pulse => Pulse().into_any(),
            Self::Screen => Screen().into_any(),
            Self::Stop => Stop().into_any(),
            Self::Sun => Sun().into_any(),
        }
    }
}

/// The product's mark.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" width="24" height="24" aria-hidden="true">
            <rect width="32" height="32" rx="8" class="mark-ground" />
            <path
                d="M8 9l8 15 8-15" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round"
                stroke-linejoin="round"
            />
        </svg>
    }
}
