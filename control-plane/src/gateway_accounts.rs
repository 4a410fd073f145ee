//! A gateway's place on the bus: its account, pushed to the server; its consumer; its short-lived user.

use crate::clock;
use std::sync::Arc;
use viworks_domain::ids::{BusAccount, GatewayId};
use viworks_nats::{
    bus::Bus,
    identity::{
        claims::USER_LIFETIME,
        nkey::{self, Kind},
        operator::{CannotMint, Operator},
        push::{Accounts, PushError},
    },
    stream::{self, SetupError},
};

pub struct GatewayAccounts {
    operator: Arc<Operator>,
    accounts: Accounts,
    admission: Bus,
}

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error(transparent)]
    Mint(#[from] CannotMint),
    #[error(transparent)]
    Push(#[from] PushError),
    #[error(transparent)]
    Consumer(#[from] SetupError),
}

impl GatewayAccounts {
    pub const fn new(operator: Arc<Operator>, accounts: Accounts, admission: Bus) -> Self {
        Self { operator, accounts, admission }
    }

    /// The same however often it is asked for: it derives from the gateway's id.
    pub fn account(&self, gateway: GatewayId) -> Result<BusAccount, AccountError> {
        Ok(self.operator.gateway_account(gateway)?)
    }

    /// Makes the account known to the server and its consumer ready; again changes nothing.
    pub async fn admit(&self, gateway: GatewayId) -> Result<BusAccount, AccountError> {
        let account = self.account(gateway)?;
        if self.accounts.lookup(&account).await?.is_none() {
            let jwt = self.operator.gateway_account_jwt(gateway, clock::now())?;
            self.accounts.push(&account, &jwt).await?;
        }
        stream::ensure_gateway(&self.admission, &account).await?;
        Ok(account)
    }

    /// Every connection of the gateway is closed within milliseconds, and none is let in again.
    pub async fn revoke(&self, gateway: GatewayId) -> Result<(), AccountError> {
        let account = self.account(gateway)?;
        let jwt = self.operator.revoked_account_jwt(gateway, clock::now())?;
        Ok(self.accounts.push(&account, &jwt).await?)
    }

    /// For the gateway's own nkey, which never left it.
    pub fn user(&self, gateway: GatewayId, user: &str) -> Result<String, AccountError> {
        Ok(self.operator.gateway_user(gateway, user, clock::now(), USER_LIFETIME)?)
    }
}

/// A name such as `*` would widen every permission it is put into.
pub fn is_bus_user(text: &str) -> bool {
    nkey::is_public(Kind::User, text)
}
