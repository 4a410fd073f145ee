//! When a letter is text and when it is a command.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use web_sys::{Element, HtmlElement, KeyboardEvent};

/// The key goes into a field, or into a dialog, which has keys of its own.
pub fn is_typing(event: &KeyboardEvent) -> bool {
    let target = event.target().and_then(|target| target.dyn_into::<Element>().ok());
    let in_field = target.is_some_and(|target| {
        let editable = target.dyn_ref::<HtmlElement>().is_some_and(HtmlElement::is_content_editable);
        editable || matches!(target.tag_name().as_str(), "INPUT" | "TEXTAREA" | "SELECT")
    });
    in_field || event.is_composing() || has_dialog()
}

pub fn has_modifier(event: &KeyboardEvent) -> bool {
    event.ctrl_key() || event.meta_key() || event.alt_key()
}

pub fn has_dialog() -> bool {
    is_there("dialog[open]")
}

/// Escape is for the dialog or the menu that lies over the page.
pub fn has_over() -> bool {
    has_dialog() || is_there(":popover-open")
}

fn is_there(css: &str) -> bool {
    document().query_selector(css).is_ok_and(|found| found.is_some())
}
