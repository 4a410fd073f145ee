//! What can go wrong between here and the server.

use crate::{Pending, problem::Problem};
use viworks_domain::ids::CorrelationId;

/// A client that cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    #[error("the server's address must look like https://host:port")]
    BadUrl,
    #[error("the CA file does not hold exactly one certificate in PEM")]
    NotOneCertificate,
    #[error("the CA's certificate cannot be used to verify a server")]
    UnusableCa,
    #[error("the CA that the server showed is not the one whose fingerprint you were given")]
    OtherFingerprint,
    #[error("the token is not a token")]
    NotAToken,
    #[error("TLS 1.3 cannot be set up")]
    Tls,
}

/// Why a request has no answer of the kind asked for.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server said no, or that it cannot: its title is for people.
    #[error("{}", .0.title)]
    Problem(Problem),
    /// Durable, but its decision was not known in time. Asking again with the same key is safe.
    #[error("the request is accepted, but its outcome is not known yet")]
    Pending(Pending),
    /// Nothing is known about whether the server saw the request. Asking again with the same key is safe.
    #[error("the server cannot be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the server did not answer in time")]
    TimedOut,
    /// Somebody else answers at this address, or the CA is another server's.
    #[error("the server's certificate is not under the CA you trust")]
    NotTrusted(#[source] rustls::Error),
    #[error("the server's answer (status {status}) is not one this version understands")]
    Unintelligible { status: u16 },
    #[error("the server's answer is longer than any answer should be")]
    TooLong,
    #[error(transparent)]
    Setup(#[from] SetupError),
}

impl ApiError {
    /// The problem's stable code, if the server gave one.
    pub fn code(&self) -> Option<&str> {
        if let Self::Problem(problem) = self { Some(&problem.code) } else { None }
    }

    /// What an administrator finds the log's side under.
    pub const fn correlation(&self) -> Option<CorrelationId> {
        match self {
            Self::Problem(problem) => Some(problem.correlation),
            Self::Pending(pending) => Some(pending.correlation),
            _ => None,
        }
    }

    /// Whether the same request, with the same key, may well get an answer later: nothing about it is wrong.
    pub fn is_worth_asking_again(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TimedOut | Self::Pending(_) => true,
            Self::Problem(problem) => problem.status >= 500,
            _ => false,
        }
    }
}

impl From<reqwest::Error> for ApiError {
    fn from(error: reqwest::Error) -> Self {
        match tls_cause(&error) {
            Some(cause @ rustls::Error::InvalidCertificate(_)) => Self::NotTrusted(cause),
            _ if error.is_timeout() => Self::TimedOut,
            _ => Self::Unreachable(error.without_url()),
        }
    }
}

/// rustls reports through `io::Error`s, whose `source` skips the error they carry.
fn tls_cause(error: &(dyn std::error::Error + 'static)) -> Option<rustls::Error> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return Some(tls.clone());
    }
    match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        Some(carried) => tls_cause(carried),
        None => tls_cause(error.source()?),
    }
}
