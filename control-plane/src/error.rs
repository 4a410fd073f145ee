//! Why a request is not answered as hoped: the caller's doing, ours, or not known yet. Turned into HTTP in one
//! place, `http::problem`.

use viworks_api::problem::code;
use viworks_domain::{decision::Refused, ids::CommandId};

/// What every route returns. `Fault` is logged with its causes and shown without them.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The aggregate (or the worker, before it) said no.
    #[error("refused: {}", .0.code)]
    Refused(Refused),
    /// The request itself, before any command.
    #[error("{0:?}")]
    Rejected(Rejection),
    /// The body or the query is not of the shape that the route takes; the words are the parser's and repeat no
    /// values.
    #[error("unreadable: {0}")]
    Unreadable(String),
    /// 202: durable, not decided yet.
    #[error("command {0} is not decided yet")]
    Pending(CommandId),
    #[error("{what}")]
    Fault { what: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
}

/// Refusals that no aggregate gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Wrong password and unknown name alike.
    SignIn,
    NotSignedIn,
    Forbidden,
    NotFound,
    /// What was wrong, in words that repeat nothing of the input.
    Malformed(&'static str),
    TooLarge,
    /// Not JSON, or compressed.
    Unsupported,
    Method,
    TooMany,
    /// Somebody else has this user name.
    NameTaken,
    /// `?after=` was not reached in time.
    NotCaughtUp,
    /// The gateway did not admit, or not in time.
    GatewayUnavailable,
    Unavailable,
}

impl Rejection {
    pub const fn code(self) -> &'static str {
        match self {
            Self::SignIn => code::SIGN_IN,
            Self::NotSignedIn => code::NOT_SIGNED_IN,
            Self::Forbidden => code::FORBIDDEN,
            Self::NotFound => code::NOT_FOUND,
            Self::Malformed(_) => code::MALFORMED,
            Self::TooLarge => code::TOO_LARGE,
            Self::Unsupported => code::UNSUPPORTED,
            Self::Method => code::METHOD,
            Self::TooMany => code::TOO_MANY,
            Self::NameTaken => "user.name_taken",
            Self::NotCaughtUp => code::NOT_CAUGHT_UP,
            Self::GatewayUnavailable => "session.gateway_unavailable",
            Self::Unavailable => code::UNAVAILABLE,
        }
    }
}

impl From<Rejection> for ApiError {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl ApiError {
    /// A fault of ours, with what was being done.
    pub fn fault<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
        what: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |source| Self::Fault { what, source: source.into() }
    }
}

impl From<crate::password::Busy> for ApiError {
    fn from(_: crate::password::Busy) -> Self {
        Self::Rejected(Rejection::Unavailable)
    }
}
