use crate::{
    batch::{Batch, run},
    column::{int, json, millis, word},
    rows::{SessionState, Topic},
};
use viworks_domain::{
    decision::RecordedEvent,
    ids::{GatewayId, SessionId, UserId},
    policy::{PolicyRef, Verdict},
    session::{Event, Layer},
};

/// What was open before it ended is not connected, not connecting, and has no tunnel address.
const OVER: &str = "UPDATE sessions SET state = $1, active = 0, ended_at = $2, seq = $3 WHERE id = $4";

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    session: &Event,
) -> Result<(), sqlx::Error> {
    let id = SessionId(event.decision.aggregate.id);
    let (seq, at) = (int(event.seq), millis(event.decision.at));
    let key = id.to_string();
    match session {
        Event::Opened(e) => {
            let row =
                NewSession { user: e.user, gateway: Some(e.gateway), policy: e.policy, verdict: &e.verdict };
            insert(batch, event, id, &row, SessionState::Challenged).await?;
        }
        Event::Denied(e) => {
            let row = NewSession { user: e.user, gateway: None, policy: e.policy, verdict: &e.verdict };
            insert(batch, event, id, &row, SessionState::Denied).await?;
            run!(batch, OVER, SessionState::Denied.as_str(), at, seq, key)?;
        }
        Event::PostureRecorded(e) => judged(batch, id, e.policy, &e.verdict, seq).await?,
        Event::CodeIssued(_) => state(batch, id, SessionState::CodeIssued, seq).await?,
        Event::Verified(e) => {
            judged(batch, id, e.policy, &e.verdict, seq).await?;
            run!(
                batch,
                "UPDATE sessions SET state = 'verified', ends_at = $1, ends_because = $2 WHERE id = $3",
                millis(e.ends_at),
                word(&e.because),
                key,
            )?;
        }
        Event::BootstrapIssued(e) => {
            judged(batch, id, e.policy, &e.verdict, seq).await?;
            run!(
                batch,
                "UPDATE sessions SET state = 'connecting', address = NULL, resources = $1 WHERE id = $2",
                json(&e.labels),
                key,
            )?;
        }
        Event::Admitted(e) => {
            run!(
                batch,
                "UPDATE sessions SET address = $1, seq = $2 WHERE id = $3",
                e.address.to_string(),
                seq,
                key,
            )?;
        }
        // Nothing stands and nothing is on its way: another bootstrap may be asked for.
        Event::AdmissionRefused(_) | Event::BootstrapExpired(_) => {
            run!(
                batch,
                "UPDATE sessions SET state = 'verified', seq = $1 WHERE id = $2 AND state = 'connecting'",
                seq,
                key,
            )?;
        }
        Event::Connected(_) => {
            run!(
                batch,
                "UPDATE sessions SET state = 'connected', connected_at = COALESCE(connected_at, $1), \
                 seq = $2 WHERE id = $3",
                at,
                seq,
                key,
            )?;
        }
        Event::LayerChanged(e) => {
            if e.layer == Layer::Vpn && !e.up {
                run!(
                    batch,
                    "UPDATE sessions SET state = 'verified', seq = $1 WHERE id = $2 AND state = 'connected'",
                    seq,
                    key,
                )?;
            }
        }
        Event::LeaseRenewed(e) => judged(batch, id, e.policy, &e.verdict, seq).await?,
        Event::EndMoved(e) => {
            run!(
                batch,
                "UPDATE sessions SET ends_at = $1, ends_because = $2, seq = $3 WHERE id = $4",
                millis(e.ends_at),
                word(&e.because),
                seq,
                key,
            )?;
        }
        Event::Ending(e) => {
            run!(
                batch,
                "UPDATE sessions SET state = 'ending', end_reason = $1, seq = $2 WHERE id = $3",
                json(&e.reason),
                seq,
                key,
            )?;
        }
        Event::ReceiptsOverdue(_) => {
            run!(batch, "UPDATE sessions SET receipts_overdue = 1, seq = $1 WHERE id = $2", seq, key)?;
        }
        Event::TrafficCounted(e) => {
            run!(
                batch,
                "UPDATE sessions SET bytes_in = bytes_in + $1, bytes_out = bytes_out + $2, seq = $3 \
                 WHERE id = $4",
                int(e.bytes_in),
                int(e.bytes_out),
                seq,
                key,
            )?;
        }
        Event::Ended(_) => {
            run!(batch, OVER, SessionState::Ended.as_str(), at, seq, key)?;
        }
        Event::Expired(_) => {
            run!(batch, OVER, SessionState::Expired.as_str(), at, seq, key)?;
        }
        // In the receipts or the audit; the row's state is the same.
        Event::CodeExpired(_)
        | Event::AnswerRefused(_)
        | Event::BootstrapConsumed(_)
        | Event::ReceiptRecorded(_) => {}
    }
    batch.changed(event.seq, Topic::Sessions, id);
    Ok(())
}

struct NewSession<'a> {
    user: UserId,
    gateway: Option<GatewayId>,
    policy: PolicyRef,
    verdict: &'a Verdict,
}

/// A session is known from its opening, or from its denial at the door; a later denial finds its row.
async fn insert(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    id: SessionId,
    row: &NewSession<'_>,
    state: SessionState,
) -> Result<(), sqlx::Error> {
    run!(
        batch,
        "INSERT INTO sessions (id, correlation, user_id, gateway_id, policy_id, policy_version, state, active, \
         resources, opened_at, receipts_overdue, verdict, bytes_in, bytes_out, seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, 1, '[]', $8, 0, $9, 0, 0, $10) \
         ON CONFLICT (id) DO UPDATE SET policy_id = $5, policy_version = $6, verdict = $9, seq = $10",
        id.to_string(),
        event.decision.correlation.to_string(),
        row.user.to_string(),
        row.gateway.map(|id| id.to_string()),
        row.policy.id.to_string(),
        i64::from(row.policy.version),
        state.as_str(),
        millis(event.decision.at),
        json(row.verdict),
        int(event.seq),
    )?;
    batch.remember_session(id, row.user);
    Ok(())
}

async fn judged(
    batch: &mut Batch<'_>,
    id: SessionId,
    policy: PolicyRef,
    verdict: &Verdict,
    seq: i64,
) -> Result<(), sqlx::Error> {
    run!(
        batch,
        "UPDATE sessions SET policy_id = $1, policy_version = $2, verdict = $3, seq = $4 WHERE id = $5",
        policy.id.to_string(),
        i64::from(policy.version),
        json(verdict),
        seq,
        id.to_string(),
    )?;
    Ok(())
}

async fn state(
    batch: &mut Batch<'_>,
    id: SessionId,
    state: SessionState,
    seq: i64,
) -> Result<(), sqlx::Error> {
    run!(
        batch,
        "UPDATE sessions SET state = $1, seq = $2 WHERE id = $3",
        state.as_str(),
        seq,
        id.to_string(),
    )?;
    Ok(())
}
