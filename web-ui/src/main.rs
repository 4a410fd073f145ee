//! The administrators' console: one page in the browser, live over one WebSocket.
//!
//! It shows what the control plane tells it and asks for what a person wants. It never holds a secret beyond the
//! form in which it was typed, never decides what a role may do, and talks to nothing but its own origin.

mod clock;
mod entropy;

// What the page knows and asks.
mod feed;
mod http;
mod live;
mod session;

// What it is made of.
mod app;
mod kit;
mod shell;
mod sign_in;
mod views;

fn main() {
    leptos::mount::mount_to_body(app::App);
}
