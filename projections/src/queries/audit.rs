use super::{AuditFilter, Moment, Page, PageRequest, page, users, wanted::Wanted};
use crate::{
    column::{Columns, int},
    error::QueryError,
    rows::AuditRow,
};
use serde_json::{Value, json};
use sqlx::AnyConnection;
use std::collections::{HashMap, HashSet};
use viworks_domain::{actor::Actor, ids::OperatorId};

impl Moment {
    /// Newest first. A user's provisioning is one row, `user.created`, whose details hold the steps as they
    /// stand now; by session, correlation or kind everything is listed.
    pub async fn audit(
        &mut self,
        filter: &AuditFilter,
        request: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let limit = request.limit();
        let cursor = match request.cursor()? {
            Some((seq, n)) => Some((seq, n.parse::<i64>().map_err(|_| QueryError::BadCursor)?)),
            None => None,
        };
        let mut wanted = Wanted::default();
        wanted.is("user_id", filter.user);
        wanted.is("session_id", filter.session);
        wanted.is("correlation", filter.correlation);
        wanted.is("kind", filter.kind.as_deref());
        if filter.session.is_none() && filter.correlation.is_none() && filter.kind.is_none() {
            wanted.also("part = 0");
        }
        wanted.before("seq", "n", cursor);
        let rows = entries(&mut self.tx, wanted, Some(limit)).await?;
        Ok(page(self.seq(), rows, limit, |row| format!("{}.{}", row.seq, row.n)))
    }

    /// Those that there are, by their places.
    pub async fn audit_by_place(&mut self, places: &[(u64, u32)]) -> Result<Vec<AuditRow>, QueryError> {
        let mut wanted = Wanted::default();
        wanted.is_one_number_of("seq", places.iter().map(|(seq, _)| int(*seq)));
        let mut rows = entries(&mut self.tx, wanted, None).await?;
        rows.retain(|row| places.contains(&(row.seq, row.n)));
        Ok(rows)
    }
}

async fn entries(
    connection: &mut AnyConnection,
    wanted: Wanted,
    limit: Option<u32>,
) -> Result<Vec<AuditRow>, QueryError> {
    let select = "SELECT seq, n, at, correlation, actor, kind, user_id, session_id, part, summary, details \
                  FROM audit";
    let found = wanted.rows(connection, select, "seq DESC, n DESC", limit).await?;
    let mut rows = found.iter().map(|row| entry(&Columns(row))).collect::<Result<Vec<_>, _>>()?;
    complete(connection, &mut rows).await?;
    Ok(rows)
}

fn entry(row: &Columns<'_>) -> Result<AuditRow, QueryError> {
    Ok(AuditRow {
        seq: row.number("seq")?,
        n: row.small("n")?,
        at: row.time("at")?,
        correlation: row.id("correlation")?,
        actor: row.json("actor")?,
        operator: None,
        kind: row.text("kind")?,
        user: row.maybe_id("user_id")?,
        session: row.maybe_id("session_id")?,
        part: row.flag("part")?,
        summary: row.text("summary")?,
        details: row.json::<Value>("details")?,
    })
}

/// Fills in what composite rows are made of, and what operators are called.
async fn complete(connection: &mut AnyConnection, rows: &mut [AuditRow]) -> Result<(), QueryError> {
    let names = operators(connection, rows).await?;
    for row in rows.iter_mut() {
        row.operator = operator(row).and_then(|id| names.get(&id).cloned());
    }
    let is_composite = |row: &AuditRow| row.kind == "user.created";
    let users = rows.iter().filter(|row| is_composite(row)).filter_map(|row| row.user).collect::<Vec<_>>();
    let steps = users::steps(connection, &users).await?;
    for row in rows.iter_mut().filter(|row| is_composite(row)) {
        let steps = row.user.and_then(|user| steps.get(&user));
        row.details = json!({ "steps": steps.map(Vec::as_slice).unwrap_or_default() });
    }
    Ok(())
}

/// The names of those who acted. Whoever acts was invited before, so each has one.
async fn operators(
    connection: &mut AnyConnection,
    rows: &[AuditRow],
) -> Result<HashMap<OperatorId, String>, QueryError> {
    let mut wanted = Wanted::default();
    wanted.is_one_of("id", rows.iter().filter_map(operator).collect::<HashSet<_>>());
    let found = wanted.rows(connection, "SELECT id, name FROM operators", "id", None).await?;
    found.iter().map(Columns).map(|row| Ok((row.id("id")?, row.text("name")?))).collect()
}

const fn operator(row: &AuditRow) -> Option<OperatorId> {
    let Actor::Operator { id, .. } = row.actor else { return None };
    Some(id)
}
