//! From what projections hold to what the API shows: one place, so that nothing is shown by accident.

use viworks_api::{audit, gateway, json::Json, policy, session, user};
use viworks_projections as rows;

pub fn policy(row: rows::PolicyRow) -> policy::PolicyRow {
    policy::PolicyRow {
        id: row.id,
        version: row.version,
        state: match row.state {
            rows::PolicyState::Draft => policy::PolicyState::Draft,
            rows::PolicyState::Active => policy::PolicyState::Active,
            rows::PolicyState::Retired => policy::PolicyState::Retired,
        },
        document: row.document,
    }
}

pub fn policy_summary(row: rows::PolicyRow) -> policy::PolicySummary {
    let changed_at = row.changed_at;
    let policy::PolicyRow { id, version, state, document } = policy(row);
    policy::PolicySummary {
        id,
        version,
        state,
        name: document.name,
        time_zone: document.time_zone,
        windows: document.windows,
        not_after: document.not_after,
        countries: document.countries,
        // Labels: the addresses behind them are nobody's business on a screen.
        resources: document.resources.into_iter().map(|resource| resource.label).collect(),
        max_minutes: document.max_minutes,
        changed_at,
    }
}

pub fn gateway(row: rows::GatewayRow, telemetry: Option<gateway::GatewayTelemetry>) -> gateway::GatewayRow {
    gateway::GatewayRow {
        id: row.id,
        name: row.name,
        state: match row.state {
            rows::GatewayState::Invited => gateway::GatewayState::Invited,
            rows::GatewayState::Enrolled => gateway::GatewayState::Enrolled,
            rows::GatewayState::Draining => gateway::GatewayState::Draining,
            rows::GatewayState::Retired => gateway::GatewayState::Retired,
        },
        health: row.health,
        telemetry,
    }
}

pub fn user(row: rows::UserRow) -> user::UserRow {
    user::UserRow {
        id: row.id,
        username: row.username,
        state: match row.state {
            rows::UserState::Provisioning => user::UserState::Provisioning,
            rows::UserState::Active => user::UserState::Active,
            rows::UserState::Suspended => user::UserState::Suspended,
            rows::UserState::Deleting => user::UserState::Deleting,
            rows::UserState::Deleted => user::UserState::Deleted,
            rows::UserState::Erased => user::UserState::Erased,
        },
        steps: row.steps.into_iter().map(step).collect(),
        policies: row.policies,
        gateways: row.gateways,
        devices: row.devices.into_iter().map(device).collect(),
        created_at: row.created_at,
        last_login_at: row.last_login_at,
    }
}

/// The way back, for what is asked.
pub const fn user_state(state: user::UserState) -> rows::UserState {
    match state {
        user::UserState::Provisioning => rows::UserState::Provisioning,
        user::UserState::Active => rows::UserState::Active,
        user::UserState::Suspended => rows::UserState::Suspended,
        user::UserState::Deleting => rows::UserState::Deleting,
        user::UserState::Deleted => rows::UserState::Deleted,
        user::UserState::Erased => rows::UserState::Erased,
    }
}

fn step(row: rows::StepRow) -> user::StepRow {
    use viworks_domain::user::Progress;
    user::StepRow {
        step: row.step,
        state: match row.progress {
            Progress::Pending => user::StepState::Pending,
            Progress::Done => user::StepState::Done,
            Progress::Failed(reason) => user::StepState::Failed { reason },
        },
        attempt: row.attempt,
    }
}

fn device(row: rows::DeviceRow) -> user::DeviceRow {
    user::DeviceRow {
        id: row.id,
        enrolled: row.state == rows::DeviceState::Enrolled,
        revoked: row.state == rows::DeviceState::Revoked,
        protection: row.protection,
        enrolled_at: row.enrolled_at,
        reported_at: row.reported_at,
        verdict: row.verdict,
    }
}

pub fn session(row: rows::SessionRow) -> session::SessionRow {
    session::SessionRow {
        id: row.id,
        correlation: row.correlation,
        user: row.user,
        username: row.username,
        gateway: row.gateway,
        gateway_name: row.gateway_name,
        policy: row.policy,
        policy_version: row.policy_version,
        state: session_state(row.state),
        address: row.address,
        resources: row.resources,
        opened_at: row.opened_at,
        connected_at: row.connected_at,
        ends_at: row.ends_at,
        ends_because: row.ends_because,
        end_reason: row.end_reason,
        ended_at: row.ended_at,
        receipts: row
            .receipts
            .into_iter()
            .map(|receipt| session::ReceiptRow {
                layer: receipt.layer,
                absence: receipt.absence,
                at: receipt.at,
            })
            .collect(),
        receipts_overdue: row.receipts_overdue,
        verdict: row.verdict,
        bytes_in: row.bytes_in,
        bytes_out: row.bytes_out,
    }
}

const fn session_state(state: rows::SessionState) -> session::SessionState {
    match state {
        rows::SessionState::Challenged => session::SessionState::Challenged,
        rows::SessionState::CodeIssued => session::SessionState::CodeIssued,
        rows::SessionState::Verified => session::SessionState::Verified,
        rows::SessionState::Connecting => session::SessionState::Connecting,
        rows::SessionState::Connected => session::SessionState::Connected,
        rows::SessionState::Ending => session::SessionState::Ending,
        rows::SessionState::Ended => session::SessionState::Ended,
        rows::SessionState::Denied => session::SessionState::Denied,
        rows::SessionState::Expired => session::SessionState::Expired,
    }
}

pub fn audit(row: rows::AuditRow) -> audit::AuditRow {
    audit::AuditRow {
        seq: row.seq,
        n: row.n,
        at: row.at,
        correlation: row.correlation,
        actor: row.actor,
        operator: row.operator,
        kind: row.kind,
        user: row.user,
        session: row.session,
        part: row.part,
        summary: row.summary,
        details: Json(row.details),
    }
}
