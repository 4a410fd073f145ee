//! Users' data keys: drawn here, wrapped under a key that is outside the bus, kept in its bucket `VW_KEYS`.

use crate::entropy;
use std::sync::Arc;
use viworks_domain::{
    bytes,
    ids::UserId,
    personal::{DataKey, Personal},
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

    fn unwrap(&self, user: UserId, stored: &[u8]) -> Result<DataKey, KeyStoreError> {
        let wrapped: Personal<[u8; 32]> =
            bytes::decode(stored).map_err(|_| KeyStoreError::OtherRoot(user))?;
        wrapped.open(user, &self.wrapping).map(DataKey).map_err(|_| KeyStoreError::OtherRoot(user))
    }
}
