//! The bus: orders and leases in, reports and telemetry out. Everything here waits, retries and comes back by
//! itself; a gateway works without it.

use super::Event;
use crate::{
    clock,
    config::Places,
    entropy,
    frames::ControlBoot,
    https::{Https, HttpsError},
    identity::Enrolment,
};
use ed25519_dalek::{Signer, SigningKey};
use std::{cell::Cell, fs, path::PathBuf, rc::Rc, sync::Arc, time::Duration};
use tokio::sync::mpsc;
use viworks_api::gateway::{CredentialsRequest, CredentialsResponse, credentials_input};
use viworks_domain::{Millis, gateway_bus::Telemetry, ids::GatewayId};
use viworks_nats::{
    connect::{self, Link},
    gateway_bus::agent::{self, AgentBus},
    identity::{
        credentials::{Credentials, NotMinted},
        nkey,
    },
};

const AGAIN: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum BadBus {
    #[error("the bus key is damaged; enrol again")]
    Seed(#[from] nkey::InvalidSeed),
    #[error("the bus certificates are damaged; enrol again")]
    Tls(#[from] connect::BadTls),
    #[error("the control plane's address or CA cannot be used")]
    Https(#[from] HttpsError),
    #[error(transparent)]
    Connect(#[from] connect::CannotConnect),
}

pub(super) struct Bus {
    telemetry: mpsc::UnboundedSender<Telemetry>,
    handle: Handle,
}

#[derive(Clone)]
pub(super) struct Handle {
    reports: mpsc::UnboundedSender<(u64, Vec<u8>)>,
    acknowledged: Rc<Cell<u64>>,
}

impl Handle {
    pub fn report(&self, n: u64, envelope: Vec<u8>) {
        let _ = self.reports.send((n, envelope));
    }

    /// Up to which report the bus has them all, in this life.
    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.get()
    }
}

impl Bus {
    pub async fn start(
        places: &Places,
        enrolment: &Enrolment,
        boot: &ControlBoot,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<Self, BadBus> {
        let response = &enrolment.response;
        let tls = connect::tls(&response.bus_ca, &response.bus_certificate, &boot.bus_key)?;
        let link = Link { servers: response.bus_urls.clone(), tls };
        let user = nkey::KeyPair::from_seed(nkey::Kind::User, &boot.bus_seed)?;
        let renewal = Arc::new(Renewal {
            https: Https::new(&enrolment.url, &enrolment.https_ca)?,
            gateway: response.gateway,
            key: SigningKey::from_bytes(&boot.report_key),
            cache: places.control().join("bus.jwt"),
        });
        let cached = fs::read_to_string(&renewal.cache).unwrap_or_else(|_| response.bus_jwt.clone());
        let mint = agent::renewing(Some(cached), expires_in, move || {
            let renewal = Arc::clone(&renewal);
            async move { renewal.fetch().await }
        });
        let bus = AgentBus::connect(&link, &Credentials { user, mint }).await?;

        let (reports, queue) = mpsc::unbounded_channel();
        let (telemetry, readings) = mpsc::unbounded_channel();
        let acknowledged = Rc::new(Cell::new(0));
        tokio::task::spawn_local(orders(bus.clone(), events.clone()));
        tokio::task::spawn_local(leases(bus.clone(), events));
        let upto = places.control().join("acknowledged");
        tokio::task::spawn_local(send_reports(bus.clone(), queue, Rc::clone(&acknowledged), upto));
        tokio::task::spawn_local(send_telemetry(bus, readings));
        Ok(Self { telemetry, handle: Handle { reports, acknowledged } })
    }

    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    pub fn telemetry(&self, reading: Telemetry) {
        let _ = self.telemetry.send(reading);
    }
}

async fn orders(bus: AgentBus, events: mpsc::UnboundedSender<Event>) {
    loop {
        if let Ok(mut orders) = bus.orders().await {
            while let Ok(delivery) = orders.next().await {
                if events.send(Event::Order(Box::new(delivery))).is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn leases(bus: AgentBus, events: mpsc::UnboundedSender<Event>) {
    loop {
        if let Ok(mut leases) = bus.leases().await {
            while let Ok(bytes) = leases.next().await {
                if events.send(Event::Lease(bytes.to_vec())).is_err() {
                    return;
                }
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// One after the other, each until the bus has it.
async fn send_reports(
    bus: AgentBus,
    mut queue: mpsc::UnboundedReceiver<(u64, Vec<u8>)>,
    acknowledged: Rc<Cell<u64>>,
    upto: PathBuf,
) {
    while let Some((n, envelope)) = queue.recv().await {
        while let Err(error) = bus.report(envelope.clone()).await {
            tracing::debug!(n, %error, "a report has not arrived yet");
            tokio::time::sleep(AGAIN).await;
        }
        acknowledged.set(n);
        // Lost, it means that some are sent twice; their numbers say so.
        if queue.is_empty() {
            let _ = super::disk::replace(&upto, format!("{n}\n").as_bytes());
        }
    }
}

async fn send_telemetry(bus: AgentBus, mut readings: mpsc::UnboundedReceiver<Telemetry>) {
    while let Some(mut reading) = readings.recv().await {
        // Only the newest is worth sending.
        while let Ok(newer) = readings.try_recv() {
            reading = newer;
        }
        let _ = bus.telemetry(&reading).await;
    }
}

struct Renewal {
    https: Https,
    gateway: GatewayId,
    key: SigningKey,
    cache: PathBuf,
}

impl Renewal {
    async fn fetch(&self) -> Result<String, NotMinted> {
        let not = |error: &dyn std::fmt::Display| NotMinted(error.to_string());
        let at = clock::now();
        let signature = self.key.sign(&credentials_input(self.gateway, at)).to_bytes().to_vec();
        let request = CredentialsRequest { gateway: self.gateway, at, signature: signature.into() };
        let key = entropy::bytes().map_err(|e| not(&e))?;
        let asked = self.https.post("/v1/gateways/credentials", &key, &request).await;
        let answer: CredentialsResponse = asked.map_err(|e| not(&e))?;
        // Kept, so that a bus that comes back before its control plane does is enough.
        if let Err(error) = super::disk::replace(&self.cache, answer.bus_jwt.as_bytes()) {
            tracing::warn!(%error, "the bus credential was not kept");
        }
        Ok(answer.bus_jwt)
    }
}

/// What is left of a JWT's life; nothing, if it cannot be read. (Its signature is the bus's business.)
fn expires_in(jwt: &str) -> Duration {
    #[derive(serde::Deserialize)]
    struct Claims {
        exp: Option<u64>,
    }
    let claims = jwt.split('.').nth(1).and_then(|part| {
        let bytes = data_encoding::BASE64URL_NOPAD.decode(part.as_bytes()).ok()?;
        serde_json::from_slice::<Claims>(&bytes).ok()
    });
    match claims {
        Some(Claims { exp: Some(exp) }) => Millis(exp.saturating_mul(1000)).since(clock::now()),
        Some(Claims { exp: None }) => Duration::MAX,
        None => Duration::ZERO,
    }
}
