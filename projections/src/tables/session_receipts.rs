use crate::{
    batch::{Batch, run},
    column::{millis, word},
};
use viworks_domain::{decision::RecordedEvent, ids::SessionId, session::Event};

pub async fn project(
    batch: &mut Batch<'_>,
    event: &RecordedEvent<'_>,
    session: &Event,
) -> Result<(), sqlx::Error> {
    let id = SessionId(event.decision.aggregate.id).to_string();
    match session {
        Event::Ending(e) => {
            for layer in &e.layers {
                run!(
                    batch,
                    "INSERT INTO session_receipts (session_id, layer) VALUES ($1, $2)",
                    id.as_str(),
                    word(layer),
                )?;
            }
        }
        Event::ReceiptRecorded(e) => {
            run!(
                batch,
                "UPDATE session_receipts SET absence = $1, received_at = $2 \
                 WHERE session_id = $3 AND layer = $4",
                word(&e.absence),
                millis(event.decision.at),
                id,
                word(&e.layer),
            )?;
        }
        Event::Opened(_)
        | Event::Denied(_)
        | Event::PostureRecorded(_)
        | Event::CodeIssued(_)
        | Event::CodeExpired(_)
        | Event::AnswerRefused(_)
        | Event::Verified(_)
        | Event::BootstrapIssued(_)
        | Event::Admitted(_)
        | Event::AdmissionRefused(_)
        | Event::BootstrapExpired(_)
        | Event::BootstrapConsumed(_)
        | Event::LayerChanged(_)
        | Event::Connected(_)
        | Event::LeaseRenewed(_)
        | Event::EndMoved(_)
        | Event::ReceiptsOverdue(_)
        | Event::TrafficCounted(_)
        | Event::Ended(_)
        | Event::Expired(_) => {}
    }
    Ok(())
}
