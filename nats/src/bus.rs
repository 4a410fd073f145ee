//! One role's connection, with JetStream on it.

use crate::{
    connect::{self, CannotConnect, Link},
    identity::{credentials::Credentials, role::BusRole},
    subject,
};
use async_nats::{Client, jetstream};
use std::time::Duration;

/// How long a stream may take to acknowledge: an fsync on a loaded disk, with room. Whoever waits longer waits
/// for a server that was restarted, and had better ask again.
const ACK_TIMEOUT: Duration = Duration::from_secs(2);
/// Making streams takes longer than writing into them.
const API_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone, Debug)]
pub struct Bus {
    pub role: BusRole,
    pub client: Client,
    pub jetstream: jetstream::Context,
}

impl Bus {
    pub async fn connect(
        link: &Link,
        credentials: &Credentials,
        role: BusRole,
    ) -> Result<Self, CannotConnect> {
        let client = connect::connect(link, credentials, role.as_str(), &subject::inbox(role)).await?;
        Ok(Self::new(role, client))
    }

    pub fn new(role: BusRole, client: Client) -> Self {
        let jetstream = jetstream::ContextBuilder::new()
            .timeout(API_TIMEOUT)
            .ack_timeout(ACK_TIMEOUT)
            .build(client.clone());
        Self { role, client, jetstream }
    }
}
