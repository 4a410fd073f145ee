//! `/v1/audit`: the timeline, newest first.

use super::{
    call::{Answer, Call},
    guard::{Permit, Read},
    reading::OF_LISTS,
    rows,
};
use viworks_projections::AuditFilter;

/// `GET /v1/audit?user=&session=&correlation=&kind=`
pub async fn timeline(call: Call, _: Permit<Read>, (): ()) -> Answer {
    call.only(&[OF_LISTS.as_slice(), &["user", "session", "correlation", "kind"]].concat())?;
    call.caught_up().await?;
    let filter = AuditFilter {
        user: call.query("user")?,
        session: call.query("session")?,
        correlation: call.query("correlation")?,
        kind: call.query("kind")?,
    };
    call.rows(call.app.queries.audit(&filter, &call.page()?).await?, rows::audit)
}
