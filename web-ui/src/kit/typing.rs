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
    document().query_selector("dialog[open]").is_ok_and(|open| open.is_some())
}
