//! What was true at a moment of the past: a fold of a prefix of the stream. Pure.
//!
//! The prefix ends before the first decision that is stamped later than the moment. Stamps of different
//! workers may be a little apart, so the answer names the sequence it is as of: that is exact.

use crate::{failure::unreadable, names::Names, personal::PersonalKeys};
use std::{
    collections::BTreeMap,
    ops::ControlFlow::{self, Break, Continue},
};
use viworks_domain::{
    Aggregate, Millis, Root,
    aggregate::CannotFold,
    decision::{Recorded, RecordedEvent},
    event::{AggregateKind, AggregateRef, AnyEvent},
    gateway::Gateway,
    ids::{GatewayId, PolicyId, SessionId, UserId},
    policy::{Policy, PolicyRef},
    session::{self, Absence, EndReason, Layer, Session, Stage},
    user::User,
};
use viworks_projections::SessionState;

/// Where the prefix ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    Time(Millis),
    /// Through this sequence.
    Sequence(u64),
}

impl Until {
    fn is_before(self, recorded: &Recorded) -> bool {
        match self {
            Self::Time(time) => time < recorded.decision.at,
            Self::Sequence(seq) => seq < recorded.seq,
        }
    }
}

/// A session then: its fold, and what an auditor asks for besides.
#[derive(Clone, Debug, Default)]
pub struct SessionThen {
    pub root: Root<Session>,
    /// Known from `opened`, or from a denial at the first gate, where nothing was opened.
    pub user: Option<UserId>,
    pub policy: Option<PolicyRef>,
    pub opened_at: Option<Millis>,
    pub connected_at: Option<Millis>,
    pub ended_at: Option<Millis>,
    /// Inside the tunnel.
    pub address: Option<std::net::Ipv4Addr>,
    /// Of the resources that the last bootstrap granted.
    pub labels: Vec<String>,
    pub image: Option<String>,
    pub end_reason: Option<EndReason>,
    pub receipts: BTreeMap<Layer, Option<Absence>>,
    pub traffic: Option<(u64, u64)>,
}

/// Sessions that were over: counted, not kept, so that memory follows what was alive and not the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Over {
    pub ended: u64,
    pub denied: u64,
    pub expired: u64,
}

#[derive(Debug)]
pub struct Moment {
    until: Until,
    /// This one is kept although it is over, and nothing else but names is kept at all.
    only: Option<SessionId>,
    keys: PersonalKeys,
    /// The last sequence that belongs to the prefix, and its stamp; 0 when the log begins later.
    pub seq: u64,
    pub at: Millis,
    pub names: Names,
    pub sessions: BTreeMap<SessionId, SessionThen>,
    pub over: Over,
    pub users: BTreeMap<UserId, Root<User>>,
    pub gateways: BTreeMap<GatewayId, Root<Gateway>>,
    pub policies: BTreeMap<PolicyId, Root<Policy>>,
}

impl Moment {
    pub fn new(until: Until, only: Option<SessionId>, keys: PersonalKeys) -> Self {
        Self {
            until,
            only,
            keys,
            seq: 0,
            at: Millis(0),
            names: Names::default(),
            sessions: BTreeMap::new(),
            over: Over::default(),
            users: BTreeMap::new(),
            gateways: BTreeMap::new(),
            policies: BTreeMap::new(),
        }
    }

    /// Folds one decision; breaks at the first that is not part of the prefix.
    pub fn fold(&mut self, recorded: &Recorded) -> Result<ControlFlow<()>, CannotFold> {
        if self.until.is_before(recorded) {
            return Ok(Break(()));
        }
        let events = recorded.events().map_err(unreadable(recorded))?;
        for event in &events {
            self.names.learn(event, &self.keys);
        }
        let AggregateRef { kind, id } = recorded.decision.aggregate;
        match kind {
            AggregateKind::Session => self.session(SessionId(id), recorded, &events)?,
            _ if self.only.is_some() => {}
            AggregateKind::User => keep(&mut self.users, UserId(id), recorded)?,
            AggregateKind::Gateway => keep(&mut self.gateways, GatewayId(id), recorded)?,
            AggregateKind::Policy => keep(&mut self.policies, PolicyId(id), recorded)?,
            AggregateKind::Directory | AggregateKind::Device | AggregateKind::Operator => {}
        }
        self.seq = recorded.seq;
        self.at = self.at.max(recorded.decision.at);
        Ok(Continue(()))
    }

    fn session(
        &mut self,
        id: SessionId,
        recorded: &Recorded,
        events: &[RecordedEvent<'_>],
    ) -> Result<(), CannotFold> {
        if self.only.is_some_and(|only| only != id) {
            return Ok(());
        }
        // What is over was let go; what comes to it later changes nothing.
        if recorded.decision.base_version > 0 && !self.sessions.contains_key(&id) {
            return Ok(());
        }
        let then = self.sessions.entry(id).or_default();
        then.root.apply(recorded.seq, &recorded.decision)?;
        for event in events {
            if let AnyEvent::Session(happened) = &event.event {
                then.note(happened, recorded.decision.at);
            }
        }
        let state = then.state();
        if self.only.is_none() && !state.is_some_and(SessionState::is_active) {
            self.sessions.remove(&id);
            match state {
                Some(SessionState::Ended) => self.over.ended += 1,
                Some(SessionState::Denied) => self.over.denied += 1,
                Some(SessionState::Expired) => self.over.expired += 1,
                // Refused before it existed, or still alive.
                _ => {}
            }
        }
        Ok(())
    }
}

impl SessionThen {
    /// None before it was opened or denied.
    pub fn state(&self) -> Option<SessionState> {
        Some(match &self.root.state.stage {
            Stage::Absent => return None,
            Stage::Challenged => SessionState::Challenged,
            Stage::CodeIssued(_) => SessionState::CodeIssued,
            Stage::Verified(v) if v.connected => SessionState::Connected,
            Stage::Verified(v) if v.bootstrap.as_ref().is_some_and(|b| !b.expired && b.refused.is_none()) => {
                SessionState::Connecting
            }
            Stage::Verified(_) => SessionState::Verified,
            Stage::Ending(_) => SessionState::Ending,
            Stage::Ended(_) => SessionState::Ended,
            Stage::Denied => SessionState::Denied,
            Stage::Expired => SessionState::Expired,
        })
    }

    fn note(&mut self, event: &session::Event, at: Millis) {
        use session::Event as E;
        match event {
            E::Opened(e) => {
                (self.user, self.policy) = (Some(e.user), Some(e.policy));
                self.opened_at = Some(at);
            }
            E::BootstrapIssued(e) => {
                self.labels.clone_from(&e.labels);
                self.image = Some(e.image.clone());
            }
            E::Admitted(e) => self.address = Some(e.address),
            E::Connected(_) => self.connected_at = Some(at),
            E::Ending(e) => {
                self.end_reason = Some(e.reason.clone());
                self.receipts = e.layers.iter().map(|layer| (*layer, None)).collect();
            }
            E::ReceiptRecorded(e) => {
                self.receipts.insert(e.layer, Some(e.absence));
            }
            E::TrafficCounted(e) => self.traffic = Some((e.bytes_in, e.bytes_out)),
            E::Denied(e) => {
                (self.user, self.policy) = (Some(e.user), Some(e.policy));
                self.ended_at = Some(at);
            }
            E::Ended(_) | E::Expired(_) => self.ended_at = Some(at),
            E::PostureRecorded(_)
            | E::CodeIssued(_)
            | E::CodeExpired(_)
            | E::AnswerRefused(_)
            | E::Verified(_)
            | E::AdmissionRefused(_)
            | E::BootstrapExpired(_)
            | E::BootstrapConsumed(_)
            | E::LayerChanged(_)
            | E::LeaseRenewed(_)
            | E::EndMoved(_)
            | E::ReceiptsOverdue(_) => {}
        }
    }
}

/// Folds into what is kept; what was only ever refused into being is not kept.
fn keep<K: Ord + Copy, A: Aggregate>(
    kept: &mut BTreeMap<K, Root<A>>,
    id: K,
    recorded: &Recorded,
) -> Result<(), CannotFold> {
    let root = kept.entry(id).or_default();
    root.apply(recorded.seq, &recorded.decision)?;
    if root.version == 0 {
        kept.remove(&id);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
