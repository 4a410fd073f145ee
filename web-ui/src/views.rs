//! One file per view: what it asks, what it shows, what one can do there; and its [`View`], from which menu, routes,
//! keys, palette and titles are made.

pub mod act;
pub mod audit;
mod create_user;
pub mod filters;
pub mod gateways;
pub mod names;
pub mod panel;
mod phone;
pub mod receipts;
pub mod sessions;
mod steps;
pub mod terminate;
pub mod users;

use crate::kit::icon::Icon;
use leptos::prelude::AnyView;

/// What the shell knows of a view.
pub struct View {
    pub path: &'static str,
    pub name: &'static str,
    /// What it is called besides, in the palette.
    pub others: &'static str,
    /// What leads there from anywhere, one after the other.
    pub keys: [&'static str; 2],
    pub icon: Icon,
    pub draw: fn() -> AnyView,
}

/// In the menu's order.
pub const ALL: [&View; 4] = [&users::VIEW, &sessions::VIEW, &gateways::VIEW, &audit::VIEW];

/// Where one comes who names no place.
pub const FIRST: &View = &sessions::VIEW;

pub fn at(path: &str) -> Option<&'static View> {
    ALL.into_iter().find(|view| view.path == path)
}
