//! Sessions are the busy table: rows are folded in memory and written once per transaction.

use crate::{
    batch::Batch,
    column::{Columns, int, json, millis, word},
    error::QueryError,
    rows::{Notice, ReceiptRow, SessionState, Topic},
    tables::devices,
};
use sqlx::any::AnyRow;
use std::net::Ipv4Addr;
use viworks_domain::{
    Millis,
    decision::RecordedEvent,
    ids::{CorrelationId, GatewayId, PolicyId, SessionId, UserId},
    policy::{PolicyRef, Verdict},
    session::{EndReason, EndsBecause, Event, Layer},
};

/// The columns, in the order in which [`bind`] gives them.
pub const COLUMNS: [&str; 21] = [
    "id",
    "correlation",
    "user_id",
    "gateway_id",
    "policy_id",
    "policy_version",
    "state",
    "active",
    "address",
    "resources",
    "opened_at",
    "connected_at",
    "ends_at",
    "ends_because",
    "end_reason",
    "ended_at",
    "receipts",
    "receipts_overdue",
    "verdict",
    "bytes_in",
    "bytes_out",
];

/// One row as it stands in the table, without what is joined to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub id: SessionId,
    pub correlation: CorrelationId,
    pub user: UserId,
    pub gateway: Option<GatewayId>,
    pub policy: PolicyId,
    pub policy_version: u32,
    pub state: SessionState,
    pub address: Option<Ipv4Addr>,
    pub resources: Vec<String>,
    pub opened_at: Millis,
    pub connected_at: Option<Millis>,
    pub ends_at: Option<Millis>,
    pub ends_because: Option<EndsBecause>,
    pub end_reason: Option<EndReason>,
    pub ended_at: Option<Millis>,
    pub receipts: Vec<ReceiptRow>,
    pub receipts_overdue: bool,
    /// None is never stored: every session begins with one.
    pub verdict: Option<Verdict>,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    session: &Event,
) -> Result<(), sqlx::Error> {
    let id = SessionId(event.decision.aggregate.id);
    let row = match batch.sessions.remove(&id) {
        Some(row) => Some(row),
        None => find(batch, id).await?,
    };
    // A session is known from its opening, or from its denial at the door.
    let row = match (row, session) {
        (Some(row), _) => Some(row),
        (None, Event::Opened(e)) => Some(Row::new(event, e.user, Some(e.gateway), e.policy, &e.verdict)),
        (None, Event::Denied(e)) => Some(Row::new(event, e.user, None, e.policy, &e.verdict)),
        (None, _) => None,
    };
    if let Event::PostureRecorded(e) = session {
        devices::judged(batch, event, e.device, &e.verdict).await?;
    }
    if let Some(mut row) = row {
        row.fold(session, event.decision.at);
        if let (Event::Ended(_), Some(EndReason::Terminated { .. })) = (session, &row.end_reason) {
            batch.changed(event.seq, Topic::Notices, Notice::Terminated(id));
        }
        batch.sessions.insert(id, row);
    }
    batch.changed(event.seq, Topic::Sessions, id);
    Ok(())
}

impl Row {
    fn new(
        event: &RecordedEvent<'_>,
        user: UserId,
        gateway: Option<GatewayId>,
        policy: PolicyRef,
        verdict: &Verdict,
    ) -> Self {
        Self {
            id: SessionId(event.decision.aggregate.id),
            correlation: event.decision.correlation,
            user,
            gateway,
            policy: policy.id,
            policy_version: policy.version,
            state: SessionState::Challenged,
            address: None,
            resources: vec![],
            opened_at: event.decision.at,
            connected_at: None,
            ends_at: None,
            ends_because: None,
            end_reason: None,
            ended_at: None,
            receipts: vec![],
            receipts_overdue: false,
            verdict: Some(verdict.clone()),
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    fn fold(&mut self, event: &Event, at: Millis) {
        match event {
            Event::Opened(_) => self.state = SessionState::Challenged,
            Event::Denied(e) => {
                self.judged(e.policy, &e.verdict);
                self.over(SessionState::Denied, at);
            }
            Event::PostureRecorded(e) => self.judged(e.policy, &e.verdict),
            Event::CodeIssued(_) => self.state = SessionState::CodeIssued,
            Event::Verified(e) => {
                self.judged(e.policy, &e.verdict);
                self.state = SessionState::Verified;
                self.ends_at = Some(e.ends_at);
                self.ends_because = Some(e.because);
            }
            Event::BootstrapIssued(e) => {
                self.judged(e.policy, &e.verdict);
                self.state = SessionState::Connecting;
                self.address = None;
                self.resources.clone_from(&e.labels);
            }
            Event::Admitted(e) => self.address = Some(e.address),
            // Nothing stands and nothing is on its way: another bootstrap may be asked for.
            Event::AdmissionRefused(_) | Event::BootstrapExpired(_) => {
                self.back_from(SessionState::Connecting)
            }
            Event::Connected(_) => {
                self.state = SessionState::Connected;
                self.connected_at = self.connected_at.or(Some(at));
            }
            Event::LayerChanged(e) => {
                if e.layer == Layer::Vpn && !e.up {
                    self.back_from(SessionState::Connected);
                }
            }
            Event::LeaseRenewed(e) => self.judged(e.policy, &e.verdict),
            Event::EndMoved(e) => {
                self.ends_at = Some(e.ends_at);
                self.ends_because = Some(e.because);
            }
            Event::Ending(e) => {
                self.state = SessionState::Ending;
                self.end_reason = Some(e.reason.clone());
                self.receipts = e
                    .layers
                    .iter()
                    .map(|layer| ReceiptRow { layer: *layer, absence: None, at: None })
                    .collect();
            }
            Event::ReceiptRecorded(e) => {
                if let Some(row) = self.receipts.iter_mut().find(|row| row.layer == e.layer) {
                    row.absence = Some(e.absence);
                    row.at = Some(at);
                }
            }
            Event::ReceiptsOverdue(_) => self.receipts_overdue = true,
            Event::TrafficCounted(e) => {
                self.bytes_in = self.bytes_in.saturating_add(e.bytes_in);
                self.bytes_out = self.bytes_out.saturating_add(e.bytes_out);
            }
            Event::Ended(_) => self.over(SessionState::Ended, at),
            Event::Expired(_) => self.over(SessionState::Expired, at),
            // In the audit; the row is the same.
            Event::CodeExpired(_) | Event::AnswerRefused(_) | Event::BootstrapConsumed(_) => {}
        }
    }

    fn judged(&mut self, policy: PolicyRef, verdict: &Verdict) {
        self.policy = policy.id;
        self.policy_version = policy.version;
        self.verdict = Some(verdict.clone());
    }

    fn back_from(&mut self, state: SessionState) {
        if self.state == state {
            self.state = SessionState::Verified;
        }
    }

    fn over(&mut self, state: SessionState, at: Millis) {
        self.state = state;
        self.ended_at = Some(at);
    }

    pub fn read(row: &AnyRow) -> Result<Self, QueryError> {
        let row = Columns(row);
        Ok(Self {
            id: row.id("id")?,
            correlation: row.id("correlation")?,
            user: row.id("user_id")?,
            gateway: row.maybe_id("gateway_id")?,
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
            receipts: row.json("receipts")?,
            receipts_overdue: row.flag("receipts_overdue")?,
            verdict: row.maybe_json("verdict")?,
            bytes_in: row.number("bytes_in")?,
            bytes_out: row.number("bytes_out")?,
        })
    }
}

/// Every column, each from `sessions`.
pub fn select() -> String {
    COLUMNS.map(|column| format!("sessions.{column} AS {column}")).join(", ")
}

async fn find(batch: &mut Batch<'_>, id: SessionId) -> Result<Option<Row>, sqlx::Error> {
    let row = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT {} FROM sessions WHERE id = $1", select())))
        .bind(id.to_string())
        .fetch_optional(&mut *batch.tx)
        .await?;
    row.map(|row| Row::read(&row).map_err(|error| sqlx::Error::Decode(error.into()))).transpose()
}

/// What the transaction has changed, in as few statements as there can be.
pub async fn write(batch: &mut Batch<'_>) -> Result<(), sqlx::Error> {
    /// 32 x 21 parameters are far below either database's limit.
    const AT_ONCE: usize = 32;
    let rows = std::mem::take(&mut batch.sessions).into_values().collect::<Vec<_>>();
    for rows in rows.chunks(AT_ONCE) {
        let new = COLUMNS.iter().skip(1).map(|column| format!("{column} = excluded.{column}"));
        let sql = format!(
            "INSERT INTO sessions ({}) VALUES {} ON CONFLICT (id) DO UPDATE SET {}",
            COLUMNS.join(", "),
            crate::batch::placeholders(rows.len(), COLUMNS.len()),
            new.collect::<Vec<_>>().join(", ")
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for row in rows {
            query = query
                .bind(row.id.to_string())
                .bind(row.correlation.to_string())
                .bind(row.user.to_string())
                .bind(row.gateway.map(|id| id.to_string()))
                .bind(row.policy.to_string())
                .bind(i64::from(row.policy_version))
                .bind(row.state.as_str())
                .bind(i32::from(row.state.is_active()))
                .bind(row.address.map(|address| address.to_string()))
                .bind(json(&row.resources))
                .bind(millis(row.opened_at))
                .bind(row.connected_at.map(millis))
                .bind(row.ends_at.map(millis))
                .bind(row.ends_because.as_ref().map(word))
                .bind(row.end_reason.as_ref().map(json))
                .bind(row.ended_at.map(millis))
                .bind(json(&row.receipts))
                .bind(i32::from(row.receipts_overdue))
                .bind(row.verdict.as_ref().map(json))
                .bind(int(row.bytes_in))
                .bind(int(row.bytes_out));
        }
        query.execute(&mut *batch.tx).await?;
    }
    Ok(())
}
