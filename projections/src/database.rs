//! The database behind the read models: SQLite by default, PostgreSQL by another URL.

use crate::{
    column::{Columns, int},
    dump::TABLES,
    error::{OpenError, ProjectError, QueryError},
};
use sqlx::{AnyConnection, AnyPool, any::AnyPoolOptions};
use std::{fs, path::Path, sync::Arc, time::Duration};
use tokio::sync::watch;
use viworks_domain::aggregate::LogIdentity;

/// Where a projection stands: nothing in it is older, and nothing newer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub log: LogIdentity,
    /// The last sequence projected; 0 before the first.
    pub seq: u64,
}

/// Cheap to clone; all clones share the pool and know at once when their projector has moved on.
#[derive(Clone, Debug)]
pub struct Database {
    pub(crate) pool: AnyPool,
    /// As [`Database::apart`] has it.
    apart: AnyPool,
    pub(crate) reached: Arc<watch::Sender<u64>>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
}

/// WAL: readers do not wait for the projector. NORMAL: a power cut may lose the last transactions, and then the
/// checkpoint with them; they come again from the log. Erased values are overwritten, not only unlinked.
const SQLITE_PRAGMAS: [&str; 4] = [
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",
    "PRAGMA secure_delete = ON",
    "PRAGMA busy_timeout = 10000",
];

/// For whoever reads pages; more connections than cores only wait for each other.
const CONNECTIONS: u32 = 8;
/// One for the projector, one for the reader of what it has changed: the node lives on these, however many wait
/// for a page.
const APART: u32 = 2;

impl Database {
    /// `sqlite:///path/to/file` (made, with its folder, if it is not there), `sqlite::memory:`, or
    /// `postgres://..`.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        sqlx::any::install_default_drivers();
        let kind = if url.starts_with("postgres") { Kind::Postgres } else { Kind::Sqlite };
        let memory = url.contains(":memory:");
        if kind == Kind::Sqlite && !memory {
            let path = url.trim_start_matches("sqlite:").trim_start_matches("//");
            make_private_file(Path::new(path.split('?').next().unwrap_or(path))).map_err(OpenError::File)?;
        }
        // Each connection to a database in memory would be a database of its own.
        let connections = |most: u32| {
            AnyPoolOptions::new()
                .max_connections(if memory { 1 } else { most })
                .min_connections(u32::from(memory))
                .idle_timeout((!memory).then_some(Duration::from_secs(600)))
                .max_lifetime((!memory).then_some(Duration::from_secs(3600)))
                .after_connect(move |connection, _| Box::pin(async move { prepare(connection, kind).await }))
                .connect(url)
        };
        let pool = connections(CONNECTIONS).await.map_err(OpenError::Database)?;
        bring_up_to_date(&pool, kind).await?;
        let apart =
            if memory { pool.clone() } else { connections(APART).await.map_err(OpenError::Database)? };
        Ok(Self { pool, apart, reached: Arc::new(watch::Sender::new(0)), kind })
    }

    /// The same database, by connections that no page waits for or holds.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { pool: self.apart.clone(), ..self.clone() }
    }

    /// Waits for what runs, then closes every connection.
    pub async fn close(&self) {
        self.pool.close().await;
        self.apart.close().await;
    }

    /// None before the first projector.
    pub async fn checkpoint(&self) -> Result<Option<Checkpoint>, QueryError> {
        let mut connection = self.pool.acquire().await?;
        read_checkpoint(&mut connection).await
    }

    /// What was overwritten still stands in SQLite's write-ahead log until that is emptied. A reader that is in
    /// the way only delays it: the next erasure, or the log's own turn, takes it with it.
    pub(crate) async fn forget_old_pages(&self) {
        if self.kind == Kind::Sqlite {
            let emptied = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&self.pool).await;
            if let Err(error) = emptied {
                tracing::warn!(%error, "the write-ahead log was not emptied after an erasure");
            }
        }
    }

    /// A connection whose reads all see one moment.
    pub(crate) async fn snapshot(&self) -> Result<sqlx::Transaction<'static, sqlx::Any>, sqlx::Error> {
        let mut transaction = self.pool.begin().await?;
        if self.kind == Kind::Postgres {
            sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(&mut *transaction).await?;
        }
        Ok(transaction)
    }
}

/// The tables of another build are dropped and begun anew: the projector fills them from the log.
pub async fn bring_up_to_date(pool: &AnyPool, kind: Kind) -> Result<(), OpenError> {
    use sqlx::migrate::MigrateError as E;
    let schema = sqlx::migrate!("./migrations");
    let mut connection = pool.acquire().await.map_err(OpenError::Database)?;
    match schema.run_direct(None, &mut *connection, false).await {
        Err(E::VersionMismatch(_) | E::VersionMissing(_) | E::Dirty(_) | E::VersionTooNew(..)) => {
            tracing::warn!("the read models are of another build: they are built again");
            drop_tables(&mut connection).await.map_err(OpenError::Database)?;
            schema.run_direct(None, &mut *connection, false).await.map_err(OpenError::Schema)?;
            // PostgreSQL's session keeps the lock of the run that failed; the lock ends with it. Closing the
            // only connection to a database in memory would end that.
            if kind == Kind::Postgres {
                connection.close().await.map_err(OpenError::Database)?;
            }
            Ok(())
        }
        result => result.map_err(OpenError::Schema),
    }
}

async fn drop_tables(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    let mut tx = sqlx::Connection::begin(connection).await?;
    let ours = TABLES.iter().map(|table| table.name).chain(["checkpoint", "changes", "_sqlx_migrations"]);
    for table in ours {
        // The table's name is one of a fixed list.
        sqlx::query(sqlx::AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"))).execute(&mut *tx).await?;
    }
    tx.commit().await
}

async fn prepare(connection: &mut AnyConnection, kind: Kind) -> Result<(), sqlx::Error> {
    if kind == Kind::Sqlite {
        for pragma in SQLITE_PRAGMAS {
            sqlx::query(pragma).execute(&mut *connection).await?;
        }
    }
    Ok(())
}

/// Personal values stand in it: for its owner alone. SQLite gives its side files the same mode.
fn make_private_file(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path).map(drop)
}

pub async fn read_checkpoint(connection: &mut AnyConnection) -> Result<Option<Checkpoint>, QueryError> {
    let row = sqlx::query("SELECT log_id, epoch, seq FROM checkpoint WHERE name = 'main'")
        .fetch_optional(connection)
        .await?;
    row.map(|row| {
        let row = Columns(&row);
        let log = LogIdentity { log_id: row.id("log_id")?, epoch: row.small("epoch")? };
        Ok(Checkpoint { log, seq: row.number("seq")? })
    })
    .transpose()
}

/// The first statement of every projecting transaction: it takes the write lock, and it fails if another
/// projector was here.
pub async fn advance_checkpoint(
    connection: &mut AnyConnection,
    from: Checkpoint,
    to: u64,
) -> Result<(), ProjectError> {
    let moved = sqlx::query(
        "UPDATE checkpoint SET seq = $1 WHERE name = 'main' AND log_id = $2 AND epoch = $3 AND seq = $4",
    )
    .bind(int(to))
    .bind(from.log.log_id.to_string())
    .bind(i64::from(from.log.epoch))
    .bind(int(from.seq))
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 { Ok(()) } else { Err(ProjectError::Overtaken { expected: from.seq }) }
}
