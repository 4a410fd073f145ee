//! A feed lives as long as the sign-in that opened it.

use crate::{
    app::App,
    clock,
    http::{Permit, Read},
};
use std::time::Duration;
use tokio::sync::watch;
use viworks_api::feed::close;
use viworks_domain::{Millis, operator::Operator};

/// A wall clock may be set: its distance to the end is not slept in one piece.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A sign-in that cannot be looked at for so long is none.
const PATIENCE: Duration = Duration::from_secs(10);

/// Waits for the sign-in's end and gives the code to close with. `changed` rings when something of the operator
/// has changed.
pub async fn ended(app: &App, permit: &Permit<Read>, changed: watch::Receiver<()>) -> u16 {
    until_ended(permit.expires_at, changed, clock::now, || look(app, permit)).await
}

async fn until_ended<F: Future<Output = Option<u16>>>(
    expires_at: Millis,
    mut changed: watch::Receiver<()>,
    now: impl Fn() -> Millis,
    look: impl Fn() -> F,
) -> u16 {
    loop {
        // First: it may have ended before anybody rang for this feed.
        if let Some(code) = look().await {
            return code;
        }
        loop {
            let left = expires_at.since(now());
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::time::Instant;

    const HOUR: u64 = 3_600_000;

    #[tokio::test(start_paused = true)]
    async fn a_feed_is_closed_when_its_sign_in_expires() {
        let (_ring, changed) = watch::channel(());
        let began = Instant::now();
        let now = || Millis(began.elapsed().as_millis() as u64);
        let code = until_ended(Millis(12 * HOUR), changed, now, async || None).await;
        assert_eq!(code, close::SIGNED_OUT);
        assert_eq!(began.elapsed().as_secs(), 12 * 3600);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_set_forward_ends_it_soon_after() {
        let (_ring, changed) = watch::channel(());
        let began = Instant::now();
        let ahead = |passed: u64| if passed >= 1_000 { 24 * HOUR } else { 0 };
        let now = || {
            let passed = began.elapsed().as_millis() as u64;
            Millis(passed + ahead(passed))
        };
        until_ended(Millis(12 * HOUR), changed, now, async || None).await;
        assert!(began.elapsed() <= LOOK_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ended_before_anybody_rang_is_noticed_at_once() {
        let (ring, changed) = watch::channel(());
        let looks = Cell::new(0);
        let look = async || {
            looks.set(looks.get() + 1);
            (looks.get() == 2).then_some(close::SIGNED_OUT)
        };
        let began = Instant::now();
        ring.send_replace(());
        assert_eq!(until_ended(Millis(HOUR), changed, || Millis(0), look).await, close::SIGNED_OUT);
        assert_eq!((looks.get(), began.elapsed()), (2, Duration::ZERO));
    }
}
