//! `GET /v1/feed`: from a request to a socket.

use super::{
    call::{Answer, Call},
    guard::{InBrowser, Read},
    upgrade::Upgrade,
};
use crate::{error::Rejection, feed};
use http::{HeaderValue, header};
use viworks_api::feed::SUBPROTOCOL;

pub async fn open(call: Call, InBrowser(permit): InBrowser<Read>, upgrade: Upgrade) -> Answer {
    call.only(&[])?;
    if !offers_our_protocol(&call) {
        return Err(Rejection::Malformed("this page is of another version: load it again").into());
    }
    let app = call.app;
    let mut response = upgrade.accept(feed::of_sockets(), move |socket| feed::serve(app, permit, socket));
    response.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    Ok(response)
}

fn offers_our_protocol(call: &Call) -> bool {
    let lines = call.headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).into_iter();
    let mut offered = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    offered.any(|protocol| protocol.trim() == SUBPROTOCOL)
}
