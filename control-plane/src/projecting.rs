//! The read models' loop: everything that is there in batches, then whatever comes.

use crate::keystore::DataKeys;
use futures_util::FutureExt as _;
use std::{error::Error, future::Future};
use viworks_domain::{aggregate::LogIdentity, ids::UserId, personal::DataKey};
use viworks_nats::event_store::EventStore;
use viworks_projections::{BATCH, Database, KeyFault, PersonalReader, Projector};

impl PersonalReader for DataKeys {
    async fn data_key(&self, user: UserId) -> Result<Option<DataKey>, KeyFault> {
        Ok(self.get(user).await?)
    }
}

/// Until `stop`, or until the log or the database cannot be used.
///
/// # Errors
/// Whatever stops the projector: it never skips.
pub async fn run(
    store: EventStore,
    database: Database,
    keys: DataKeys,
    log: LogIdentity,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut projector = Projector::open_or_rebuild(database, log, keys).await?;
    projector.check_head(store.last_sequence().await?)?;
    let mut reader = store.read_from(projector.checkpoint().seq + 1).await?;
    tokio::pin!(stop);
    loop {
        let first = tokio::select! {
            biased;
            () = &mut stop => return Ok(()),
            recorded = reader.next() => recorded?,
        };
        let mut batch = vec![first];
        // Whatever has come meanwhile shares the transaction.
        while batch.len() < BATCH {
            match reader.next().now_or_never() {
                Some(recorded) => batch.push(recorded?),
                None => break,
            }
        }
        projector.apply(&batch).await?;
    }
}
