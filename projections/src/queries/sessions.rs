use super::{Page, PageRequest, Queries, SessionFilter, page};
use crate::{
    column::Columns,
    error::QueryError,
    rows::SessionRow,
    tables::sessions::{Row, select},
};
use sqlx::any::AnyRow;
use viworks_domain::ids::SessionId;

/// With the names that people know.
fn select_named() -> String {
    format!(
        "SELECT {}, username, gateways.name AS gateway_name FROM sessions \
         LEFT JOIN users ON users.id = sessions.user_id \
         LEFT JOIN gateways ON gateways.id = sessions.gateway_id",
        select()
    )
}

impl Queries {
    /// Newest first.
    pub async fn sessions(
        &self,
        filter: SessionFilter,
        request: &PageRequest,
    ) -> Result<Page<SessionRow>, QueryError> {
        let seq = self.seq().await?;
        let limit = request.limit();
        // Every condition is one of these texts; values are bound.
        let mut conditions = vec!["(opened_at < $1 OR (opened_at = $1 AND sessions.id < $2))".to_owned()];
        let mut texts = vec![];
        let wanted = [
            ("sessions.user_id", filter.user.map(|id| id.to_string())),
            ("sessions.gateway_id", filter.gateway.map(|id| id.to_string())),
        ];
        for (column, value) in wanted {
            if let Some(value) = value {
                texts.push(value);
                conditions.push(format!("{column} = ${}", texts.len() + 3));
            }
        }
        if filter.active {
            conditions.push("active = 1".to_owned());
        }
        let sql = format!(
            "{} WHERE {} ORDER BY opened_at DESC, sessions.id DESC LIMIT $3",
            select_named(),
            conditions.join(" AND ")
        );
        let (opened_at, id) = request.cursor()?.unwrap_or((i64::MAX, ""));
        let mut query =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(opened_at).bind(id).bind(i64::from(limit) + 1);
        for text in &texts {
            query = query.bind(text.as_str());
        }
        let rows = query.fetch_all(&self.database.pool).await?;
        let rows = rows.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        Ok(page(seq, rows, limit, |row| format!("{}.{}", row.opened_at.0, row.id)))
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, QueryError> {
        let sql = format!("{} WHERE sessions.id = $1", select_named());
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .bind(id.to_string())
            .fetch_optional(&self.database.pool)
            .await?;
        row.as_ref().map(named).transpose()
    }
}

fn named(row: &AnyRow) -> Result<SessionRow, QueryError> {
    let names = Columns(row);
    let row = Row::read(row)?;
    Ok(SessionRow {
        id: row.id,
        correlation: row.correlation,
        user: row.user,
        username: names.maybe_text("username")?,
        gateway: row.gateway,
        gateway_name: names.maybe_text("gateway_name")?,
        policy: row.policy,
        policy_version: row.policy_version,
        state: row.state,
        address: row.address,
        resources: row.resources,
        opened_at: row.opened_at,
        connected_at: row.connected_at,
        ends_at: row.ends_at,
        ends_because: row.ends_because,
        end_reason: row.end_reason,
        ended_at: row.ended_at,
        receipts: row.receipts,
        receipts_overdue: row.receipts_overdue,
        verdict: row.verdict,
        bytes_in: row.bytes_in,
        bytes_out: row.bytes_out,
    })
}
