//! One transaction's worth of projecting: what tables write through, and what is written at its end.

use crate::{
    column::{int, json, millis},
    error::ProjectError,
    rows::Topic,
    tables::sessions,
};
use sqlx::{Any, Row as _, Transaction};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use viworks_domain::{
    Millis,
    actor::Actor,
    event::{AggregateKind, AggregateRef},
    ids::{CorrelationId, DeviceId, GatewayId, OperatorId, SessionId, UserId},
};

/// How far behind a feed may fall before it takes a new snapshot.
pub const CHANGES_KEPT: u64 = 50_000;
/// Rows per insert of what is written in bulk: 64 x 11 parameters is far below either database's limit.
const BULK: usize = 64;

/// Which user a session or a phone belongs to; looked up once, then remembered across batches.
#[derive(Debug, Default)]
pub struct Owners {
    sessions: HashMap<SessionId, UserId>,
    devices: HashMap<DeviceId, UserId>,
}

/// Some 100 bytes each.
const OWNERS_REMEMBERED: usize = 50_000;

#[derive(Debug)]
pub struct AuditEntry {
    pub seq: u64,
    pub n: u32,
    pub at: Millis,
    pub correlation: CorrelationId,
    pub actor: Actor,
    pub kind: &'static str,
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub part: bool,
    pub summary: String,
    pub details: serde_json::Value,
}

#[derive(Debug)]
pub struct Batch<'a> {
    pub tx: Transaction<'static, Any>,
    /// What the data keys opened, before the transaction began.
    pub usernames: HashMap<UserId, String>,
    pub owners: &'a mut Owners,
    pub audit: Vec<AuditEntry>,
    /// Rows that this transaction has read or changed; written at its end.
    pub sessions: BTreeMap<SessionId, sessions::Row>,
    /// Something personal was blanked: its old bytes must go from the files too.
    pub erased: bool,
    changes: BTreeSet<(u64, Topic, String)>,
    /// Users whose composite audit row is not what it was, and since when.
    composites: BTreeSet<(u64, UserId)>,
}

/// Runs one statement of the batch: `run!(batch, "..", argument, ..)`.
macro_rules! run {
    ($batch:expr, $sql:expr $(, $argument:expr)* $(,)?) => {
        sqlx::query($sql)$(.bind($argument))*.execute(&mut *$batch.tx).await
    };
}
pub(crate) use run;

impl<'a> Batch<'a> {
    pub fn new(
        tx: Transaction<'static, Any>,
        usernames: HashMap<UserId, String>,
        owners: &'a mut Owners,
    ) -> Self {
        Self {
            tx,
            usernames,
            owners,
            audit: vec![],
            sessions: BTreeMap::new(),
            erased: false,
            changes: BTreeSet::new(),
            composites: BTreeSet::new(),
        }
    }

    pub fn changed(&mut self, seq: u64, topic: Topic, row_id: impl ToString) {
        self.changes.insert((seq, topic, row_id.to_string()));
    }

    pub fn composite_changed(&mut self, seq: u64, user: UserId) {
        self.composites.insert((seq, user));
    }

    pub async fn owner_of_session(&mut self, id: SessionId) -> Result<Option<UserId>, sqlx::Error> {
        if let Some(user) = self.sessions.get(&id).map(|row| row.user) {
            return Ok(Some(user));
        }
        if let Some(user) = self.owners.sessions.get(&id) {
            return Ok(Some(*user));
        }
        let row = sqlx::query("SELECT user_id FROM sessions WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *self.tx)
            .await?;
        let user = owner(row)?;
        if let Some(user) = user {
            if self.owners.sessions.len() >= OWNERS_REMEMBERED {
                self.owners.sessions.clear();
            }
            self.owners.sessions.insert(id, user);
        }
        Ok(user)
    }

    pub async fn owner_of_device(&mut self, id: DeviceId) -> Result<Option<UserId>, sqlx::Error> {
        if let Some(user) = self.owners.devices.get(&id) {
            return Ok(Some(*user));
        }
        let row = sqlx::query("SELECT user_id FROM devices WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&mut *self.tx)
            .await?;
        let user = owner(row)?;
        if let Some(user) = user {
            if self.owners.devices.len() >= OWNERS_REMEMBERED {
                self.owners.devices.clear();
            }
            self.owners.devices.insert(id, user);
        }
        Ok(user)
    }

    /// What a gateway or an operator is called; other aggregates have no name of their own here.
    pub async fn name_of(&mut self, aggregate: AggregateRef) -> Result<Option<String>, sqlx::Error> {
        let query = match aggregate.kind {
            AggregateKind::Gateway => sqlx::query("SELECT name FROM gateways WHERE id = $1")
                .bind(GatewayId(aggregate.id).to_string()),
            AggregateKind::Operator => sqlx::query("SELECT name FROM operators WHERE id = $1")
                .bind(OperatorId(aggregate.id).to_string()),
            _ => return Ok(None),
        };
        query.fetch_optional(&mut *self.tx).await?.map(|row| row.try_get("name")).transpose()
    }

    /// Writes what was gathered, forgets changes that nobody may still want, and commits.
    pub async fn commit(mut self, seq: u64) -> Result<(), ProjectError> {
        sessions::write(&mut self).await?;
        self.write_audit().await?;
        self.find_composites().await?;
        self.write_changes().await?;
        let kept_from = seq.saturating_sub(CHANGES_KEPT);
        if kept_from > 0 {
            run!(self, "DELETE FROM changes WHERE seq < $1", int(kept_from))?;
        }
        self.tx.commit().await?;
        Ok(())
    }

    async fn write_audit(&mut self) -> Result<(), sqlx::Error> {
        const COLUMNS: usize = 11;
        let rows = std::mem::take(&mut self.audit);
        for rows in rows.chunks(BULK) {
            let sql = format!(
                "INSERT INTO audit (seq, n, at, correlation, actor, kind, user_id, session_id, part, summary, \
                 details) VALUES {}",
                placeholders(rows.len(), COLUMNS)
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for row in rows {
                query = query
                    .bind(int(row.seq))
                    .bind(i64::from(row.n))
                    .bind(millis(row.at))
                    .bind(row.correlation.to_string())
                    .bind(json(&row.actor))
                    .bind(row.kind)
                    .bind(row.user.map(|id| id.to_string()))
                    .bind(row.session.map(|id| id.to_string()))
                    .bind(i32::from(row.part))
                    .bind(row.summary.as_str())
                    .bind(row.details.to_string());
            }
            query.execute(&mut *self.tx).await?;
        }
        Ok(())
    }

    /// A composite row is known by its own place in the log, which may be in this batch or long ago.
    async fn find_composites(&mut self) -> Result<(), sqlx::Error> {
        for (seq, user) in std::mem::take(&mut self.composites) {
            let row = sqlx::query(
                "SELECT seq, n FROM audit WHERE user_id = $1 AND kind = 'user.created' ORDER BY seq, n LIMIT 1",
            )
            .bind(user.to_string())
            .fetch_optional(&mut *self.tx)
            .await?;
            if let Some(row) = row {
                let (created, n): (i64, i64) = (row.try_get("seq")?, row.try_get("n")?);
                self.changed(seq, Topic::Audit, format_args!("{created}.{n}"));
            }
        }
        Ok(())
    }

    async fn write_changes(&mut self) -> Result<(), sqlx::Error> {
        let rows = std::mem::take(&mut self.changes).into_iter().collect::<Vec<_>>();
        for rows in rows.chunks(BULK) {
            let sql =
                format!("INSERT INTO changes (seq, topic, row_id) VALUES {}", placeholders(rows.len(), 3));
            let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
            for (seq, topic, row_id) in rows {
                query = query.bind(int(*seq)).bind(topic.as_str()).bind(row_id.as_str());
            }
            query.execute(&mut *self.tx).await?;
        }
        Ok(())
    }
}

/// `($1,$2),($3,$4)`: nothing but numbers goes into the text.
pub fn placeholders(rows: usize, columns: usize) -> String {
    let row = |row: usize| {
        let columns = (1..=columns).map(|column| format!("${}", row * columns + column));
        format!("({})", columns.collect::<Vec<_>>().join(","))
    };
    (0..rows).map(row).collect::<Vec<_>>().join(",")
}

fn owner(row: Option<sqlx::any::AnyRow>) -> Result<Option<UserId>, sqlx::Error> {
    let Some(row) = row else { return Ok(None) };
    let text: String = row.try_get("user_id")?;
    Ok(text.parse().ok())
}
