//! Moves the read models forward, one transaction at a time.

use crate::{
    batch::{Batch, Owners},
    column::int,
    database::{Checkpoint, Database, advance_checkpoint},
    dump::TABLES,
    error::{ProjectError, QueryError},
    personal::PersonalReader,
    tables,
};
use std::collections::HashMap;
use viworks_domain::{
    aggregate::LogIdentity,
    decision::Recorded,
    event::{AggregateKind, Event as _},
    ids::UserId,
    user,
};

/// Decisions per transaction at most: fast enough, and a reader on the same file never waits long.
pub const BATCH: usize = 2_000;

/// One per database; a second one is noticed by the checkpoint and stops.
#[derive(Debug)]
pub struct Projector<K> {
    database: Database,
    keys: K,
    at: Checkpoint,
    owners: Owners,
}

impl<K: PersonalReader> Projector<K> {
    /// Goes on from the checkpoint, or begins at the log's start.
    ///
    /// # Errors
    /// [`ProjectError::OtherLog`] when the tables are of another log or of this one before it was restored.
    pub async fn open(database: Database, log: LogIdentity, keys: K) -> Result<Self, ProjectError> {
        let database = database.apart();
        sqlx::query(
            "INSERT INTO checkpoint (name, log_id, epoch, seq) VALUES ('main', $1, $2, 0) \
             ON CONFLICT (name) DO NOTHING",
        )
        .bind(log.log_id.to_string())
        .bind(i64::from(log.epoch))
        .execute(&database.pool)
        .await?;
        let at = match database.checkpoint().await {
            Ok(at) => at.unwrap_or(Checkpoint { log, seq: 0 }),
            Err(QueryError::Database(error)) => return Err(ProjectError::Database(error)),
            // A checkpoint that does not read is nobody's.
            Err(_) => return Err(ProjectError::OtherLog { found: log }),
        };
        if at.log != log {
            return Err(ProjectError::OtherLog { found: at.log });
        }
        database.reached.send_replace(at.seq);
        Ok(Self { database, keys, at, owners: Owners::default() })
    }

    /// Empties every table and begins at the log's start.
    pub async fn rebuild(database: Database, log: LogIdentity, keys: K) -> Result<Self, ProjectError> {
        let mut tx = database.apart().pool.begin().await?;
        sqlx::query("DELETE FROM checkpoint").execute(&mut *tx).await?;
        sqlx::query("DELETE FROM changes").execute(&mut *tx).await?;
        for table in TABLES {
            // The table's name is one of a fixed list.
            let sql = format!("DELETE FROM {}", table.name);
            sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&mut *tx).await?;
        }
        tx.commit().await?;
        Self::open(database, log, keys).await
    }

    /// [`Projector::open`], or [`Projector::rebuild`] when the tables are of another log or epoch.
    pub async fn open_or_rebuild(database: Database, log: LogIdentity, keys: K) -> Result<Self, ProjectError>
    where
        K: Clone,
    {
        match Self::open(database.clone(), log, keys.clone()).await {
            Err(ProjectError::OtherLog { found }) => {
                tracing::warn!(?found, ?log, "the projection is of another log: it is built again");
                Self::rebuild(database, log, keys).await
            }
            opened => opened,
        }
    }

    /// Read the log from `checkpoint().seq + 1`.
    pub const fn checkpoint(&self) -> Checkpoint {
        self.at
    }

    /// Projects what is newer than the checkpoint, in order and without gaps, and gives where it stands now.
    /// Whatever another projector on the same database has done meanwhile is left to it. After an error nothing
    /// of the failed transaction is in the tables.
    pub async fn apply(&mut self, recorded: &[Recorded]) -> Result<u64, ProjectError> {
        loop {
            let before = self.at.seq;
            match self.apply_new(recorded).await {
                Err(overtaken @ ProjectError::Overtaken { .. }) => {
                    // Only forward: a checkpoint that went back is somebody building the tables again.
                    if self.resume().await? <= before {
                        return Err(overtaken);
                    }
                }
                result => return result.map(|()| self.at.seq),
            }
        }
    }

    async fn apply_new(&mut self, recorded: &[Recorded]) -> Result<(), ProjectError> {
        let new = recorded.partition_point(|r| r.seq <= self.at.seq);
        for chunk in recorded[new..].chunks(BATCH) {
            self.apply_chunk(chunk).await?;
        }
        Ok(())
    }

    async fn apply_chunk(&mut self, chunk: &[Recorded]) -> Result<(), ProjectError> {
        for (expected, recorded) in (self.at.seq + 1..).zip(chunk) {
            if recorded.seq != expected {
                return Err(ProjectError::Gap { expected, found: recorded.seq });
            }
            let of = &recorded.decision;
            if of.log_id != self.at.log.log_id || of.epoch > self.at.log.epoch {
                return Err(ProjectError::ForeignDecision { seq: recorded.seq, found: of.log_id });
            }
        }
        let Some(last) = chunk.last().map(|r| r.seq) else { return Ok(()) };
        let usernames = self.usernames(chunk).await?;
        let mut tx = self.database.pool.begin().await?;
        advance_checkpoint(&mut tx, self.at, last).await?;
        let mut batch = Batch::new(tx, usernames, &mut self.owners);
        let mut result = Ok(());
        for recorded in chunk {
            result = tables::project(&mut batch, recorded).await;
            if result.is_err() {
                break;
            }
        }
        let erased = batch.erased;
        let committed = match result {
            Ok(()) => batch.commit(last).await,
            Err(error) => Err(error),
        };
        if let Err(error) = committed {
            // What was learned in a transaction that is rolled back was never true.
            self.owners = Owners::default();
            return Err(error);
        }
        self.at.seq = last;
        self.database.reached.send_replace(last);
        if erased {
            self.database.forget_old_pages().await;
        }
        Ok(())
    }

    /// Opens names before the transaction begins: the key store may be slow, and readers do not wait for it.
    async fn usernames(&self, chunk: &[Recorded]) -> Result<HashMap<UserId, String>, ProjectError> {
        let mut usernames = HashMap::new();
        for recorded in chunk.iter().filter(|r| r.decision.aggregate.kind == AggregateKind::User) {
            let user = UserId(recorded.decision.aggregate.id);
            for stored in &recorded.decision.events {
                let event = user::Event::load(stored)
                    .map_err(|source| ProjectError::Unreadable { seq: recorded.seq, source })?;
                let user::Event::Created(created) = event else { continue };
                let key = self.keys.data_key(user).await;
                let key = key.map_err(|source| ProjectError::Keys { user, source })?;
                let Some(key) = key else { continue };
                match created.profile.open(user, &key) {
                    Ok(profile) => {
                        usernames.insert(user, profile.username);
                    }
                    Err(error) => tracing::error!(%user, %error, "a profile does not open"),
                }
            }
        }
        Ok(usernames)
    }
}

impl<K> Projector<K> {
    /// Whether the log still holds what has been projected; `head` is its last sequence. To be asked before
    /// reading on: a log that lost its end would otherwise be waited for until its sequences come again, with
    /// other decisions.
    ///
    /// # Errors
    /// [`ProjectError::LogIsBehind`].
    pub const fn check_head(&self, head: u64) -> Result<(), ProjectError> {
        if self.at.seq > head {
            return Err(ProjectError::LogIsBehind { reached: self.at.seq, head });
        }
        Ok(())
    }

    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Takes up the checkpoint where another projector left it.
    pub async fn resume(&mut self) -> Result<u64, ProjectError> {
        let found =
            sqlx::query("SELECT seq FROM checkpoint WHERE name = 'main' AND log_id = $1 AND epoch = $2")
                .bind(self.at.log.log_id.to_string())
                .bind(i64::from(self.at.log.epoch))
                .fetch_optional(&self.database.pool)
                .await?;
        let Some(row) = found else { return Err(ProjectError::OtherLog { found: self.at.log }) };
        let seq: i64 = sqlx::Row::try_get(&row, "seq")?;
        self.at.seq = u64::try_from(seq).unwrap_or(0);
        self.owners = Owners::default();
        debug_assert!(int(self.at.seq) == seq);
        self.database.reached.send_replace(self.at.seq);
        Ok(self.at.seq)
    }
}
