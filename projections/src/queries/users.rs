use super::{Moment, Page, PageRequest, UserFilter, page, wanted::Wanted};
use crate::{
    column::Columns,
    error::QueryError,
    rows::{DeviceRow, StepRow, UserRow},
    tables::user_steps,
};
use sqlx::{AnyConnection, any::AnyRow};
use std::collections::HashMap;
use viworks_domain::{
    ids::UserId,
    user::{Progress, StepFailure},
};

impl Moment {
    /// Newest first.
    pub async fn users(
        &mut self,
        filter: &UserFilter,
        request: &PageRequest,
    ) -> Result<Page<UserRow>, QueryError> {
        let limit = request.limit();
        let mut wanted = Wanted::default();
        wanted.is("id", filter.id);
        wanted.is("state", filter.state.map(|state| state.as_str()));
        wanted.lists("policies", filter.policy);
        wanted.lists("gateways", filter.gateway);
        wanted.is_named("{}", filter.text.as_deref());
        wanted.before("created_at", "id", request.cursor()?);
        let rows = users(&mut self.tx, wanted, Some(limit)).await?;
        Ok(page(self.seq(), rows, limit, |row| format!("{}.{}", row.created_at.0, row.id)))
    }

    /// Those that there are.
    pub async fn users_by_id(&mut self, ids: &[UserId]) -> Result<Vec<UserRow>, QueryError> {
        let mut wanted = Wanted::default();
        wanted.is_one_of("id", ids);
        users(&mut self.tx, wanted, None).await
    }
}

async fn users(
    connection: &mut AnyConnection,
    wanted: Wanted,
    limit: Option<u32>,
) -> Result<Vec<UserRow>, QueryError> {
    let select = "SELECT id, username, state, policies, gateways, created_at, last_login_at FROM users";
    let found = wanted.rows(connection, select, "created_at DESC, id DESC", limit).await?;
    let mut rows = found.iter().map(user).collect::<Result<Vec<_>, _>>()?;
    let ids = rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let mut steps = steps(connection, &ids).await?;
    let mut devices = devices(connection, &ids).await?;
    for row in &mut rows {
        row.steps = steps.remove(&row.id).unwrap_or_default();
        row.devices = devices.remove(&row.id).unwrap_or_default();
    }
    Ok(rows)
}

/// Without steps and phones.
fn user(row: &AnyRow) -> Result<UserRow, QueryError> {
    let row = Columns(row);
    Ok(UserRow {
        id: row.id("id")?,
        username: row.maybe_text("username")?,
        state: row.id("state")?,
        steps: vec![],
        policies: row.json("policies")?,
        gateways: row.json("gateways")?,
        devices: vec![],
        created_at: row.time("created_at")?,
        last_login_at: row.maybe_time("last_login_at")?,
    })
}

/// Those that are assigned: directory first, then by gateway.
pub async fn steps(
    connection: &mut AnyConnection,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<StepRow>>, QueryError> {
    let mut of: HashMap<UserId, Vec<StepRow>> = HashMap::new();
    if users.is_empty() {
        return Ok(of);
    }
    let mut wanted = Wanted::default();
    wanted.is_one_of("user_id", users);
    wanted.also("assigned = 1");
    let select = "SELECT user_id, step, state, reason, attempt, changed_at FROM user_steps";
    for row in wanted.rows(connection, select, "user_id, step", None).await? {
        of.entry(Columns(&row).id("user_id")?).or_default().push(step(&row)?);
    }
    for steps in of.values_mut() {
        steps.sort_by_key(|row| row.step);
    }
    Ok(of)
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

async fn devices(
    connection: &mut AnyConnection,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<DeviceRow>>, QueryError> {
    let mut of: HashMap<UserId, Vec<DeviceRow>> = HashMap::new();
    if users.is_empty() {
        return Ok(of);
    }
    let mut wanted = Wanted::default();
    wanted.is_one_of("user_id", users);
    let select = "SELECT id, user_id, state, protection, enrolled_at, reported_at, verdict FROM devices";
    for row in wanted.rows(connection, select, "user_id, offered_at, id", None).await? {
        let row = Columns(&row);
        let device = DeviceRow {
            id: row.id("id")?,
            user: row.id("user_id")?,
            state: row.id("state")?,
            protection: row.maybe_word("protection")?,
            enrolled_at: row.maybe_time("enrolled_at")?,
            reported_at: row.maybe_time("reported_at")?,
            verdict: row.maybe_json("verdict")?,
        };
        of.entry(device.user).or_default().push(device);
    }
    Ok(of)
}
