use super::{Page, PageRequest, Queries, SessionFilter, page};
use crate::{
    column::Columns,
    error::QueryError,
    rows::{ReceiptRow, SessionRow},
};
use sqlx::{AnyConnection, any::AnyRow};
use viworks_domain::ids::SessionId;

const SELECT: &str = "SELECT sessions.id AS id, correlation, user_id, username, gateway_id, \
     gateways.name AS gateway_name, policy_id, policy_version, sessions.state AS state, address, resources, \
     opened_at, connected_at, ends_at, ends_because, end_reason, ended_at, receipts_overdue, verdict, \
     bytes_in, bytes_out FROM sessions LEFT JOIN users ON users.id = sessions.user_id \
     LEFT JOIN gateways ON gateways.id = sessions.gateway_id";

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
        let mut conditions = vec![];
        let mut texts = vec![];
        let mut text = |conditions: &mut Vec<String>, column: &str, value: String| {
            texts.push(value);
            conditions.push(format!("{column} = ${}", texts.len() + 3));
        };
        if filter.active {
            conditions.push("active = 1".to_owned());
        }
        if let Some(user) = filter.user {
            text(&mut conditions, "user_id", user.to_string());
        }
        if let Some(gateway) = filter.gateway {
            text(&mut conditions, "gateway_id", gateway.to_string());
        }
        conditions.push("(opened_at < $1 OR (opened_at = $1 AND sessions.id < $2))".to_owned());
        let sql = format!(
            "{SELECT} WHERE {} ORDER BY opened_at DESC, sessions.id DESC LIMIT $3",
            conditions.join(" AND ")
        );
        let (opened_at, id) = request.cursor()?.unwrap_or((i64::MAX, ""));
        let mut query =
            sqlx::query(sqlx::AssertSqlSafe(sql)).bind(opened_at).bind(id).bind(i64::from(limit) + 1);
        for text in &texts {
            query = query.bind(text.as_str());
        }
        let mut connection = self.database.pool.acquire().await?;
        let found = query.fetch_all(&mut *connection).await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push(session(&mut connection, row).await?);
        }
        Ok(page(seq, rows, limit, |row| format!("{}.{}", row.opened_at.0, row.id)))
    }

    pub async fn session(&self, id: SessionId) -> Result<Option<SessionRow>, QueryError> {
        let mut connection = self.database.pool.acquire().await?;
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("{SELECT} WHERE sessions.id = $1")))
            .bind(id.to_string())
            .fetch_optional(&mut *connection)
            .await?;
        match row {
            Some(row) => Ok(Some(session(&mut connection, &row).await?)),
            None => Ok(None),
        }
    }
}

async fn session(connection: &mut AnyConnection, row: &AnyRow) -> Result<SessionRow, QueryError> {
    let row = Columns(row);
    let id: SessionId = row.id("id")?;
    Ok(SessionRow {
        id,
        correlation: row.id("correlation")?,
        user: row.id("user_id")?,
        username: row.maybe_text("username")?,
        gateway: row.maybe_id("gateway_id")?,
        gateway_name: row.maybe_text("gateway_name")?,
        policy: row.id("policy_id")?,
        policy_version: row.small("policy_version")?,
        state: row.id("state")?,
        address: row.maybe_id("address")?,
        resources: row.json("resources")?,
        opened_at: row.time("opened_at")?,
        connected_at: row.maybe_time("connected_at")?,
        ends_at: row.maybe_time("ends_at")?,
        ends_because: row.maybe_word("ends_because")?,
        end_reason: row.maybe_json("end_reason")?,
        ended_at: row.maybe_time("ended_at")?,
        receipts: receipts(connection, id).await?,
        receipts_overdue: row.flag("receipts_overdue")?,
        verdict: row.maybe_json("verdict")?,
        bytes_in: row.number("bytes_in")?,
        bytes_out: row.number("bytes_out")?,
    })
}

async fn receipts(connection: &mut AnyConnection, id: SessionId) -> Result<Vec<ReceiptRow>, QueryError> {
    let rows = sqlx::query("SELECT layer, absence, received_at FROM session_receipts WHERE session_id = $1")
        .bind(id.to_string())
        .fetch_all(connection)
        .await?;
    let mut receipts = rows
        .iter()
        .map(|row| {
            let row = Columns(row);
            Ok(ReceiptRow {
                layer: row.word("layer")?,
                absence: row.maybe_word("absence")?,
                at: row.maybe_time("received_at")?,
            })
        })
        .collect::<Result<Vec<_>, QueryError>>()?;
    receipts.sort_by_key(|row| row.layer);
    Ok(receipts)
}
