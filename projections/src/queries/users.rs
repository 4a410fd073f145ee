use super::{Page, PageRequest, Queries, page};
use crate::{
    column::Columns,
    error::QueryError,
    rows::{DeviceRow, StepRow, UserRow},
    tables::user_steps,
};
use sqlx::{AnyConnection, any::AnyRow};
use viworks_domain::{
    ids::UserId,
    user::{Progress, StepFailure},
};

impl Queries {
    /// Oldest first.
    pub async fn users(&self, request: &PageRequest) -> Result<Page<UserRow>, QueryError> {
        let seq = self.seq().await?;
        let limit = request.limit();
        let (created_at, id) = request.cursor()?.unwrap_or((-1, ""));
        let mut connection = self.database.pool.acquire().await?;
        let found = sqlx::query(
            "SELECT id, username, state, policies, gateways, created_at, last_login_at FROM users \
             WHERE created_at > $1 OR (created_at = $1 AND id > $2) ORDER BY created_at, id LIMIT $3",
        )
        .bind(created_at)
        .bind(id)
        .bind(i64::from(limit) + 1)
        .fetch_all(&mut *connection)
        .await?;
        let mut rows = Vec::with_capacity(found.len());
        for row in &found {
            rows.push(user(&mut connection, row).await?);
        }
        Ok(page(seq, rows, limit, |row| format!("{}.{}", row.created_at.0, row.id)))
    }

    pub async fn user(&self, id: UserId) -> Result<Option<UserRow>, QueryError> {
        let mut connection = self.database.pool.acquire().await?;
        let row = sqlx::query(
            "SELECT id, username, state, policies, gateways, created_at, last_login_at FROM users \
             WHERE id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(&mut *connection)
        .await?;
        match row {
            Some(row) => Ok(Some(user(&mut connection, &row).await?)),
            None => Ok(None),
        }
    }
}

async fn user(connection: &mut AnyConnection, row: &AnyRow) -> Result<UserRow, QueryError> {
    let row = Columns(row);
    let id: UserId = row.id("id")?;
    Ok(UserRow {
        id,
        username: row.maybe_text("username")?,
        state: row.id("state")?,
        steps: steps(connection, id).await?,
        policies: row.json("policies")?,
        gateways: row.json("gateways")?,
        devices: devices(connection, id).await?,
        created_at: row.time("created_at")?,
        last_login_at: row.maybe_time("last_login_at")?,
    })
}

/// Those that are assigned: directory first, then by gateway.
pub async fn steps(connection: &mut AnyConnection, user: UserId) -> Result<Vec<StepRow>, QueryError> {
    let rows = sqlx::query(
        "SELECT step, state, reason, attempt, changed_at FROM user_steps \
         WHERE user_id = $1 AND assigned = 1",
    )
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    let mut steps = rows.iter().map(step).collect::<Result<Vec<_>, _>>()?;
    steps.sort_by_key(|row| row.step);
    Ok(steps)
}

fn step(row: &AnyRow) -> Result<StepRow, QueryError> {
    let row = Columns(row);
    let progress = match row.text("state")?.as_str() {
        "pending" => Progress::Pending,
        "done" => Progress::Done,
        "failed" => Progress::Failed(row.word::<StepFailure>("reason")?),
        _ => return Err(QueryError::Corrupt { column: "state" }),
    };
    Ok(StepRow {
        step: user_steps::from_key(&row.text("step")?).ok_or(QueryError::Corrupt { column: "step" })?,
        progress,
        attempt: row.small("attempt")?,
        changed_at: row.time("changed_at")?,
    })
}

async fn devices(connection: &mut AnyConnection, user: UserId) -> Result<Vec<DeviceRow>, QueryError> {
    let rows = sqlx::query(
        "SELECT id, user_id, state, protection, enrolled_at, reported_at FROM devices \
         WHERE user_id = $1 ORDER BY offered_at, id",
    )
    .bind(user.to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let row = Columns(row);
            Ok(DeviceRow {
                id: row.id("id")?,
                user: row.id("user_id")?,
                state: row.id("state")?,
                protection: row.maybe_word("protection")?,
                enrolled_at: row.maybe_time("enrolled_at")?,
                reported_at: row.maybe_time("reported_at")?,
            })
        })
        .collect()
}
