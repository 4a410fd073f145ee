//! The browser's own modal dialog: it keeps the focus inside, and gives it back to where it was.

use crate::{clock, kit::icon::Close, session};
use leptos::{
    ev::{Event, PointerEvent},
    html,
    prelude::*,
    task::spawn_local,
};
use std::{cell::Cell, time::Duration};
use viworks_domain::Millis;

/// The second press of a double click lands on what the first one has opened. Half a second is what most systems
/// take for one.
const DOUBLE_CLICK: Duration = Duration::from_millis(500);

thread_local! {
    /// When a dialog opened last: the uppermost one, which alone is pressed beside.
    static OPENED: Cell<Millis> = const { Cell::new(Millis(0)) };
}

/// The children are built anew each time it opens: no dialog begins with what another one left.
#[component]
pub fn Dialog(
    name: &'static str,
    #[prop(into)] title: Signal<String>,
    open: RwSignal<bool>,
    /// Asked before Escape, the close button or a press beside the dialog closes it; absent, it may.
    #[prop(optional)]
    may_close: Option<Callback<(), bool>>,
    children: ChildrenFn,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let is_away = is_away();
    follow(dialog, open);
    let may_close = move || may_close.is_none_or(|may_close| may_close.run(()));
    let cancel = move |event: Event| {
        if !may_close() {
            event.prevent_default();
        }
    };
    let heading = StoredValue::new(format!("dialog-{name}"));
    view! {
        <dialog
            node_ref=dialog
            data-dialog=name
            aria-labelledby=heading.get_value()
            on:cancel=cancel
            on:close=move |_| {
                if !is_away.get_untracked() {
                    open.set(false);
                }
            }
            on:pointerdown=move |event| {
                if closes(&event, dialog) && may_close() {
                    open.set(false);
                }
            }
        >
            <Show when=move || open.get()>
                <div class="dialog-box">
                    <header class="dialog-head">
                        <h2 id=heading.get_value()>{title}</h2>
                        <button
                            type="button"
                            class="icon-button"
                            aria-label="Close"
                            on:click=move |_| {
                                if may_close() {
                                    open.set(false);
                                }
                            }
                        >
                            <Close />
                        </button>
                    </header>
                    {children()}
                </div>
            </Show>
        </dialog>
    }
}

/// For a dialog that is about something: open while there is something, and nothing once it is closed.
pub fn open_while_some<T: Send + Sync + 'static>(about: RwSignal<Option<T>>) -> RwSignal<bool> {
    let open = RwSignal::new(false);
    let is_some = Memo::new(move |_| about.with(Option::is_some));
    Effect::new(move |_| open.set(is_some.get()));
    Effect::new(move |was: Option<bool>| {
        let is = open.get();
        if was == Some(true) && !is {
            about.set(None);
        }
        is
    });
    open
}

/// The sign-in page stands before everything. A modal dialog would keep it from being used, though nobody sees the
/// dialog; it waits as it is, and opens again when the person is back.
fn is_away() -> Memo<bool> {
    let session = session::expect();
    Memo::new(move |_| !session.is_in())
}

/// Opens and closes the element with the signal. It opens once its children stand, so that `autofocus` finds its
/// field.
pub fn follow(dialog: NodeRef<html::Dialog>, open: RwSignal<bool>) {
    let is_away = is_away();
    Effect::new(move |_| {
        let is_open = open.get() && !is_away.get();
        let Some(element) = dialog.get() else { return };
        if !is_open {
            if element.open() {
                element.close();
            }
            return;
        }
        spawn_local(async move {
            leptos::task::tick().await;
            // The whole shell may be gone by now, when somebody else has signed in.
            let is_wanted =
                open.try_get_untracked() == Some(true) && is_away.try_get_untracked() == Some(false);
            if is_wanted && !element.open() && element.is_connected() {
                // It is on the page and not open: the only two reasons to fail.
                let _ = element.show_modal();
                OPENED.set(clock::now());
            }
        });
    });
}

pub fn close_from_backdrop(event: &PointerEvent, dialog: NodeRef<html::Dialog>) {
    if closes(event, dialog)
        && let Some(element) = dialog.get_untracked()
    {
        element.close();
    }
}

/// Whether this is a press beside the dialog by somebody who has seen it. Where the press began counts: a selection
/// that ends outside closes nothing.
fn closes(event: &PointerEvent, dialog: NodeRef<html::Dialog>) -> bool {
    let is_beside =
        dialog.get_untracked().is_some_and(|element| event.target().as_ref() == Some(element.as_ref()));
    if is_beside {
        event.prevent_default();
    }
    is_beside && clock::now().since(OPENED.get()) > DOUBLE_CLICK
}
