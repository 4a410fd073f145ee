//! A projection as text, to compare the one that grew with a fresh fold of the log.

use crate::{
    database::{Checkpoint, Database, read_checkpoint},
    error::QueryError,
    tables::sessions,
};
use serde::Serialize;
use sqlx::Row as _;
use std::collections::BTreeMap;

/// A table with its key columns first.
pub struct Table {
    pub name: &'static str,
    pub keys: usize,
    pub columns: &'static [&'static str],
}

impl Table {
    /// The audit's key is a place in the log; every other one is made of ids and words.
    pub fn has_numbers_for_keys(&self) -> bool {
        self.name == "audit"
    }
}

/// Personal columns: without the data keys a fresh fold cannot know them.
pub const PERSONAL: [(&str, &str); 2] = [("users", "username"), ("users", "search")];

/// Every table but the checkpoint and the bounded changes.
pub const TABLES: &[Table] = &[
    Table {
        name: "users",
        keys: 1,
        columns: &[
            "id",
            "username",
            "search",
            "state",
            "provisioned",
            "policies",
            "gateways",
            "created_at",
            "last_login_at",
            "seq",
        ],
    },
    Table {
        name: "user_steps",
        keys: 2,
        columns: &["user_id", "step", "state", "reason", "attempt", "assigned", "changed_at"],
    },
    Table {
        name: "devices",
        keys: 1,
        columns: &[
            "id",
            "user_id",
            "state",
            "protection",
            "offered_at",
            "enrolled_at",
            "reported_at",
            "verdict",
        ],
    },
    Table {
        name: "policies",
        keys: 1,
        columns: &["id", "name", "version", "state", "document", "changed_at"],
    },
    Table {
        name: "gateways",
        keys: 1,
        columns: &["id", "name", "state", "health", "invited_at", "enrolled_at", "started_at"],
    },
    Table { name: "sessions", keys: 1, columns: &sessions::COLUMNS },
    Table {
        name: "operators",
        keys: 1,
        columns: &["id", "name", "role", "state", "invited_at", "signed_in_at"],
    },
    Table {
        name: "audit",
        keys: 2,
        columns: &[
            "seq",
            "n",
            "at",
            "correlation",
            "actor",
            "kind",
            "user_id",
            "session_id",
            "part",
            "summary",
            "details",
        ],
    },
    Table {
        name: "alerts",
        keys: 2,
        columns: &["kind", "subject", "raised_seq", "raised_at", "resolved_at", "summary"],
    },
];

/// Every row of every table as the checkpoint's moment had them, in memory: for tests. [`crate::Frozen`] compares
/// databases of any size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dump {
    pub checkpoint: Option<Checkpoint>,
    tables: BTreeMap<&'static str, BTreeMap<String, Columns>>,
}

type Columns = Vec<(&'static str, Option<String>)>;

/// One column of one row that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub table: &'static str,
    pub key: String,
    /// None: the whole row is missing on one side.
    pub column: Option<&'static str>,
    pub here: Option<String>,
    pub there: Option<String>,
}

impl Difference {
    /// Of a person: without their data key a fresh fold cannot know it.
    pub fn is_personal(&self) -> bool {
        self.column.is_some_and(|column| PERSONAL.contains(&(self.table, column)))
    }
}

impl Database {
    /// Everything at one moment. `personal`: whether personal columns are compared, for which both sides must
    /// have had the data keys.
    pub async fn dump(&self, personal: bool) -> Result<Dump, QueryError> {
        let mut tx = self.snapshot().await?;
        let checkpoint = read_checkpoint(&mut tx).await?;
        let mut tables = BTreeMap::new();
        for table in TABLES {
            let columns = table
                .columns
                .iter()
                .filter(|column| personal || !PERSONAL.contains(&(table.name, **column)))
                .copied()
                .collect::<Vec<_>>();
            let list = columns.iter().map(|c| format!("CAST({c} AS TEXT) AS {c}")).collect::<Vec<_>>();
            let sql = format!("SELECT {} FROM {}", list.join(", "), table.name);
            let mut rows = BTreeMap::new();
            for row in sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&mut *tx).await? {
                let mut values = Vec::with_capacity(columns.len());
                for (n, column) in columns.iter().enumerate() {
                    let value: Option<String> = row.try_get(n)?;
                    values.push((*column, value));
                }
                let key = values.iter().take(table.keys).filter_map(|(_, value)| value.clone());
                rows.insert(key.collect::<Vec<_>>().join("/"), values);
            }
            tables.insert(table.name, rows);
        }
        tx.rollback().await?;
        Ok(Dump { checkpoint, tables })
    }
}

impl Dump {
    pub fn rows(&self) -> usize {
        self.tables.values().map(BTreeMap::len).sum()
    }

    /// What differs from `other`, in order of table and key; empty when both are equal.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let mut found = vec![];
        for (table, here) in &self.tables {
            let there = other.tables.get(table);
            for (key, columns) in here {
                match there.and_then(|rows| rows.get(key)) {
                    None => found.push(missing(table, key, true)),
                    Some(others) => found.extend(columns.iter().zip(others).filter(|(a, b)| a != b).map(
                        |((column, here), (_, there))| Difference {
                            table,
                            key: key.clone(),
                            column: Some(column),
                            here: here.clone(),
                            there: there.clone(),
                        },
                    )),
                }
            }
            let only_there = there.into_iter().flatten().filter(|(key, _)| !here.contains_key(*key));
            found.extend(only_there.map(|(key, _)| missing(table, key, false)));
        }
        found
    }
}

pub fn missing(table: &'static str, key: &str, is_here: bool) -> Difference {
    let word = |present: bool| Some(if present { "present" } else { "missing" }.to_owned());
    Difference { table, key: key.to_owned(), column: None, here: word(is_here), there: word(!is_here) }
}
