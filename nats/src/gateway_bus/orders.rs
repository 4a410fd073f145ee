//! Orders to gateways: signed, numbered, durable.

use crate::{
    bus::Bus,
    subject::{GATEWAY, Subject},
};
use async_nats::jetstream::{context::PublishError, message::PublishMessage};
use ed25519_dalek::SigningKey;
use std::sync::Arc;
use viworks_domain::{
    Millis,
    aggregate::LogIdentity,
    bytes,
    envelope::{self, Kind},
    gateway_bus::{GatewayCommand, Order},
    ids::{BusAccount, GatewayId},
};

/// Orders that one decision may cause at one gateway.
pub const ORDERS_PER_CAUSE: u64 = 16;

/// Signs and sends. Only processes may.
#[derive(Clone)]
pub struct OrderSender {
    bus: Bus,
    key: Arc<SigningKey>,
    log: LogIdentity,
}

/// Which of the orders that a decision caused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause {
    pub seq: u64,
    /// Below [`ORDERS_PER_CAUSE`].
    pub index: u64,
}

#[derive(Debug, thiserror::Error)]
pub enum OrderError {
    #[error("an order to {0} was not acknowledged")]
    Unacknowledged(GatewayId, #[source] PublishError),
    #[error("decision {0} causes more orders at one gateway than can be numbered")]
    TooMany(u64),
}

impl OrderSender {
    pub fn new(bus: Bus, key: SigningKey, log: LogIdentity) -> Self {
        Self { bus, key: Arc::new(key), log }
    }

    /// Durable when this returns. Sending it again for the same cause does nothing at the gateway.
    pub async fn send(
        &self,
        gateway: GatewayId,
        account: &BusAccount,
        cause: Cause,
        order: Order,
        now: Millis,
    ) -> Result<(), OrderError> {
        let sealed = self.seal(gateway, cause, order, now)?;
        let message = PublishMessage::build().payload(sealed.into()).expected_stream(GATEWAY);
        let unacknowledged = |source| OrderError::Unacknowledged(gateway, source);
        let subject = Subject::GatewayCommand(account.clone()).to_string();
        let sent = self.bus.jetstream.send_publish(subject, message).await.map_err(unacknowledged)?;
        sent.await.map(drop).map_err(unacknowledged)
    }

    /// The signed envelope of an order.
    pub fn seal(
        &self,
        gateway: GatewayId,
        cause: Cause,
        order: Order,
        now: Millis,
    ) -> Result<Vec<u8>, OrderError> {
        if cause.index >= ORDERS_PER_CAUSE {
            return Err(OrderError::TooMany(cause.seq));
        }
        let command = GatewayCommand {
            log_id: self.log.log_id,
            epoch: self.log.epoch,
            recipient: gateway,
            n: cause.seq * ORDERS_PER_CAUSE + cause.index,
            cause_seq: cause.seq,
            issued_at: now,
            order,
        };
        Ok(envelope::seal(Kind::GatewayCommand, &self.key, &bytes::encode(&command)))
    }

    /// A renewal that need not be kept, by core NATS.
    pub async fn send_lease(
        &self,
        account: &BusAccount,
        sealed: Vec<u8>,
    ) -> Result<(), async_nats::PublishError> {
        self.bus.client.publish(Subject::GatewayLease(account.clone()).to_string(), sealed.into()).await
    }
}
