//! Where the person is, as signals over the address bar; [`viworks_web_model::place`] reads and writes the text.

use leptos::prelude::*;
use leptos_router::{
    NavigateOptions,
    hooks::{use_location, use_navigate},
    location::Location,
};
use std::{cell::RefCell, rc::Rc};
use viworks_web_model::place;
pub use viworks_web_model::place::Panel;

/// How to get to a path, and whether that replaces the history's entry.
type Go = Rc<dyn Fn(&str, bool)>;

thread_local! {
    /// The router's, for event handlers, which have no context of their own.
    static ROUTER: RefCell<Option<(Location, Go)>> = const { RefCell::new(None) };
}

/// To be called once, inside the router.
pub fn follow_router() {
    let navigate = use_navigate();
    let go: Go = Rc::new(move |path: &str, replace| {
        navigate(
            path,
            NavigateOptions { replace, resolve: false, scroll: false, ..NavigateOptions::default() },
        );
    });
    ROUTER.set(Some((use_location(), go)));
}

/// The path; tracked.
pub fn path() -> String {
    with(|location, _| location.pathname.get()).unwrap_or_default()
}

/// A parameter of the address; an empty one counts as none.
pub fn value(name: &'static str) -> Memo<Option<String>> {
    Memo::new(move |_| {
        with(|location, _| location.search.with(|search| place::value(search, name))).flatten()
    })
}

/// Sets a parameter or takes it out. This is no new place: going back leaves the view, not the filter.
pub fn set(name: &'static str, value: Option<String>) {
    change(name, value.as_deref(), true);
}

/// Opens the panel: a new place, which going back leaves.
pub fn open(panel: Panel) {
    change(place::PANEL, Some(&panel.to_string()), false);
}

pub fn close_panel() {
    change(place::PANEL, None, false);
}

pub fn panel() -> Memo<Option<Panel>> {
    let value = value(place::PANEL);
    Memo::new(move |_| value.with(|value| value.as_deref()?.parse().ok()))
}

/// Goes to another place of the console.
pub fn go(address: &str) {
    with(|_, go| Rc::clone(go)).inspect(|go| go(address, false));
}

/// As [`go`], and going back leads to where one was before this place.
pub fn instead(address: &str) {
    with(|_, go| Rc::clone(go)).inspect(|go| go(address, true));
}

/// Another view's address, with a panel open in it if there is one. The path may have parameters.
pub fn address(path: &str, panel: Option<Panel>) -> String {
    let (path, search) = path.split_once('?').unwrap_or((path, ""));
    let panel = panel.map(|panel| panel.to_string());
    place::join(path, &place::with(search, place::PANEL, panel.as_deref()))
}

fn change(name: &str, value: Option<&str>, replace: bool) {
    let changed = with(|location, go| {
        let search = location.search.get_untracked();
        let wanted = place::with(&search, name, value);
        let path = location.pathname.get_untracked();
        (place::with(&search, "", None) != wanted).then(|| (place::join(&path, &wanted), Rc::clone(go)))
    });
    if let Some((address, go)) = changed.flatten() {
        go(&address, replace);
    }
}

fn with<T>(act: impl FnOnce(&Location, &Go) -> T) -> Option<T> {
    ROUTER.with_borrow(|router| router.as_ref().map(|(location, go)| act(location, go)))
}
