//! Why a command did not do what was asked, and what to do about it; and the exit code that says so to scripts.

use super::shown::Shown;
use crate::{config::BadConfig, init::InitError, state::StateError};
use std::{error::Error, path::PathBuf};
use viworks_api::client::{ApiError, SetupError};

/// sysexits.h.
pub const USAGE: u8 = 64;
pub const UNAVAILABLE: u8 = 69;
pub const INTERNAL: u8 = 70;
pub const CANNOT_CREATE: u8 = 73;
pub const IO: u8 = 74;
pub const TRY_AGAIN: u8 = 75;
pub const NOT_PERMITTED: u8 = 77;
pub const BAD_CONFIG: u8 = crate::config::EXIT_BAD_CONFIG;
/// Refused by a rule: the request was understood, and the answer is no.
pub const REFUSED: u8 = 1;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Api(#[from] ApiError),
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error("you are not signed in")]
    NotSignedIn,
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Config(#[from] BadConfig),
    #[error(transparent)]
    Init(#[from] InitError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("cannot {verb} {}", .path.display())]
    File { verb: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot read the answer that was typed")]
    Input(#[from] std::io::Error),
    #[error("the control plane stopped")]
    Serve(#[source] Box<dyn Error + Send + Sync>),
    #[error("this could not be done on this machine")]
    Desk(#[source] Box<dyn Error + Send + Sync>),
    /// What `doctor` found, shown like an answer.
    #[error("checks failed: {0}")]
    Unsound(usize, Box<Shown>),
}

impl Failure {
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Api(ApiError::Problem(problem)) => match problem.status {
                401 | 403 => NOT_PERMITTED,
                429 | 503 => TRY_AGAIN,
                500.. => UNAVAILABLE,
                _ => REFUSED,
            },
            Self::Api(ApiError::Pending(_) | ApiError::TimedOut) => TRY_AGAIN,
            Self::Api(ApiError::Unreachable(_) | ApiError::NotTrusted(_)) => UNAVAILABLE,
            Self::Api(ApiError::Unintelligible { .. } | ApiError::TooLong) => UNAVAILABLE,
            Self::Api(ApiError::Setup(_)) | Self::Setup(_) | Self::Usage(_) => USAGE,
            Self::NotSignedIn => NOT_PERMITTED,
            Self::Config(_) => BAD_CONFIG,
            Self::Init(InitError::BadOptions(_)) => USAGE,
            Self::Init(_) => CANNOT_CREATE,
            Self::State(_) | Self::File { .. } | Self::Input(_) => IO,
            Self::Serve(_) => INTERNAL,
            Self::Desk(_) => UNAVAILABLE,
            Self::Unsound(..) => REFUSED,
        }
    }

    /// What to do about it, where the text does not say so already.
    pub fn advice(&self) -> Option<String> {
        match self {
            Self::Api(ApiError::Problem(problem)) => problem.detail.clone(),
            Self::Api(ApiError::Pending(pending)) => {
                Some(format!("it was recorded as command {}; look again in a moment", pending.command))
            }
            Self::Api(ApiError::Unreachable(_)) => {
                Some("check the address, and that `viworks serve` is running there".to_owned())
            }
            Self::Api(ApiError::TimedOut) => Some("try again in a moment".to_owned()),
            Self::Api(ApiError::NotTrusted(_)) => {
                Some("sign in again with --ca and the ca.pem of that control plane".to_owned())
            }
            Self::Desk(_) => {
                Some("nats-server and `viworks serve` must be running while this is done".to_owned())
            }
            Self::NotSignedIn => Some("run `viworks signin --url URL --ca FILE --user NAME`".to_owned()),
            _ => None,
        }
    }

    /// The causes below the first text.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = vec![];
        let mut cause = Error::source(self);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        causes
    }

    pub fn code(&self) -> Option<&str> {
        if let Self::Api(error) = self { error.code() } else { None }
    }

    pub fn correlation(&self) -> Option<String> {
        if let Self::Api(error) = self { error.correlation().map(|id| id.to_string()) } else { None }
    }
}
