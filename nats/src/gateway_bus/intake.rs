//! Reports and telemetry of gateways, as the control plane takes them in.

use crate::{
    bus::Bus,
    command_bus::park,
    pull::{AckError, Closed, Delivery, Puller},
    subject::{INTAKE, ParkReason, ParkedFrom, REPORTS, Subject},
};
use ed25519_dalek::VerifyingKey;
use futures_util::{Stream, StreamExt};
use std::future::Future;
use viworks_domain::{
    aggregate::LogIdentity,
    bytes,
    envelope::{self, Kind},
    gateway_bus::{Report, Telemetry},
    ids::{BusAccount, GatewayId},
};

/// Reports asked for at a time.
const BATCH: usize = 64;

/// What the log says of the gateway behind a bus account.
#[derive(Clone, Copy, Debug)]
pub struct KnownGateway {
    pub gateway: GatewayId,
    /// The key that its reports are signed with.
    pub report_key: VerifyingKey,
}

/// Finds gateways by their account. A fault (the log cannot be read now) leaves the report to come again.
pub trait FindGateway: Send + Sync {
    fn find(
        &self,
        account: &BusAccount,
    ) -> impl Future<Output = Result<Option<KnownGateway>, Box<dyn std::error::Error + Send + Sync>>> + Send;
}

/// Pulls reports, verifies them, parks what is not one.
#[derive(Debug)]
pub struct ReportIntake<F> {
    bus: Bus,
    puller: Puller,
    log: LogIdentity,
    gateways: F,
}

/// A genuine report, of the gateway whose account sent it and whose key signed it.
#[derive(Debug)]
pub struct IncomingReport {
    pub report: Report,
    pub account: BusAccount,
    delivery: Delivery,
}

impl IncomingReport {
    /// Everything that follows from it is durable.
    pub async fn done(&self) -> Result<(), AckError> {
        self.delivery.double_ack().await
    }

    /// Comes again after a while.
    pub async fn later(&self, delay: std::time::Duration) -> Result<(), AckError> {
        self.delivery.again_after(delay).await
    }
}

enum Verdict {
    Genuine(Report, BusAccount),
    Park(ParkReason),
    Later,
}

impl<F: FindGateway> ReportIntake<F> {
    pub async fn open(bus: Bus, log: LogIdentity, gateways: F) -> Result<Self, Closed> {
        let next = format!("$JS.API.CONSUMER.MSG.NEXT.{REPORTS}.{INTAKE}");
        let puller = Puller::open(bus.client.clone(), next, BATCH).await?;
        Ok(Self { bus, puller, log, gateways })
    }

    /// The next genuine report, in the order in which the bus stored them.
    pub async fn next(&mut self) -> Result<IncomingReport, Closed> {
        loop {
            let Some(delivery) = self.puller.next().await? else { continue };
            match self.verify(&delivery).await {
                Verdict::Genuine(report, account) => {
                    return Ok(IncomingReport { report, account, delivery });
                }
                Verdict::Park(reason) => {
                    tracing::warn!(
                        subject = delivery.subject(),
                        reason = reason.as_str(),
                        "a report is parked"
                    );
                    if let Err(error) = park(&self.bus, ParkedFrom::Reports, reason, &delivery).await {
                        tracing::warn!(%error, "parking failed; the report comes again");
                    }
                }
                Verdict::Later => {
                    if let Err(error) = delivery.again_after(std::time::Duration::from_secs(1)).await {
                        tracing::debug!(%error, "a report comes again after the consumer's wait");
                    }
                }
            }
        }
    }

    async fn verify(&self, delivery: &Delivery) -> Verdict {
        let Ok(Subject::GatewayReport(account)) = delivery.subject().parse() else {
            return Verdict::Park(ParkReason::Misaddressed);
        };
        let known = match self.gateways.find(&account).await {
            Ok(Some(known)) => known,
            Ok(None) => return Verdict::Park(ParkReason::Unauthentic),
            Err(error) => {
                tracing::warn!(%error, "a report's gateway cannot be looked up now");
                return Verdict::Later;
            }
        };
        let key = known.report_key;
        let opened = envelope::open(Kind::Report, delivery.payload(), |id| {
            (id == envelope::KeyId::of(key.as_bytes())).then_some(key)
        });
        let Ok(body) = opened else { return Verdict::Park(ParkReason::Unauthentic) };
        let Ok(report) = bytes::decode::<Report>(body) else {
            return Verdict::Park(ParkReason::Undecodable);
        };
        if report.gateway != known.gateway {
            Verdict::Park(ParkReason::Misaddressed)
        } else if (report.log_id, report.epoch) != (self.log.log_id, self.log.epoch) {
            Verdict::Park(ParkReason::OtherLog)
        } else {
            Verdict::Genuine(report, account)
        }
    }
}

/// Every gateway's telemetry as it comes; what does not decode is skipped, for the next is due in seconds.
pub async fn telemetry(
    bus: &Bus,
) -> Result<impl Stream<Item = (BusAccount, Telemetry)> + Send + use<>, Closed> {
    let messages = bus.client.subscribe("vw.gw.*.telemetry").await.map_err(|_| Closed)?;
    Ok(messages.filter_map(|message| async move {
        let Ok(Subject::GatewayTelemetry(account)) = message.subject.parse() else { return None };
        bytes::decode(&message.payload).ok().map(|telemetry| (account, telemetry))
    }))
}
