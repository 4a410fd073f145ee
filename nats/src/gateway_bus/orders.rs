//! Orders to gateways: signed, numbered, durable.

use crate::{
    bus::Bus,
    subject::{GATEWAY, Subject},
};
use async_nats::jetstream::{context::PublishError, message::PublishMessage};
use ed25519_dalek::SigningKey;
use std::sync::Arc;
use viworks_domain::{
    bytes,
    envelope::{self, Kind},
    gateway_bus::GatewayCommand,
    ids::{BusAccount, GatewayId},
};

/// Signs and sends. Only processes may.
#[derive(Clone)]
pub struct OrderSender {
    bus: Bus,
    key: Arc<SigningKey>,
}

#[derive(Debug, thiserror::Error)]
#[error("an order to {gateway} was not acknowledged")]
pub struct Unacknowledged {
    gateway: GatewayId,
    source: PublishError,
}

impl OrderSender {
    pub fn new(bus: Bus, key: SigningKey) -> Self {
        Self { bus, key: Arc::new(key) }
    }

    /// Durable when this returns. The same order sent again has the same number and does nothing more.
    pub async fn send(&self, account: &BusAccount, order: &GatewayCommand) -> Result<(), Unacknowledged> {
        let message = PublishMessage::build().payload(self.seal(order).into()).expected_stream(GATEWAY);
        let unacknowledged = |source| Unacknowledged { gateway: order.recipient, source };
        let subject = Subject::GatewayCommand(account.clone()).to_string();
        let sent = self.bus.jetstream.send_publish(subject, message).await.map_err(unacknowledged)?;
        sent.await.map(drop).map_err(unacknowledged)
    }

    /// By core NATS: heard only by an agent that is connected now. For what is worthless later.
    pub async fn send_lease(
        &self,
        account: &BusAccount,
        order: &GatewayCommand,
    ) -> Result<(), async_nats::PublishError> {
        let subject = Subject::GatewayLease(account.clone()).to_string();
        self.bus.client.publish(subject, self.seal(order).into()).await
    }

    fn seal(&self, order: &GatewayCommand) -> Vec<u8> {
        envelope::seal(Kind::GatewayCommand, &self.key, &bytes::encode(order))
    }
}
