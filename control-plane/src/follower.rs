//! One reader of the log per node: wakes long polls, and knows which gateway is behind which bus account.

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::watch;
use viworks_domain::{
    decision::Recorded,
    event::{AggregateKind, AnyEvent},
    gateway::{self, Gateway},
    ids::{BusAccount, GatewayId},
};
use viworks_nats::{
    event_store::{EventStore, ReadError},
    folds::Folds,
    gateway_bus::intake::{FindGateway, KnownGateway},
};

/// How long the bus may be away before the log is asked for again.
const PAUSE: Duration = Duration::from_millis(500);

/// Who is behind which account, as far as the log has been followed.
#[derive(Clone, Default)]
pub struct Roster {
    gateways: Arc<RwLock<HashMap<BusAccount, GatewayId>>>,
}

impl Roster {
    pub fn gateway(&self, account: &BusAccount) -> Option<GatewayId> {
        self.gateways.read().unwrap_or_else(PoisonError::into_inner).get(account).copied()
    }

    /// Every gateway that ever enrolled.
    pub fn all(&self) -> Vec<(BusAccount, GatewayId)> {
        let gateways = self.gateways.read().unwrap_or_else(PoisonError::into_inner);
        gateways.iter().map(|(account, id)| (account.clone(), *id)).collect()
    }

    fn take_in(&self, recorded: &Recorded) -> Result<(), ReadError> {
        if recorded.decision.aggregate.kind != AggregateKind::Gateway {
            return Ok(());
        }
        let unreadable = |source| {
            ReadError::Fold(viworks_domain::aggregate::CannotFold::Unreadable { seq: recorded.seq, source })
        };
        for event in recorded.events().map_err(unreadable)? {
            if let AnyEvent::Gateway(gateway::Event::Enrolled(enrolled)) = event.event {
                let id = GatewayId(recorded.decision.aggregate.id);
                let mut gateways = self.gateways.write().unwrap_or_else(PoisonError::into_inner);
                gateways.insert(enrolled.identity.account, id);
            }
        }
        Ok(())
    }
}

/// Follows the log for ever; returns only when it cannot be read by this build.
///
/// # Errors
/// The log holds something that this build does not know: the node must stop.
pub async fn follow(store: EventStore, roster: Roster, head: watch::Sender<u64>) -> Result<(), ReadError> {
    loop {
        let Err(error) = follow_once(&store, &roster, &head).await else { continue };
        if !error.is_passing() {
            return Err(error);
        }
        tracing::warn!(error = &error as &dyn std::error::Error, "the log is asked for again");
        tokio::time::sleep(PAUSE).await;
    }
}

async fn follow_once(
    store: &EventStore,
    roster: &Roster,
    head: &watch::Sender<u64>,
) -> Result<(), ReadError> {
    let from = *head.borrow() + 1;
    let mut reader = store.read_from(from).await?;
    loop {
        let recorded = reader.next().await?;
        roster.take_in(&recorded)?;
        head.send_replace(recorded.seq);
    }
}

/// The intake's way from an account to the key that its reports must be signed with.
pub struct KnownGateways {
    pub roster: Roster,
    pub folds: Arc<Folds>,
}

/// Accounts are minted here alone, so one that is not known yet is one whose enrolment is being followed.
#[derive(Debug, thiserror::Error)]
#[error("no gateway is known behind this account yet")]
struct NotKnownYet;

impl FindGateway for KnownGateways {
    async fn find(
        &self,
        account: &BusAccount,
    ) -> Result<Option<KnownGateway>, Box<dyn std::error::Error + Send + Sync>> {
        let gateway = self.roster.gateway(account).ok_or(NotKnownYet)?;
        let root = self.folds.fresh::<Gateway>(gateway).await?;
        let Some(identity) = root.state.identity.as_ref().filter(|_| root.state.is_enrolled()) else {
            return Ok(None);
        };
        let report_key = ed25519_dalek::VerifyingKey::from_bytes(&identity.report_key)?;
        Ok(Some(KnownGateway { gateway, report_key }))
    }
}
