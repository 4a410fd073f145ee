//! Who is signed in here, as far as the page knows; the server knows better and says so at every turn.

use crate::{
    feed::Feed,
    http::{self, Nothing},
};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use viworks_api::operator::{Me, Permission, SignInRequest};
pub use viworks_web_model::sign_in::Who;
use viworks_web_model::{
    request::Failure,
    sign_in::{Held, SignIn},
};

/// Between two questions who is signed in, while nobody answers them.
const ASKED_AGAIN_MS: u32 = 3_000;

/// Copied freely; there is one.
#[derive(Clone, Copy)]
pub struct Session {
    signed: RwSignal<SignIn>,
    feed: Feed,
}

impl Session {
    /// To be made once, at the root.
    pub fn provide() -> Self {
        let session = Self { signed: RwSignal::new(SignIn::default()), feed: Feed::new() };
        provide_context(session);
        provide_context(session.feed);
        leptos::task::spawn_local(async move {
            loop {
                match http::get::<Me>("/v1/operator/me").await {
                    Ok(me) => return session.enter(me),
                    Err(why) => session.signed.update(|signed| signed.not_told(&why)),
                }
                if session.signed.with_untracked(|signed| *signed.who() != Who::Unanswered) {
                    return;
                }
                TimeoutFuture::new(ASKED_AGAIN_MS).await;
            }
        });
        session
    }

    pub fn who(self) -> Who {
        self.signed.with(|signed| signed.who().clone())
    }

    /// Whether somebody is signed in, and no sign-in page stands before the view.
    pub fn is_in(self) -> bool {
        self.signed.with(|signed| matches!(signed.who(), Who::In(_)))
    }

    pub fn me(self) -> Option<Me> {
        self.signed.with(|signed| signed.me().cloned())
    }

    pub fn may(self, permission: Permission) -> bool {
        self.me().is_some_and(|me| me.may.contains(&permission))
    }

    /// # Errors
    /// A wrong name or password, or the server is away.
    pub async fn sign_in(self, name: String, password: String) -> Result<(), Failure> {
        let me = http::post::<_, Me>("/v1/console/sign-in", &SignInRequest { name, password }).await?;
        self.enter(me);
        Ok(())
    }

    /// Leaves at once; the server is told, and the cookie goes with its answer.
    ///
    /// # Errors
    /// The server is away: the sign-in has not ended.
    pub async fn sign_out(self) -> Result<(), Failure> {
        let told = http::post::<_, serde_json::Value>("/v1/console/sign-out", &Nothing {}).await;
        match told {
            Err(failure) if !failure.is_signed_out() => Err(failure),
            _ => {
                self.feed.stop();
                self.feed.forget();
                self.signed.update(SignIn::leave);
                Ok(())
            }
        }
    }

    fn enter(self, me: Me) {
        if self.signed.try_update(|signed| signed.enter(me)) == Some(Held::Goes) {
            self.feed.forget();
        }
        self.feed.start();
    }

    /// The feed's welcome says whose it is, and what they may now.
    pub fn update(self, me: &Me) {
        if self.signed.try_update(|signed| signed.welcome(me)) == Some(Held::Goes) {
            // From its beginning, for the shell of whoever it is.
            self.feed.stop();
            self.feed.forget();
            self.feed.start();
        }
    }

    pub fn end(self) {
        self.feed.stop();
        self.signed.update(SignIn::end);
    }
}

thread_local! {
    /// For what is no component: a fetch or the feed that is told that nobody is signed in.
    static CURRENT: std::cell::Cell<Option<Session>> = const { std::cell::Cell::new(None) };
}

pub fn remember(session: Session) {
    CURRENT.set(Some(session));
}

/// For event handlers of what is no component.
pub fn current() -> Option<Session> {
    CURRENT.get()
}

/// The server has said that nobody is signed in.
pub fn ended() {
    if let Some(session) = CURRENT.get() {
        session.end();
    }
}

/// Which sign-in a question is asked in that is asked now.
pub fn nth() -> u32 {
    CURRENT.get().map_or(0, |session| session.signed.with_untracked(SignIn::nth))
}

/// As [`ended`], in answer to a question that was asked in that sign-in.
pub fn refused(asked_in: u32) {
    if let Some(session) = CURRENT.get()
        && session.signed.with_untracked(|signed| signed.is_ended_by(asked_in))
    {
        session.end();
    }
}

pub fn update(me: &Me) {
    if let Some(session) = CURRENT.get() {
        session.update(me);
    }
}

pub fn expect() -> Session {
    expect_context::<Session>()
}
