//! What the server knows by the letters that were typed.

use super::entry::GATEWAY;
use crate::http;
use gloo_timers::future::TimeoutFuture;
use leptos::{prelude::*, task::spawn_local};
use serde::de::DeserializeOwned;
use viworks_api::{Page, gateway::GatewayRow, session::SessionRow, user::UserRow};
use viworks_web_model::{palette, request};

/// Somebody who types on is not asked for.
const PAUSE_MS: u32 = 120;
/// Of each kind.
const MOST: &str = "5";

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Things {
    pub users: Vec<UserRow>,
    pub sessions: Vec<SessionRow>,
    pub gateways: Vec<GatewayRow>,
}

/// Copied freely.
#[derive(Clone, Copy)]
pub struct Found {
    things: RwSignal<Things>,
    asking: RwSignal<bool>,
}

impl Found {
    pub fn follow(typed: Signal<String>) -> Self {
        let found = Self { things: RwSignal::new(Things::default()), asking: RwSignal::new(false) };
        let gateways = RwSignal::new(None::<Vec<GatewayRow>>);
        Effect::new(move |_| {
            let text = typed.with(|typed| typed.trim().to_owned());
            if text.is_empty() {
                found.things.set(Things::default());
                found.asking.set(false);
                return;
            }
            found.asking.set(true);
            spawn_local(async move {
                TimeoutFuture::new(PAUSE_MS).await;
                // Closed, or typed on.
                let is_wanted = || typed.try_with_untracked(|typed| typed.trim() == text) == Some(true);
                if !is_wanted() {
                    return;
                }
                // A palette that finds less because one question failed is still one.
                let users = rows::<UserRow>("/v1/users", &text, &[]).await.unwrap_or_default();
                let sessions = rows::<SessionRow>("/v1/sessions", &text, &[("active", "true")]).await;
                let sessions = sessions.unwrap_or_default();
                // They are few, and asked for until they have once been told.
                let known = match gateways.try_get_untracked().flatten() {
                    Some(known) => Some(known),
                    None => rows::<GatewayRow>("/v1/gateways", "", &[]).await,
                };
                let _ = gateways.try_set(known.clone());
                let known = known.unwrap_or_default();
                let gateways = palette::rank(&text, known, |gateway| (&gateway.name, GATEWAY));
                if is_wanted() {
                    let _ = found.things.try_set(Things { users, sessions, gateways });
                    let _ = found.asking.try_set(false);
                }
            });
        });
        found
    }

    pub fn get(self) -> Things {
        self.things.get()
    }

    pub fn is_asking(self) -> bool {
        self.asking.get()
    }
}

async fn rows<R: DeserializeOwned>(path: &str, text: &str, more: &[(&str, &str)]) -> Option<Vec<R>> {
    let mut pairs = more.iter().map(|(name, value)| (*name, (*value).to_owned())).collect::<Vec<_>>();
    if !text.is_empty() {
        pairs.extend([("text", text.to_owned()), ("limit", MOST.to_owned())]);
    }
    http::get::<Page<R>>(&request::address(path, &pairs)).await.ok().map(|page| page.rows)
}
