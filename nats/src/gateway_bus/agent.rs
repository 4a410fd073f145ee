//! The gateway's side.

use crate::{
    connect::{self, CannotConnect, Link},
    identity::credentials::{Credentials, Mint, NotMinted},
    pull::{Closed, Delivery, Puller},
    subject::local,
};
use async_nats::{Client, RequestErrorKind, StatusCode};
use bytes::Bytes;
use futures_util::StreamExt;
use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use viworks_domain::{bytes as postcard, gateway_bus::Telemetry};

/// Orders asked for at a time. Few: each may start a container.
const BATCH: usize = 16;
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// A JWT is renewed when it has less than this to live, rather than at its last second.
const RENEW_BEFORE: Duration = Duration::from_secs(60);

/// One gateway's connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct AgentBus {
    client: Client,
}

/// Gives a fresh JWT for this gateway's user, over HTTPS from the control plane.
///
/// `cached` (the last JWT, perhaps read from the state directory) is used until `expires_in` says that it has
/// less than a minute left, so that a bus that comes back before its control plane does is enough.
pub fn renewing<F, Fut>(
    cached: Option<String>,
    expires_in: impl Fn(&str) -> Duration + Send + Sync + 'static,
    fetch: F,
) -> Mint
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<String, NotMinted>> + Send + 'static,
{
    let last = Arc::new(Mutex::new(cached));
    let (expires_in, fetch) = (Arc::new(expires_in), Arc::new(fetch));
    Arc::new(move || {
        let (last, expires_in, fetch) = (Arc::clone(&last), Arc::clone(&expires_in), Arc::clone(&fetch));
        Box::pin(async move {
            let known = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(jwt) = &known
                && expires_in(jwt) > RENEW_BEFORE
            {
                return Ok(jwt.clone());
            }
            match fetch().await {
                Ok(jwt) => {
                    *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(jwt.clone());
                    Ok(jwt)
                }
                // Still good for a moment: better than nothing.
                Err(error) => known.filter(|jwt| !expires_in(jwt).is_zero()).ok_or(error),
            }
        })
    })
}

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Nobody knows whether it is stored: report again, with the same number.
    #[error("the report was not acknowledged")]
    Unacknowledged(#[source] async_nats::RequestError),
    #[error("the bus did not take the report: {0}")]
    Refused(String),
}

impl ReportError {
    /// Whether the connection itself is no longer usable, so that a new one has to be made.
    pub fn is_disconnected(&self) -> bool {
        matches!(self, Self::Unacknowledged(error) if error.kind() == RequestErrorKind::Other)
    }
}

impl AgentBus {
    /// Returns at once and goes on trying for ever: a gateway works without its bus.
    pub async fn connect(link: &Link, credentials: &Credentials) -> Result<Self, CannotConnect> {
        let client = connect::connect_eventually(link, credentials, "gateway", local::INBOX).await?;
        Ok(Self { client })
    }

    pub const fn client(&self) -> &Client {
        &self.client
    }

    /// The orders for this gateway, in order, until each is acknowledged.
    pub async fn orders(&self) -> Result<Orders, Closed> {
        Puller::open(self.client.clone(), local::NEXT.to_owned(), BATCH).await.map(Orders)
    }

    /// Signed news, durable on the bus when this returns; gives its sequence there.
    pub async fn report(&self, envelope: Vec<u8>) -> Result<u64, ReportError> {
        let request = async_nats::Request::new().payload(envelope.into()).timeout(Some(ACK_TIMEOUT));
        let answer =
            self.client.send_request(local::REPORT, request).await.map_err(ReportError::Unacknowledged)?;
        let text = String::from_utf8_lossy(&answer.payload);
        if answer.status == Some(StatusCode::NO_RESPONDERS) {
            return Err(ReportError::Refused("no stream takes reports".to_owned()));
        }
        serde_json::from_slice::<Acknowledged>(&answer.payload)
            .map(|acknowledged| acknowledged.seq)
            .map_err(|_| ReportError::Refused(text.chars().take(200).collect()))
    }

    /// Not kept, not answered: the next reading is due in two seconds anyway.
    pub async fn telemetry(&self, telemetry: &Telemetry) -> Result<(), Closed> {
        self.client.publish(local::TELEMETRY, postcard::encode(telemetry).into()).await.map_err(|_| Closed)
    }

    /// Signed renewals that need no place in a stream.
    pub async fn leases(&self) -> Result<Leases, Closed> {
        self.client.subscribe(local::LEASE).await.map(Leases).map_err(|_| Closed)
    }
}

#[derive(serde::Deserialize)]
struct Acknowledged {
    seq: u64,
}

/// The gateway's orders. What is not acknowledged comes again.
#[derive(Debug)]
pub struct Orders(Puller);

impl Orders {
    /// The next order: an envelope of kind `GatewayCommand`, yet to be verified. Waits as long as it takes,
    /// through restarts of the server. Cancel-safe.
    pub async fn next(&mut self) -> Result<Delivery, Closed> {
        loop {
            if let Some(delivery) = self.0.next().await? {
                return Ok(delivery);
            }
        }
    }
}

#[derive(Debug)]
pub struct Leases(async_nats::Subscriber);

impl Leases {
    /// The next envelope of kind `GatewayCommand`, yet to be verified. Cancel-safe.
    pub async fn next(&mut self) -> Result<Bytes, Closed> {
        self.0.next().await.map(|message| message.payload).ok_or(Closed)
    }
}
