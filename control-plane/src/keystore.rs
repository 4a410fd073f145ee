//! Users' data keys: drawn here, wrapped under a key that is outside the bus, kept in its bucket `VW_KEYS`.

use crate::entropy;
use std::sync::Arc;
use viworks_domain::{
    bytes,
    ids::{Digest, OperatorId, UserId},
    personal::{DataKey, Personal},
    user::PasswordHash,
};
use viworks_nats::key_value::{DataKeys as Bucket, KeyValueError};

/// Cheap to clone.
#[derive(Clone)]
pub struct DataKeys {
    bucket: Bucket,
    wrapping: Arc<DataKey>,
}

#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    #[error(transparent)]
    Bucket(#[from] KeyValueError),
    #[error("the data key of {0} does not unwrap: it was wrapped under another root key")]
    OtherRoot(UserId),
}

impl DataKeys {
    pub fn new(bucket: Bucket, wrapping: DataKey) -> Self {
        Self { bucket, wrapping: Arc::new(wrapping) }
    }

    /// A new user's key; asking again for the same user gives the same key.
    pub async fn create(&self, user: UserId) -> Result<DataKey, KeyStoreError> {
        let drawn = zeroize::Zeroizing::new(entropy::bytes::<32>());
        let wrapped: Personal<[u8; 32]> = Personal::seal(&drawn, user, &self.wrapping, entropy::bytes());
        let stands = self.bucket.get_or_put(user, bytes::encode(&wrapped).into()).await?;
        self.unwrap(user, &stands)
    }

    /// None once erased.
    pub async fn get(&self, user: UserId) -> Result<Option<DataKey>, KeyStoreError> {
        self.bucket.get(user).await?.map(|stored| self.unwrap(user, &stored)).transpose()
    }

    /// An operator's password hash, under the digest that the log holds of it: whoever races keeps another.
    pub async fn keep_operator_password(
        &self,
        operator: OperatorId,
        digest: Digest,
        hash: &PasswordHash,
    ) -> Result<(), KeyStoreError> {
        let sealed = Personal::seal(hash, UserId(operator.0), &self.wrapping, entropy::bytes());
        let kept = self.bucket.get_or_put(entry(digest), bytes::encode(&sealed).into()).await;
        kept.map(drop).map_err(KeyStoreError::from)
    }

    pub async fn operator_password(
        &self,
        operator: OperatorId,
        digest: Digest,
    ) -> Result<Option<PasswordHash>, KeyStoreError> {
        let Some(stored) = self.bucket.get(entry(digest)).await? else { return Ok(None) };
        let owner = UserId(operator.0);
        let sealed: Personal<PasswordHash> =
            bytes::decode(&stored).map_err(|_| KeyStoreError::OtherRoot(owner))?;
        sealed.open(owner, &self.wrapping).map(Some).map_err(|_| KeyStoreError::OtherRoot(owner))
    }

    pub async fn erase(&self, user: UserId) -> Result<(), KeyStoreError> {
        Ok(self.bucket.erase(user).await?)
    }

    fn unwrap(&self, user: UserId, stored: &[u8]) -> Result<DataKey, KeyStoreError> {
        let wrapped: Personal<[u8; 32]> =
            bytes::decode(stored).map_err(|_| KeyStoreError::OtherRoot(user))?;
        wrapped.open(user, &self.wrapping).map(DataKey).map_err(|_| KeyStoreError::OtherRoot(user))
    }
}

/// The bucket's entries are named like users; a salted hash's digest never meets one of them.
fn entry(digest: Digest) -> UserId {
    let mut id = [0; 16];
    id.copy_from_slice(&digest.0[..16]);
    UserId(id)
}
