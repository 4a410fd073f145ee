//! What can go wrong, by who is asking.

use crate::personal::KeyFault;
use viworks_domain::{
    aggregate::LogIdentity,
    event::Unreadable,
    ids::{LogId, UserId},
};

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database's folder or file cannot be made")]
    File(#[source] std::io::Error),
    #[error("the database cannot be opened")]
    Database(#[source] sqlx::Error),
    #[error("the database's schema cannot be brought up to date; drop it, it is rebuilt from the log")]
    Schema(#[source] sqlx::migrate::MigrateError),
}

/// Why a batch was not projected: nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error("VW_EVENTS sequence {seq}: {source}")]
    Unreadable { seq: u64, source: Unreadable },
    #[error("VW_EVENTS sequence {found} came where {expected} was due")]
    Gap { expected: u64, found: u64 },
    #[error("VW_EVENTS sequence {seq} belongs to another log ({found:?})")]
    ForeignDecision { seq: u64, found: LogId },
    /// These tables are of another log, or of this one before it was restored: rebuild them.
    #[error("the projection is of another log or epoch: {found:?}")]
    OtherLog { found: LogIdentity },
    /// Acknowledged decisions are gone, or the log was restored without raising its epoch.
    #[error(
        "the projection has reached sequence {reached}, but the log ends at {head}: it has lost decisions"
    )]
    LogIsBehind { reached: u64, head: u64 },
    /// Another projector moved the checkpoint: read it again and go on from there.
    #[error("another projector has moved the checkpoint from {expected}")]
    Overtaken { expected: u64 },
    #[error("the key store cannot say whether {user} has a data key")]
    Keys { user: UserId, source: KeyFault },
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}

impl ProjectError {
    /// No connection was free or could be made in time: nothing was begun, and the same call may do better.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::PoolTimedOut))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    #[error("this is not a cursor that was given out")]
    BadCursor,
    /// The projection did not reach the sequence in time: an error, not an old answer.
    #[error("the projection has not reached sequence {wanted} in time; it is at {reached}")]
    Behind { wanted: u64, reached: u64 },
    /// The tables are of another log, or of this one before it was restored; the projector is about to empty them.
    #[error("the projection is of another log or epoch: {found:?}")]
    OtherLog { found: LogIdentity },
    #[error("a stored {column} does not read")]
    Corrupt { column: &'static str },
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
}
