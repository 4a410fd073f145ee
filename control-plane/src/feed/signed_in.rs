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

/// So often the log is asked again, whether or not anybody rang: a hub that cannot read rings nobody. And a wall
/// clock may be set: its distance to the end is not slept in one piece.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// A look that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(10);
/// So many looks in a row may fail, where nobody rang: a bus that restarts closes no feeds, and while it is away
/// nobody can sign out. But another node may have a bus that this one has lost, so with the next one the feed
/// closes, two minutes after the last look that told something at the latest.
const FORGIVEN: u32 = 2;

/// What the log says of a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    SignedIn,
    Over(u16),
    /// It cannot be read now.
    Unknown,
}

/// Waits for the sign-in's end and gives the code to close with. `changed` rings when something of the operator
/// has changed.
pub async fn ended(app: &App, permit: &Permit<Read>, changed: watch::Receiver<()>) -> u16 {
    until_ended(permit.expires_at, changed, clock::now, || look(app, permit)).await
}

async fn until_ended<F: Future<Output = Look>>(
    expires_at: Millis,
    mut changed: watch::Receiver<()>,
    now: impl Fn() -> Millis,
    look: impl Fn() -> F,
) -> u16 {
    // First: it may have ended before anybody could ring for this feed.
    let mut must_know = true;
    let mut failed = 0;
    loop {
        let left = expires_at.since(now());
        if left.is_zero() {
            return close::SIGNED_OUT;
        }
        match tokio::time::timeout(left.min(PATIENCE), look()).await.unwrap_or(Look::Unknown) {
            Look::Over(code) => return code,
            Look::SignedIn => failed = 0,
            Look::Unknown if must_know || failed == FORGIVEN => return close::GOING_AWAY,
            Look::Unknown => failed += 1,
        }
        let left = expires_at.since(now());
        must_know = match tokio::time::timeout(left.min(LOOK_EVERY), changed.changed()).await {
            Ok(Ok(())) => true,
            // The seat is held by whoever waits here.
            Ok(Err(_)) => return close::GOING_AWAY,
            Err(_) => false,
        };
    }
}

async fn look(app: &App, permit: &Permit<Read>) -> Look {
    let Ok(root) = app.fold::<Operator>(permit.operator).await else { return Look::Unknown };
    match root.state.role_of(&permit.token, clock::now()) {
        None => Look::Over(close::SIGNED_OUT),
        // Signed in, but to something else than was promised: the client comes back and is told.
        Some(role) if role != permit.role => Look::Over(close::GOING_AWAY),
        Some(_) => Look::SignedIn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;
    use tokio::time::Instant;

    const HOUR: u64 = 3_600_000;
    const OUT: Look = Look::Over(close::SIGNED_OUT);

    #[tokio::test(start_paused = true)]
    async fn a_feed_is_closed_when_its_sign_in_expires() {
        let (_ring, changed) = watch::channel(());
        let began = Instant::now();
        let now = || Millis(began.elapsed().as_millis() as u64);
        let code = until_ended(Millis(12 * HOUR), changed, now, async || Look::SignedIn).await;
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
        until_ended(Millis(12 * HOUR), changed, now, async || Look::SignedIn).await;
        assert!(began.elapsed() <= LOOK_EVERY);
    }

    #[tokio::test(start_paused = true)]
    async fn what_ended_before_anybody_rang_is_noticed_at_once() {
        let (ring, changed) = watch::channel(());
        let looks = Cell::new(0);
        let look = async || {
            looks.set(looks.get() + 1);
            if looks.get() == 2 { OUT } else { Look::SignedIn }
        };
        let began = Instant::now();
        ring.send_replace(());
        assert_eq!(until_ended(Millis(HOUR), changed, || Millis(0), look).await, close::SIGNED_OUT);
        assert_eq!((looks.get(), began.elapsed()), (2, Duration::ZERO));
    }
    #[tokio::test(start_paused = true)]
    async fn what_ended_without_anybody_ringing_is_noticed_at_the_next_look() {
        let (_ring, changed) = watch::channel(());
        let began = Instant::now();
        let look = async || if began.elapsed().as_secs() >= 40 { OUT } else { Look::SignedIn };
        assert_eq!(until_ended(Millis(HOUR), changed, || Millis(0), look).await, close::SIGNED_OUT);
        assert_eq!(began.elapsed(), 2 * LOOK_EVERY);
    }

    /// When and how a feed closes whose looks tell this, one after the other, the last one from then on.
    async fn closes(said: &[Look], ring: bool) -> (u16, Duration) {
        let (bell, changed) = watch::channel(());
        if ring {
            bell.send_replace(());
        }
        let looks = Cell::new(0);
        let look = async || {
            let told = said[looks.get().min(said.len() - 1)];
            looks.set(looks.get() + 1);
            told
        };
        let began = Instant::now();
        (until_ended(Millis(HOUR), changed, || Millis(0), look).await, began.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_log_that_is_away_for_a_while_closes_nothing_and_for_longer_closes_everything() {
        use Look::{SignedIn as In, Unknown};
        let away = |looks: u32| (close::GOING_AWAY, looks * LOOK_EVERY);
        assert_eq!(closes(&[In, Unknown], false).await, away(FORGIVEN + 1));
        // Each answer counts anew.
        assert_eq!(closes(&[In, Unknown, Unknown, In, Unknown], false).await, away(FORGIVEN + 4));
        // Something is known to have changed, or nothing has been known yet.
        assert_eq!(closes(&[In, Unknown], true).await, away(0));
        assert_eq!(closes(&[Unknown], false).await, away(0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_never_ends_keeps_no_feed_past_its_sign_in() {
        let (_ring, changed) = watch::channel(());
        let began = Instant::now();
        let looks = Cell::new(0);
        let look = async || {
            looks.set(looks.get() + 1);
            if looks.get() > 1 {
                std::future::pending::<()>().await;
            }
            Look::SignedIn
        };
        let now = || Millis(began.elapsed().as_millis() as u64);
        let end = LOOK_EVERY + PATIENCE / 2;
        let code = until_ended(Millis(end.as_millis() as u64), changed, now, look).await;
        assert_eq!((code, began.elapsed()), (close::SIGNED_OUT, end));
    }
}
