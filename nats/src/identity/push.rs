//! Telling the server about accounts: one push at a time, looked up afterwards.
//!
//! The server takes an older JWT of an account as readily as a newer one, which would let a revoked gateway
//! back in, and answers 200 to one it will not use. So pushes stand in line, an older one is not sent, and
//! what the server then has is compared with what was meant.

use super::claims;
use async_nats::Client;
use serde_json::Value;
use tokio::sync::Mutex;
use viworks_domain::ids::BusAccount;

#[derive(Debug)]
pub struct Accounts {
    /// Of the system account.
    client: Client,
    one_at_a_time: Mutex<()>,
}

#[derive(Debug, thiserror::Error)]
pub enum PushError {
    #[error("the server did not answer about account {0}")]
    Unanswered(BusAccount, #[source] async_nats::RequestError),
    #[error("the server refused account {0}: {1}")]
    Refused(BusAccount, String),
    #[error("the server has a newer JWT of account {0}")]
    Older(BusAccount),
    #[error("the server took account {0} but does not use it")]
    NotTaken(BusAccount),
}

impl Accounts {
    pub fn new(system: Client) -> Self {
        Self { client: system, one_at_a_time: Mutex::new(()) }
    }

    /// Effective when this returns: connections of users it revokes are closed within milliseconds.
    pub async fn push(&self, account: &BusAccount, jwt: &str) -> Result<(), PushError> {
        let _alone = self.one_at_a_time.lock().await;
        if let Some(present) = self.lookup(account).await?
            && claims::issued_at(&present) > claims::issued_at(jwt)
        {
            return Err(PushError::Older(account.clone()));
        }
        let answer = self.request("$SYS.REQ.CLAIMS.UPDATE".to_owned(), account, jwt.to_owned()).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let code = answer.pointer("/data/code").or_else(|| answer.pointer("/code")).and_then(Value::as_u64);
        if code != Some(200) {
            return Err(PushError::Refused(account.clone(), answer.to_string()));
        }
        if self.lookup(account).await?.as_deref() == Some(jwt) {
            Ok(())
        } else {
            Err(PushError::NotTaken(account.clone()))
        }
    }

    /// The JWT that the server has of this account.
    pub async fn lookup(&self, account: &BusAccount) -> Result<Option<String>, PushError> {
        let subject = format!("$SYS.REQ.ACCOUNT.{account}.CLAIMS.LOOKUP");
        let answer = self.request(subject, account, String::new()).await?;
        let text = String::from_utf8(answer).unwrap_or_default();
        Ok((text.matches('.').count() == 2 && claims::read(&text).is_some()).then_some(text))
    }

    async fn request(
        &self,
        subject: String,
        account: &BusAccount,
        body: String,
    ) -> Result<Vec<u8>, PushError> {
        self.client
            .request(subject, body.into())
            .await
            .map(|answer| answer.payload.to_vec())
            .map_err(|source| PushError::Unanswered(account.clone(), source))
    }
}
