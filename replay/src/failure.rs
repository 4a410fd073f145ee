//! How a run can end other than well, and with which exit code (those of sysexits.h where one fits).

use std::{error::Error, path::PathBuf};
use viworks_domain::{aggregate::CannotFold, decision::Recorded, event::Unreadable};
use viworks_nats::event_store::ReadError;
use viworks_projections::{OpenError, ProjectError, QueryError};

pub const DIFFERENCES: u8 = 1;
/// EX_USAGE
pub const USAGE: u8 = 64;
/// EX_DATAERR: the log itself cannot be read by this build.
const UNREADABLE: u8 = 65;
/// EX_NOINPUT
const UNKNOWN: u8 = 66;
/// EX_UNAVAILABLE
const UNAVAILABLE: u8 = 69;
/// EX_IOERR
const OUTPUT: u8 = 74;

#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("{}", .0.join("\n"))]
    Usage(Vec<String>),
    #[error("cannot read {}", .0.display())]
    File(PathBuf, #[source] std::io::Error),
    #[error("{} is open to others; run `chmod 600` on it, and renew it if others may have read it", .0.display())]
    TooOpen(PathBuf),
    #[error("{} does not hold {wanted}", .path.display())]
    BadFile { path: PathBuf, wanted: &'static str },
    #[error("the bus cannot be reached")]
    Bus(#[source] Box<dyn Error + Send + Sync>),
    #[error("the bus went away after sequence {0}")]
    WentAway(u64),
    #[error("the log cannot be read now")]
    Away(#[source] ReadError),
    #[error("the log cannot be read")]
    Log(#[source] ReadError),
    #[error("nothing is known under {0}")]
    Unknown(String),
    #[error("there is no database at {0}")]
    NoDatabase(String),
    #[error("nothing has been projected into this database yet")]
    NothingProjected,
    #[error("the database cannot be used")]
    Database(#[source] Box<dyn Error + Send + Sync>),
    #[error("the log cannot be projected")]
    Projecting(#[source] ProjectError),
    #[error("nothing can be written")]
    Output(#[from] std::io::Error),
}

impl Failure {
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::File(..) | Self::TooOpen(_) | Self::BadFile { .. } => USAGE,
            Self::Bus(_) | Self::WentAway(_) | Self::Away(_) | Self::Database(_) => UNAVAILABLE,
            Self::Log(_) | Self::Projecting(_) => UNREADABLE,
            Self::Unknown(_) | Self::NoDatabase(_) | Self::NothingProjected => UNKNOWN,
            Self::Output(_) => OUTPUT,
        }
    }

    /// Whoever read our output has closed it (`| head`): no failure of ours.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Output(error) if error.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// The error with its causes; one that repeats its cause's text says it once.
    pub fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let said = error.to_string();
            if !text.contains(&said) {
                text = format!("{text}: {said}");
            }
            cause = error.source();
        }
        text
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        if error.is_passing() { Self::Away(error) } else { Self::Log(error) }
    }
}

impl From<CannotFold> for Failure {
    fn from(error: CannotFold) -> Self {
        Self::Log(error.into())
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Database(error.into())
    }
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Database(error.into())
    }
}

impl From<ProjectError> for Failure {
    fn from(error: ProjectError) -> Self {
        match error {
            ProjectError::Database(_) | ProjectError::Overtaken { .. } | ProjectError::Keys { .. } => {
                Self::Database(error.into())
            }
            ProjectError::Unreadable { .. }
            | ProjectError::Gap { .. }
            | ProjectError::ForeignDecision { .. }
            | ProjectError::OtherLog { .. }
            | ProjectError::LogIsBehind { .. } => Self::Projecting(error),
        }
    }
}

/// An event that this build cannot read, with its place.
pub const fn unreadable(recorded: &Recorded) -> impl FnOnce(Unreadable) -> CannotFold {
    let seq = recorded.seq;
    move |source| CannotFold::Unreadable { seq, source }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::event::AggregateKind;

    #[test]
    fn an_unknown_version_is_told_with_stream_sequence_and_version_once() {
        let source = Unreadable::UnknownVersion { aggregate: AggregateKind::Session, kind: 14, version: 9 };
        let failure = Failure::from(CannotFold::Unreadable { seq: 812, source });
        assert_eq!(failure.exit_code(), 65);
        let told = failure.told();
        for part in ["VW_EVENTS", "812", "session event 14 version 9"] {
            assert_eq!(told.matches(part).count(), 1, "{part} in {told}");
        }
    }
}
