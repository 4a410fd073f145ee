//! `/v1/sessions`, for operators.

use super::{
    call::{Answer, Call},
    guard::{EndSessions, Permit, Read},
    reading::{OF_LISTS, OF_ROWS},
    route::Id,
    rows,
};
use crate::error::Rejection;
use viworks_api::session::TerminateRequest;
use viworks_domain::{
    command::WireCommand as Wire,
    ids::SessionId,
    session::{EndReason, WireCommand},
};
use viworks_projections::SessionFilter;

/// What is shown to the person whose session it is.
const LONGEST_NOTE: usize = 200;

/// `POST /v1/sessions/{id}/terminate`
pub async fn terminate(mut call: Call, permit: Permit<EndSessions>, Id(id): Id<SessionId>) -> Answer {
    let request: TerminateRequest = call.json().await?;
    let note = request.reason.trim();
    if note.is_empty() || note.len() > LONGEST_NOTE || note.chars().any(char::is_control) {
        return Err(Rejection::Malformed("reason: give 1 to 200 bytes of text, on one line").into());
    }
    let reason = EndReason::Terminated { note: note.to_owned() };
    let asker = call.asker(permit.actor())?;
    let command = Wire::Session(WireCommand::RequestEnd { reason });
    let accepted = call.app.ask(&asker, id, command, None).await?;
    call.ok(&accepted)
}

/// `GET /v1/sessions?active=true&text=&user=&gateway=&policy=`
pub async fn list(call: Call, _: Permit<Read>, (): ()) -> Answer {
    call.only(&[OF_LISTS.as_slice(), &["active", "text", "user", "gateway", "policy"]].concat())?;
    call.caught_up().await?;
    let filter = SessionFilter {
        id: None,
        active: call.query("active")?,
        text: call.query("text")?,
        user: call.query("user")?,
        gateway: call.query("gateway")?,
        policy: call.query("policy")?,
    };
    call.rows(call.app.queries.sessions(&filter, &call.page()?).await?, rows::session)
}

/// `GET /v1/sessions/{id}`
pub async fn show(call: Call, _: Permit<Read>, Id(id): Id<SessionId>) -> Answer {
    call.only(&OF_ROWS)?;
    call.caught_up().await?;
    let seq = call.app.queries.seq().await?;
    call.row(seq, call.app.queries.session(id).await?, rows::session)
}
