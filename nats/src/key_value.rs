//! Two buckets: users' data keys (already sealed by their owner, the control plane), and checkpoints.

use crate::{
    bus::Bus,
    subject::{KEYS, PROCESS},
};
use async_nats::jetstream::kv::Store;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use viworks_domain::{actor::ProcessName, aggregate::LogIdentity, bytes as postcard, ids::UserId};

#[derive(Debug, thiserror::Error)]
pub enum KeyValueError {
    #[error("bucket {bucket} cannot be {verb}")]
    Unavailable { bucket: &'static str, verb: &'static str, source: Box<dyn std::error::Error + Send + Sync> },
    #[error("the checkpoint of {0} does not decode")]
    BadCheckpoint(&'static str),
}

impl KeyValueError {
    /// Whether trying again can help.
    pub const fn is_passing(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

fn unavailable<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    bucket: &'static str,
    verb: &'static str,
) -> impl FnOnce(E) -> KeyValueError {
    move |source| KeyValueError::Unavailable { bucket, verb, source: source.into() }
}

/// One key per user, in `VW_KEYS`. What is stored is opaque here; erasing it erases the user's personal data
/// wherever it stands in the log.
#[derive(Clone, Debug)]
pub struct DataKeys(Store);

impl DataKeys {
    pub async fn open(bus: &Bus) -> Result<Self, KeyValueError> {
        bus.jetstream.get_key_value(KEYS).await.map(Self).map_err(unavailable(KEYS, "opened"))
    }

    pub async fn get(&self, user: UserId) -> Result<Option<Bytes>, KeyValueError> {
        self.0.get(user.to_string()).await.map_err(unavailable(KEYS, "read"))
    }

    /// The key that stands after this call: the one given, or an earlier one.
    pub async fn get_or_put(&self, user: UserId, sealed: Bytes) -> Result<Bytes, KeyValueError> {
        use async_nats::jetstream::kv::CreateErrorKind;
        match self.0.create(user.to_string(), sealed.clone()).await {
            Ok(_) => Ok(sealed),
            Err(error) if error.kind() == CreateErrorKind::AlreadyExists => {
                self.get(user).await?.ok_or_else(|| unavailable(KEYS, "read")("the key was erased just now"))
            }
            Err(error) => Err(unavailable(KEYS, "written")(error)),
        }
    }

    /// Gone for good: the bucket keeps no history, and the message itself is removed.
    pub async fn erase(&self, user: UserId) -> Result<(), KeyValueError> {
        self.0.purge(user.to_string()).await.map_err(unavailable(KEYS, "erased"))
    }
}

/// How far a process had emitted, in `VW_PROCESS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    pub log: LogIdentity,
    pub seq: u64,
}

#[derive(Clone, Debug)]
pub struct Checkpoints(Store);

impl Checkpoints {
    pub async fn open(bus: &Bus) -> Result<Self, KeyValueError> {
        bus.jetstream.get_key_value(PROCESS).await.map(Self).map_err(unavailable(PROCESS, "opened"))
    }

    pub async fn get(&self, process: ProcessName) -> Result<Option<Checkpoint>, KeyValueError> {
        let stored = self.0.get(process.as_str()).await.map_err(unavailable(PROCESS, "read"))?;
        stored
            .map(|bytes| postcard::decode(&bytes).map_err(|_| KeyValueError::BadCheckpoint(process.as_str())))
            .transpose()
    }

    pub async fn put(&self, process: ProcessName, checkpoint: Checkpoint) -> Result<(), KeyValueError> {
        let bytes = postcard::encode(&checkpoint);
        self.0.put(process.as_str(), bytes.into()).await.map(drop).map_err(unavailable(PROCESS, "written"))
    }
}
