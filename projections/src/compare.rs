//! Two projections compared row by row, each at one moment: a row of either side is in memory at a time, however
//! long the log was.

use crate::{
    database::{Checkpoint, Database, Kind, read_checkpoint},
    dump::{Difference, PERSONAL, TABLES, Table, missing},
    error::QueryError,
};
use futures_util::{TryStreamExt as _, stream::BoxStream};
use sqlx::{Any, Row as _, Transaction, any::AnyRow};
use std::cmp::Ordering;

/// A database as it was when it was frozen: others go on writing, and are not seen.
#[derive(Debug)]
pub struct Frozen {
    tx: Transaction<'static, Any>,
    kind: Kind,
    /// None before the first projector.
    pub checkpoint: Option<Checkpoint>,
}

impl Database {
    pub async fn freeze(&self) -> Result<Frozen, QueryError> {
        let mut tx = self.snapshot().await?;
        let checkpoint = read_checkpoint(&mut tx).await?;
        Ok(Frozen { tx, kind: self.kind, checkpoint })
    }
}

impl Frozen {
    /// Hands over what differs from `other`, in order of table and key, and gives the number of rows compared.
    /// `personal`: whether personal columns are compared, for which both must have had the data keys.
    pub async fn compare(
        &mut self,
        other: &mut Self,
        personal: bool,
        mut found: impl FnMut(Difference),
    ) -> Result<u64, QueryError> {
        let mut compared = 0;
        for table in TABLES {
            compared += self.compare_table(other, table, personal, &mut found).await?;
        }
        Ok(compared)
    }

    async fn compare_table(
        &mut self,
        other: &mut Self,
        table: &'static Table,
        personal: bool,
        found: &mut impl FnMut(Difference),
    ) -> Result<u64, QueryError> {
        let columns: Vec<&'static str> = table
            .columns
            .iter()
            .copied()
            .filter(|column| personal || !PERSONAL.contains(&(table.name, *column)))
            .collect();
        let (these, those) = (select(table, &columns, self.kind), select(table, &columns, other.kind));
        let mut here = Rows::of(sqlx::query(sqlx::AssertSqlSafe(these)).fetch(&mut *self.tx), table);
        let mut there = Rows::of(sqlx::query(sqlx::AssertSqlSafe(those)).fetch(&mut *other.tx), table);
        let (mut a, mut b) = (here.next().await?, there.next().await?);
        let mut compared = 0;
        loop {
            let order = match (&a, &b) {
                (None, None) => return Ok(compared),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(a), Some(b)) => a.key.cmp(&b.key),
            };
            compared += 1;
            match (&a, &b) {
                (Some(a), _) if order.is_lt() => found(missing(table.name, &a.key_text(), true)),
                (_, Some(b)) if order.is_gt() => found(missing(table.name, &b.key_text(), false)),
                (Some(a), Some(b)) => a.differences(b, table, &columns, found),
                (None, _) | (_, None) => {}
            }
            if order.is_le() {
                a = here.next().await?;
            }
            if order.is_ge() {
                b = there.next().await?;
            }
        }
    }
}

/// Every value as text; in the order of the key's own bytes or numbers, whatever the database's language is. The
/// order names the table, because PostgreSQL would otherwise take the text of that name.
fn select(table: &Table, columns: &[&str], kind: Kind) -> String {
    let list: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
    let order: Vec<String> = table.columns[..table.keys]
        .iter()
        .map(|column| match (kind, table.has_numbers_for_keys()) {
            (Kind::Postgres, false) => format!("{}.{column} COLLATE \"C\"", table.name),
            (Kind::Postgres, true) | (Kind::Sqlite, _) => format!("{}.{column}", table.name),
        })
        .collect();
    format!("SELECT {} FROM {} ORDER BY {}", list.join(", "), table.name, order.join(", "))
}

struct Rows<'a> {
    stream: BoxStream<'a, Result<AnyRow, sqlx::Error>>,
    table: &'static Table,
}

impl<'a> Rows<'a> {
    fn of(stream: BoxStream<'a, Result<AnyRow, sqlx::Error>>, table: &'static Table) -> Self {
        Self { stream, table }
    }

    async fn next(&mut self) -> Result<Option<Line>, QueryError> {
        let Some(row) = self.stream.try_next().await? else { return Ok(None) };
        let values: Vec<Option<String>> =
            (0..row.len()).map(|n| row.try_get(n)).collect::<Result<_, sqlx::Error>>()?;
        let key = values.iter().take(self.table.keys).map(|value| {
            let text = value.clone().unwrap_or_default();
            if self.table.has_numbers_for_keys() {
                text.parse().map(Part::Number).map_err(|_| QueryError::Corrupt { column: "key" })
            } else {
                Ok(Part::Text(text))
            }
        });
        let key = key.collect::<Result<_, _>>()?;
        Ok(Some(Line { key, values }))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Number(i64),
    Text(String),
}

struct Line {
    key: Vec<Part>,
    values: Vec<Option<String>>,
}

impl Line {
    fn key_text(&self) -> String {
        let parts = self.key.iter().map(|part| match part {
            Part::Number(number) => number.to_string(),
            Part::Text(text) => text.clone(),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    fn differences(
        &self,
        other: &Self,
        table: &Table,
        columns: &[&'static str],
        found: &mut impl FnMut(Difference),
    ) {
        let pairs = columns.iter().zip(self.values.iter().zip(&other.values));
        for (column, (here, there)) in pairs.filter(|(_, (here, there))| here != there) {
            found(Difference {
                table: table.name,
                key: self.key_text(),
                column: Some(column),
                here: here.clone(),
                there: there.clone(),
            });
        }
    }
}
