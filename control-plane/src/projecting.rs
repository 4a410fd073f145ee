//! The read models' loop: everything that is there in batches, then whatever comes.

use crate::keystore::DataKeys;
use futures_util::FutureExt as _;
use std::{error::Error, future::Future};
use viworks_domain::{aggregate::LogIdentity, decision::Recorded, ids::UserId, personal::DataKey};
use viworks_nats::event_store::EventStore;
use viworks_projections::{BATCH, Database, KeyFault, PersonalReader, ProjectError, Projector};

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
        apply(&mut projector, &batch).await?;
    }
}

/// As often as it takes: a database without a free connection has one later, and nothing else of the node needs to
/// end for it.
async fn apply(
    projector: &mut Projector<impl PersonalReader>,
    batch: &[Recorded],
) -> Result<(), ProjectError> {
    loop {
        match projector.apply(batch).await {
            Err(error) if error.is_passing() => {
                tracing::warn!(error = &error as &dyn Error, "the projector waits for the database");
            }
            result => return result.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use viworks_domain::{
        Millis,
        actor::{Actor, Origin},
        decision::{Decision, Outcome},
        ids::{CommandId, CorrelationId, Digest, LogId, PolicyId},
    };
    use viworks_projections::{NoKeys, Queries};

    const LOG: LogIdentity = LogIdentity { log_id: LogId([1; 16]), epoch: 1 };

    fn first() -> Recorded {
        let decision = Decision {
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            aggregate: PolicyId([1; 16]).into(),
            base_version: 0,
            command_id: CommandId([1; 16]),
            command_digest: Digest([0; 32]),
            command_expires_at: Millis(0),
            origin: Origin::Api,
            actor: Actor::Machine,
            correlation: CorrelationId([1; 16]),
            causation: None,
            at: Millis(1),
            outcome: Outcome::Accepted,
            events: vec![],
        };
        Recorded { seq: 1, decision }
    }

    #[tokio::test]
    async fn a_database_without_a_free_connection_is_waited_for() {
        let database = Database::open("sqlite::memory:").await.expect("a database");
        let mut projector = Projector::open(database.clone(), LOG, NoKeys).await.expect("a projector");
        // The only connection to it.
        let held = Queries::new(database).moment().await.expect("a moment");
        tokio::time::pause();
        let free_again = async {
            tokio::time::sleep(Duration::from_secs(300)).await;
            // What the database does takes no time of this clock.
            tokio::time::resume();
            drop(held);
        };
        let batch = [first()];
        let (applied, ()) = tokio::join!(apply(&mut projector, &batch), free_again);
        applied.expect("projected");
        assert_eq!(projector.checkpoint().seq, 1);
    }
}
