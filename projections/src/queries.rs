//! What the API asks. Every page names the sequence that nothing in it is older than.

mod audit;
mod lists;
mod sessions;
mod users;

use crate::{
    batch::CHANGES_KEPT,
    column::Columns,
    database::Database,
    error::QueryError,
    rows::{Change, Topic},
};
use serde::Serialize;
use std::time::Duration;
use viworks_domain::ids::{CorrelationId, GatewayId, SessionId, UserId};

/// Reads only. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Queries {
    database: Database,
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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionFilter {
    /// Not ended, denied or expired.
    pub active: bool,
    pub user: Option<UserId>,
    pub gateway: Option<GatewayId>,
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

/// What a feed has to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changes {
    /// In order; `seq` is how far they reach.
    Since { seq: u64, changes: Vec<Change> },
    /// Too long ago: take a new snapshot.
    Forgotten,
}

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 500;

/// How often the checkpoint is looked at when the projector runs in another process.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

impl Queries {
    pub const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Where the projection stands; 0 before its first decision.
    pub async fn seq(&self) -> Result<u64, QueryError> {
        Ok(self.database.checkpoint().await?.map_or(0, |checkpoint| checkpoint.seq))
    }

    /// Returns as soon as the projection has reached `wanted`: people read their own writes.
    ///
    /// # Errors
    /// [`QueryError::Behind`] when it has not within `patience`.
    pub async fn wait_until(&self, wanted: u64, patience: Duration) -> Result<u64, QueryError> {
        let mut reached = self.database.reached.subscribe();
        let waiting = async {
            loop {
                let told = *reached.borrow_and_update();
                let seq = told.max(self.seq().await?);
                if seq >= wanted {
                    return Ok(seq);
                }
                // Woken at once by a projector in this process, soon enough by one elsewhere.
                let _ = tokio::time::timeout(LOOK_AGAIN, reached.changed()).await;
            }
        };
        match tokio::time::timeout(patience, waiting).await {
            Ok(result) => result,
            Err(_) => Err(QueryError::Behind { wanted, reached: self.seq().await? }),
        }
    }

    /// Up to `limit` changes after `seq` (64 at least: no decision changes as many rows), whole sequences only.
    pub async fn changes_after(&self, seq: u64, limit: u32) -> Result<Changes, QueryError> {
        let limit = limit.max(64);
        let mut tx = self.database.snapshot().await?;
        let head = crate::database::read_checkpoint(&mut tx).await?.map_or(0, |checkpoint| checkpoint.seq);
        // Ahead of the head: the feed last saw a log that has been restored since.
        if seq > head || seq + 1 < head.saturating_sub(CHANGES_KEPT) {
            return Ok(Changes::Forgotten);
        }
        let rows = sqlx::query(
            "SELECT seq, topic, row_id FROM changes WHERE seq > $1 ORDER BY seq, topic, row_id LIMIT $2",
        )
        .bind(crate::column::int(seq))
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *tx)
        .await?;
        tx.rollback().await?;
        let more = rows.len() > limit as usize;
        let mut changes = rows
            .iter()
            .map(|row| {
                let row = Columns(row);
                Ok(Change {
                    seq: row.number("seq")?,
                    topic: row.id::<Topic>("topic")?,
                    row_id: row.text("row_id")?,
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        if !more {
            return Ok(Changes::Since { seq: head, changes });
        }
        // A sequence that is cut in the middle comes with the next call, whole.
        if let Some(cut) = changes.last().map(|change| change.seq)
            && changes.first().is_some_and(|change| change.seq < cut)
        {
            changes.retain(|change| change.seq < cut);
        }
        let reached = changes.last().map_or(seq, |change| change.seq);
        Ok(Changes::Since { seq: reached, changes })
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
