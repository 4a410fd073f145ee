use super::{Moment, Page, PageRequest, SessionFilter, page, wanted::Wanted};
use crate::{
    column::Columns,
    error::QueryError,
    rows::SessionRow,
    tables::sessions::{Row, select},
};
use sqlx::{AnyConnection, any::AnyRow};
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

impl Moment {
    /// Newest first.
    pub async fn sessions(
        &mut self,
        filter: &SessionFilter,
        request: &PageRequest,
    ) -> Result<Page<SessionRow>, QueryError> {
        let limit = request.limit();
        let mut wanted = Wanted::default();
        wanted.is("sessions.id", filter.id);
        wanted.flag("active", filter.active);
        wanted.is("sessions.user_id", filter.user);
        wanted.is("sessions.gateway_id", filter.gateway);
        wanted.is("sessions.policy_id", filter.policy);
        wanted.is_named("sessions.user_id IN (SELECT id FROM users WHERE {})", filter.text.as_deref());
        wanted.before("opened_at", "sessions.id", request.cursor()?);
        let rows = sessions(&mut self.tx, wanted, Some(limit)).await?;
        Ok(page(self.seq(), rows, limit, |row| format!("{}.{}", row.opened_at.0, row.id)))
    }

    /// Those that there are.
    pub async fn sessions_by_id(&mut self, ids: &[SessionId]) -> Result<Vec<SessionRow>, QueryError> {
        let mut wanted = Wanted::default();
        wanted.is_one_of("sessions.id", ids);
        sessions(&mut self.tx, wanted, None).await
    }
}

async fn sessions(
    connection: &mut AnyConnection,
    wanted: Wanted,
    limit: Option<u32>,
) -> Result<Vec<SessionRow>, QueryError> {
    let rows = wanted.rows(connection, &select_named(), "opened_at DESC, sessions.id DESC", limit).await?;
    rows.iter().map(named).collect()
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
