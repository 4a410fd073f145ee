//! Policies, gateways, operators, alerts: short lists, by name or newest first.

use super::{Moment, Page, PageRequest, Queries, page, wanted::Wanted};
use crate::{
    column::Columns,
    error::QueryError,
    rows::{AlertRow, GatewayRow, OperatorRow, PolicyRow},
};
use sqlx::{AnyConnection, any::AnyRow};
use viworks_domain::ids::{GatewayId, OperatorId, PolicyId};

impl Moment {
    /// By age of the last change, newest first.
    pub async fn policies(&mut self, request: &PageRequest) -> Result<Page<PolicyRow>, QueryError> {
        let limit = request.limit();
        let mut wanted = Wanted::default();
        wanted.before("changed_at", "id", request.cursor()?);
        let rows = policies(&mut self.tx, wanted, Some(limit)).await?;
        Ok(page(self.seq(), rows, limit, |row| format!("{}.{}", row.changed_at.0, row.id)))
    }

    /// Those that there are.
    pub async fn policies_by_id(&mut self, ids: &[PolicyId]) -> Result<Vec<PolicyRow>, QueryError> {
        let mut wanted = Wanted::default();
        wanted.is_one_of("id", ids);
        policies(&mut self.tx, wanted, None).await
    }

    /// All of them, by name: a deployment has few.
    pub async fn gateways(&mut self) -> Result<Page<GatewayRow>, QueryError> {
        let rows = gateways(&mut self.tx, Wanted::default()).await?;
        Ok(Page { seq: self.seq(), rows, next: None })
    }

    /// Those that there are.
    pub async fn gateways_by_id(&mut self, ids: &[GatewayId]) -> Result<Vec<GatewayRow>, QueryError> {
        let mut wanted = Wanted::default();
        wanted.is_one_of("id", ids);
        gateways(&mut self.tx, wanted).await
    }
}

impl Queries {
    /// All of them, by name.
    pub async fn operators(&self) -> Result<Page<OperatorRow>, QueryError> {
        let seq = self.seq().await?;
        let rows = sqlx::query("SELECT id, name, role, state, signed_in_at FROM operators ORDER BY name, id")
            .fetch_all(&self.database.pool)
            .await?;
        let rows = rows.iter().map(operator).collect::<Result<Vec<_>, _>>()?;
        Ok(Page { seq, rows, next: None })
    }

    pub async fn operator(&self, id: OperatorId) -> Result<Option<OperatorRow>, QueryError> {
        let row = sqlx::query("SELECT id, name, role, state, signed_in_at FROM operators WHERE id = $1")
            .bind(id.to_string())
            .fetch_optional(&self.database.pool)
            .await?;
        row.as_ref().map(operator).transpose()
    }

    /// The first of that name; who they are and what they may is folded from the log, not believed from here.
    pub async fn operator_named(&self, name: &str) -> Result<Option<OperatorRow>, QueryError> {
        let row = sqlx::query(
            "SELECT id, name, role, state, signed_in_at FROM operators WHERE name = $1 \
             ORDER BY invited_at, id LIMIT 1",
        )
        .bind(name)
        .fetch_optional(&self.database.pool)
        .await?;
        row.as_ref().map(operator).transpose()
    }

    /// Newest first; `open`: only what is not over.
    pub async fn alerts(&self, open: bool) -> Result<Page<AlertRow>, QueryError> {
        let seq = self.seq().await?;
        let rows = sqlx::query(
            "SELECT kind, subject, raised_at, resolved_at, summary FROM alerts \
             WHERE resolved_at IS NULL OR $1 = 0 ORDER BY raised_seq DESC, kind, subject LIMIT 500",
        )
        .bind(i32::from(open))
        .fetch_all(&self.database.pool)
        .await?;
        let rows = rows
            .iter()
            .map(|row| {
                let row = Columns(row);
                Ok(AlertRow {
                    kind: row.id("kind")?,
                    subject: row.text("subject")?,
                    raised_at: row.time("raised_at")?,
                    resolved_at: row.maybe_time("resolved_at")?,
                    summary: row.text("summary")?,
                })
            })
            .collect::<Result<Vec<_>, QueryError>>()?;
        Ok(Page { seq, rows, next: None })
    }
}

async fn policies(
    connection: &mut AnyConnection,
    wanted: Wanted,
    limit: Option<u32>,
) -> Result<Vec<PolicyRow>, QueryError> {
    let select = "SELECT id, version, state, document, changed_at FROM policies";
    let rows = wanted.rows(connection, select, "changed_at DESC, id DESC", limit).await?;
    rows.iter().map(policy).collect()
}

async fn gateways(connection: &mut AnyConnection, wanted: Wanted) -> Result<Vec<GatewayRow>, QueryError> {
    let select = "SELECT id, name, state, health, enrolled_at, started_at FROM gateways";
    let rows = wanted.rows(connection, select, "name, id", None).await?;
    rows.iter().map(gateway).collect()
}

fn policy(row: &AnyRow) -> Result<PolicyRow, QueryError> {
    let row = Columns(row);
    Ok(PolicyRow {
        id: row.id("id")?,
        version: row.small("version")?,
        state: row.id("state")?,
        document: row.json("document")?,
        changed_at: row.time("changed_at")?,
    })
}

fn gateway(row: &AnyRow) -> Result<GatewayRow, QueryError> {
    let row = Columns(row);
    Ok(GatewayRow {
        id: row.id("id")?,
        name: row.text("name")?,
        state: row.id("state")?,
        health: row.maybe_word("health")?,
        enrolled_at: row.maybe_time("enrolled_at")?,
        started_at: row.maybe_time("started_at")?,
    })
}

fn operator(row: &AnyRow) -> Result<OperatorRow, QueryError> {
    let row = Columns(row);
    Ok(OperatorRow {
        id: row.id("id")?,
        name: row.text("name")?,
        role: row.word("role")?,
        state: row.id("state")?,
        signed_in_at: row.maybe_time("signed_in_at")?,
    })
}
