use super::{AuditFilter, Page, PageRequest, Queries, page, users};
use crate::{column::Columns, error::QueryError, rows::AuditRow};
use serde_json::{Value, json};
use sqlx::AnyConnection;

impl Queries {
    /// Newest first. A user's provisioning is one row, `user.created`, whose details hold the steps as they
    /// stand now; by session or correlation everything is listed.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        request: &PageRequest,
    ) -> Result<Page<AuditRow>, QueryError> {
        let seq = self.seq().await?;
        let limit = request.limit();
        // Every condition is one of these texts; values are bound.
        let mut conditions = vec!["(seq < $1 OR (seq = $1 AND n < $2))".to_owned()];
        let mut texts = vec![];
        let wanted = [
            ("user_id", filter.user.map(|id| id.to_string())),
            ("session_id", filter.session.map(|id| id.to_string())),
            ("correlation", filter.correlation.map(|id| id.to_string())),
            ("kind", filter.kind.clone()),
        ];
        for (column, value) in wanted {
            if let Some(value) = value {
                texts.push(value);
                conditions.push(format!("{column} = ${}", texts.len() + 3));
            }
        }
        if filter.session.is_none() && filter.correlation.is_none() && filter.kind.is_none() {
            conditions.push("part = 0".to_owned());
        }
        let sql = format!(
            "SELECT seq, n, at, correlation, actor, kind, user_id, session_id, part, summary, details FROM audit \
             WHERE {} ORDER BY seq DESC, n DESC LIMIT $3",
            conditions.join(" AND ")
        );
        let (before, n) = match request.cursor()? {
            Some((seq, n)) => (seq, n.parse().map_err(|_| QueryError::BadCursor)?),
            None => (i64::MAX, 0i64),
        };
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before).bind(n).bind(i64::from(limit) + 1);
        for text in &texts {
            query = query.bind(text.as_str());
        }
        let mut connection = self.database.pool.acquire().await?;
        let found = query.fetch_all(&mut *connection).await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            let mut row = entry(&Columns(row))?;
            complete(&mut connection, &mut row).await?;
            rows.push(row);
        }
        Ok(page(seq, rows, limit, |row| format!("{}.{}", row.seq, row.n)))
    }
}

fn entry(row: &Columns<'_>) -> Result<AuditRow, QueryError> {
    Ok(AuditRow {
        seq: row.number("seq")?,
        n: row.small("n")?,
        at: row.time("at")?,
        correlation: row.id("correlation")?,
        actor: row.json("actor")?,
        kind: row.text("kind")?,
        user: row.maybe_id("user_id")?,
        session: row.maybe_id("session_id")?,
        part: row.flag("part")?,
        summary: row.text("summary")?,
        details: row.json::<Value>("details")?,
    })
}

/// Fills in what a composite row is made of.
async fn complete(connection: &mut AnyConnection, row: &mut AuditRow) -> Result<(), QueryError> {
    if let ("user.created", Some(user)) = (row.kind.as_str(), row.user) {
        let steps = users::steps(connection, user).await?;
        row.details = json!({ "steps": steps });
    }
    Ok(())
}
