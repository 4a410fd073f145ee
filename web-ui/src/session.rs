//! Who is signed in here, as far as the page knows; the server knows better and says so at every turn.

use crate::{
    feed::Feed,
    http::{self, Nothing},
};
use leptos::prelude::*;
use viworks_api::operator::{Me, Permission, SignInRequest};
use viworks_web_model::request::Failure;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Not asked yet.
    Unknown,
    Nobody,
    In(Me),
    /// The sign-in has ended by itself or from elsewhere. What the person was doing stays where it is, behind the
    /// sign-in page.
    Ended(Me),
}

/// Copied freely; there is one.
#[derive(Clone, Copy)]
pub struct Session {
    who: RwSignal<Who>,
    feed: Feed,
}

impl Session {
    /// To be made once, at the root.
    pub fn provide() -> Self {
        let session = Self { who: RwSignal::new(Who::Unknown), feed: Feed::new() };
        provide_context(session);
        provide_context(session.feed);
        leptos::task::spawn_local(async move {
            match http::get::<Me>("/v1/operator/me").await {
                Ok(me) => session.enter(me),
                Err(_) => session.who.set(Who::Nobody),
            }
        });
        session
    }

    pub fn who(self) -> Who {
        self.who.get()
    }

    /// Whether somebody is signed in, and no sign-in page stands before the view.
    pub fn is_in(self) -> bool {
        self.who.with(|who| matches!(who, Who::In(_)))
    }

    pub fn me(self) -> Option<Me> {
        self.who.with(|who| match who {
            Who::In(me) | Who::Ended(me) => Some(me.clone()),
            Who::Unknown | Who::Nobody => None,
        })
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
                self.who.set(Who::Nobody);
                Ok(())
            }
        }
    }

    fn enter(self, me: Me) {
        let same = self
            .who
            .with_untracked(|who| matches!(who, Who::Ended(before) if before.operator == me.operator));
        if !same {
            self.feed.forget();
        }
        self.who.set(Who::In(me));
        self.feed.start();
    }

    /// The role or what it may do has changed, as the feed's welcome says.
    pub fn update(self, me: &Me) {
        self.who.update(|who| {
            if let Who::In(known) = who
                && known.operator == me.operator
            {
                *known = me.clone();
            }
        });
    }

    pub fn end(self) {
        self.feed.stop();
        let ended = self.who.get_untracked();
        match ended {
            Who::In(me) => self.who.set(Who::Ended(me)),
            Who::Unknown => self.who.set(Who::Nobody),
            Who::Nobody | Who::Ended(_) => {}
        }
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

pub fn update(me: &Me) {
    if let Some(session) = CURRENT.get() {
        session.update(me);
    }
}

pub fn expect() -> Session {
    expect_context::<Session>()
}
