//! Personal values stand open here as long as their user's data key exists, and no longer.

use std::{collections::HashMap, future::Future};
use viworks_domain::{ids::UserId, personal::DataKey};

pub type KeyFault = Box<dyn std::error::Error + Send + Sync>;

/// Where data keys are kept. `None` means erased; not being able to say is a fault, and stops the projector
/// rather than blank what is only out of reach.
pub trait PersonalReader: Send + Sync {
    fn data_key(&self, user: UserId) -> impl Future<Output = Result<Option<DataKey>, KeyFault>> + Send;
}

/// Reads nothing personal: for auditors without keys.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoKeys;

impl PersonalReader for NoKeys {
    async fn data_key(&self, _user: UserId) -> Result<Option<DataKey>, KeyFault> {
        Ok(None)
    }
}

impl PersonalReader for HashMap<UserId, DataKey> {
    async fn data_key(&self, user: UserId) -> Result<Option<DataKey>, KeyFault> {
        Ok(self.get(&user).cloned())
    }
}
