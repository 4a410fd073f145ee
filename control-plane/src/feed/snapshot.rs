//! A window's rows, all windows of one moment.

use super::{rows, view::View};
use crate::app::App;
use viworks_api::feed::{Frame, Rows, Window};
use viworks_domain::{bytes, ids::GatewayId};
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
    let (rows, next) = rows::read(app, moment, &window.query, &request).await?;
    let histories = match &rows {
        Rows::Gateways(rows) => rows.iter().filter_map(|row| history(app, row.id)).collect(),
        Rows::Users(_) | Rows::Sessions(_) | Rows::Policies(_) | Rows::Audit(_) => vec![],
    };
    let snapshot = Frame::Snapshot { window: window.id, seq: moment.seq(), rows, next };
    Ok(std::iter::once(bytes::encode(&snapshot)).chain(histories).collect())
}

/// What gateways have said in the last minutes, for a client that kept its rows.
pub async fn histories(app: &App, moment: &mut Moment) -> Result<Vec<Vec<u8>>, QueryError> {
    let rows = moment.gateways().await?.rows;
    Ok(rows.iter().filter_map(|row| history(app, row.id)).collect())
}

fn history(app: &App, gateway: GatewayId) -> Option<Vec<u8>> {
    let account = app.gateways.account(gateway).ok()?;
    let samples = app.telemetry.history(&account);
    (!samples.is_empty()).then(|| bytes::encode(&Frame::History { gateway, samples }))
}
