//! A window's rows, all windows of one moment.

use super::{rows, view::View};
use crate::{app::App, http::with_telemetry};
use viworks_api::feed::{Frame, Query, Rows, Window};
use viworks_domain::bytes;
use viworks_projections::{Moment, PageRequest, QueryError};

/// Answers every window, in frames that are encoded already.
pub async fn all(app: &App, moment: &mut Moment, view: &View) -> Result<Vec<Vec<u8>>, QueryError> {
    let mut frames = vec![];
    for window in view.windows() {
        frames.extend(one(app, moment, window).await?);
    }
    Ok(frames)
}

/// Answers one window.
pub async fn one(app: &App, moment: &mut Moment, window: &Window) -> Result<Vec<Vec<u8>>, QueryError> {
    let request = PageRequest { cursor: None, limit: Some(window.limit) };
    let mut histories = vec![];
    let (rows, next) = match &window.query {
        Query::Users(query) => {
            let page = moment.users(&rows::users(query), &request).await?;
            (Rows::Users(page.rows.into_iter().map(rows::user).collect()), page.next)
        }
        Query::Sessions(query) => {
            let page = moment.sessions(&rows::sessions(query), &request).await?;
            (Rows::Sessions(page.rows.into_iter().map(rows::session).collect()), page.next)
        }
        Query::Gateways => {
            let page = moment.gateways().await?;
            let mut gateways: Vec<_> = page.rows.into_iter().map(|row| with_telemetry(app, row)).collect();
            gateways.truncate(window.limit as usize);
            histories = gateways.iter().filter_map(|row| history(app, row.id)).collect();
            (Rows::Gateways(gateways), None)
        }
        Query::Policies => {
            let page = moment.policies(&request).await?;
            (Rows::Policies(page.rows.into_iter().map(rows::policy_summary).collect()), page.next)
        }
        Query::Audit(query) => {
            let page = moment.audit(&rows::audits(query), &request).await?;
            (Rows::Audit(page.rows.into_iter().map(rows::audit).collect()), page.next)
        }
    };
    let snapshot = Frame::Snapshot { window: window.id, seq: moment.seq(), rows, next };
    Ok(std::iter::once(bytes::encode(&snapshot)).chain(histories).collect())
}

/// What gateways have said in the last minutes, for a client that kept its rows.
pub async fn histories(app: &App, moment: &mut Moment) -> Result<Vec<Vec<u8>>, QueryError> {
    let rows = moment.gateways().await?.rows;
    Ok(rows.iter().filter_map(|row| history(app, row.id)).collect())
}

fn history(app: &App, gateway: viworks_domain::ids::GatewayId) -> Option<Vec<u8>> {
    let account = app.gateways.account(gateway).ok()?;
    let samples = app.telemetry.history(&account);
    (!samples.is_empty()).then(|| bytes::encode(&Frame::History { gateway, samples }))
}
