//! A feed lives as long as the sign-in that opened it.

use crate::{
    app::App,
    clock,
    http::{Permit, Read},
};
use std::time::Duration;
use tokio::sync::watch;
use viworks_api::feed::close;
use viworks_domain::operator::Operator;

/// A wall clock may be set: its distance to the end is not slept in one piece.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// The log is asked again after this when it was away; a sign-in that cannot be looked at is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the sign-in's end and gives the code to close with. `changed` rings when something of the operator
/// has changed.
pub async fn ended(app: &App, permit: &Permit<Read>, mut changed: watch::Receiver<()>) -> u16 {
    loop {
        // First: it may have ended before anybody rang for this feed.
        if let Some(code) = look(app, permit).await {
            return code;
        }
        loop {
            let left = permit.expires_at.since(clock::now());
            if left.is_zero() {
                return close::SIGNED_OUT;
            }
            match tokio::time::timeout(left.min(LOOK_EVERY), changed.changed()).await {
                Ok(Ok(())) => break,
                // The seat is held by whoever waits here.
                Ok(Err(_)) => return close::GOING_AWAY,
                Err(_) => {}
            }
        }
    }
}

async fn look(app: &App, permit: &Permit<Read>) -> Option<u16> {
    let folding = tokio::time::timeout(PATIENCE, app.fold::<Operator>(permit.operator)).await;
    let Ok(Ok(root)) = folding else { return Some(close::GOING_AWAY) };
    match root.state.role_of(&permit.token, clock::now()) {
        None => Some(close::SIGNED_OUT),
        // Signed in, but to something else than was promised: the client comes back and is told.
        Some(role) if role != permit.role => Some(close::GOING_AWAY),
        Some(_) => None,
    }
}
