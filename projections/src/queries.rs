//! What the API asks. Every page names the sequence that nothing in it is older than.

mod audit;
mod changes;
mod lists;
mod sessions;
mod users;
mod wanted;

use crate::{
    database::{Checkpoint, Database, read_checkpoint},
    error::QueryError,
    rows::{AuditRow, GatewayRow, PolicyRow, SessionRow, UserRow, UserState},
};
#[cfg(test)]
pub use changes::Changes;
pub use changes::{Changed, ChangedRow, Row};
use serde::Serialize;
use sqlx::{Any, Transaction};
use std::time::Duration;
use tokio::sync::watch;
use viworks_domain::{
    aggregate::LogIdentity,
    ids::{CorrelationId, GatewayId, PolicyId, SessionId, UserId},
};

/// Reads only. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queries {
    pub(crate) database: Database,
}

/// The read models as they were at one sequence: whatever is read here stands together.
#[derive(Debug)]
pub struct Moment {
    tx: Transaction<'static, Any>,
    checkpoint: Option<Checkpoint>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageRequest {
    /// As a page before gave it.
    pub cursor: Option<String>,
    /// 50 unless told, 500 at most.
    pub limit: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Page<Row> {
    /// Nothing here is older than this sequence.
    pub seq: u64,
    pub rows: Vec<Row>,
    /// None on the last page.
    pub next: Option<String>,
}

/// Every condition that is given must hold; so of the other filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserFilter {
    pub id: Option<UserId>,
    /// Part of the name, ASCII letters in any case.
    pub text: Option<String>,
    pub state: Option<UserState>,
    pub policy: Option<PolicyId>,
    pub gateway: Option<GatewayId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    pub id: Option<SessionId>,
    /// `true`: not ended, denied or expired; `false`: one of these.
    pub active: Option<bool>,
    /// Part of the user's name, ASCII letters in any case.
    pub text: Option<String>,
    pub user: Option<UserId>,
    pub gateway: Option<GatewayId>,
    pub policy: Option<PolicyId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub user: Option<UserId>,
    /// With everything that belongs to it.
    pub session: Option<SessionId>,
    /// With everything that belongs to it.
    pub correlation: Option<CorrelationId>,
    /// `<aggregate>.<past tense>`, exactly.
    pub kind: Option<String>,
}

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 500;

/// How often the checkpoint is looked at when the projector runs in another process.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Queries {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// By connections that no page waits for: for whoever reads for everybody.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self::new(self.database.apart())
    }

    /// Where the projection stands; 0 before its first decision.
    pub async fn seq(&self) -> Result<u64, QueryError> {
        Ok(self.database.checkpoint().await?.map_or(0, |checkpoint| checkpoint.seq))
    }

    /// Returns as soon as the projection has reached `wanted`: people read their own writes. What is reached already
    /// is not waited for, however little patience there is.
    ///
    /// # Errors
    /// [`QueryError::Behind`] when it has not within `patience`.
    pub async fn wait_until(&self, wanted: u64, patience: Duration) -> Result<u64, QueryError> {
        let mut reached = self.database.reached.subscribe();
        let waiting = async {
            loop {
                let told = *reached.borrow_and_update();
                if told >= wanted {
                    return Ok(told);
                }
                let seq = self.seq().await?;
                if seq >= wanted {
                    return Ok(seq);
                }
                // Woken at once by a projector in this process, soon enough by one elsewhere.
                let _ = tokio::time::timeout(LOOK_AGAIN, reached.changed()).await;
            }
        };
        match tokio::time::timeout(patience, waiting).await {
            Ok(result) => result,
            Err(_) => match self.seq().await? {
                reached if reached >= wanted => Ok(reached),
                reached => Err(QueryError::Behind { wanted, reached }),
            },
        }
    }

    /// Woken whenever this process's projector has moved on.
    pub fn reached(&self) -> watch::Receiver<u64> {
        self.database.reached.subscribe()
    }

    /// Everything that is read here is of one sequence.
    pub async fn moment(&self) -> Result<Moment, QueryError> {
        let mut tx = self.database.snapshot().await?;
        let checkpoint = read_checkpoint(&mut tx).await?;
        Ok(Moment { tx, checkpoint })
    }

    /// [`Queries::moment`], of this log or of nothing yet.
    ///
    /// # Errors
    /// [`QueryError::OtherLog`] until the projector has emptied the tables of another.
    pub async fn moment_of(&self, log: LogIdentity) -> Result<Moment, QueryError> {
        let moment = self.moment().await?;
        match moment.checkpoint {
            Some(checkpoint) if checkpoint.log != log => Err(QueryError::OtherLog { found: checkpoint.log }),
            _ => Ok(moment),
        }
    }

    pub async fn users(
        &self,
        filter: &UserFilter,
        request: &PageRequest,
    ) -> Result<Page<UserRow>, QueryError> {
        self.moment().await?.users(filter, request).await
    }

    pub async fn user(&self, id: UserId) -> Result<Option<UserRow>, QueryError> {
        Ok(self.moment().await?.users_by_id(&[id]).await?.pop())
    }

    pub async fn sessions(
        &self,
        filter: &SessionFilter,
        request: &PageRequest,
    ) -> Result<Page<SessionRow>, QueryError> {
        self.moment().await?.sessions(filter, request).await
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, QueryError> {
        Ok(self.moment().await?.sessions_by_id(&[id]).await?.pop())
    }

    pub async fn policies(&self, request: &PageRequest) -> Result<Page<PolicyRow>, QueryError> {
        self.moment().await?.policies(request).await
    }

    pub async fn policy(&self, id: PolicyId) -> Result<Option<PolicyRow>, QueryError> {
        Ok(self.moment().await?.policies_by_id(&[id]).await?.pop())
    }

    pub async fn gateways(&self) -> Result<Page<GatewayRow>, QueryError> {
        self.moment().await?.gateways().await
    }

    pub async fn gateway(&self, id: GatewayId) -> Result<Option<GatewayRow>, QueryError> {
        Ok(self.moment().await?.gateways_by_id(&[id]).await?.pop())
    }

    pub async fn audit(
        &self,
        filter: &AuditFilter,
        request: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        self.moment().await?.audit(filter, request).await
    }
}

impl Moment {
    /// Nothing read here is older; 0 before the first decision.
    pub fn seq(&self) -> u64 {
        self.checkpoint.map_or(0, |checkpoint| checkpoint.seq)
    }
}

impl PageRequest {
    fn limit(&self) -> u32 {
        self.limit.unwrap_or(DEFAULT_LIMIT).clamp(1, LARGEST_LIMIT)
    }

    /// `<number>.<text>`: where the page before ended.
    fn cursor(&self) -> Result<Option<(i64, &str)>, QueryError> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let (number, text) = cursor.split_once('.').ok_or(QueryError::BadCursor)?;
        let number = number.parse().map_err(|_| QueryError::BadCursor)?;
        Ok(Some((number, text)))
    }
}

/// One more row than asked for was read: it says whether there is a next page.
fn page<Row>(seq: u64, mut rows: Vec<Row>, limit: u32, cursor: impl Fn(&Row) -> String) -> Page<Row> {
    let more = rows.len() > limit as usize;
    rows.truncate(limit as usize);
    let next = rows.last().filter(|_| more).map(cursor);
    Page { seq, rows, next }
}
