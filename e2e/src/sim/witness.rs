//! What must hold whatever happens, told from the log by a fold of its own and compared with what stands.
//!
//! It shares no rule with the aggregates: it would not notice its own mistake in them.

use super::people::Vault;
use std::collections::{BTreeMap, BTreeSet};
use viworks_domain::{
    actor::{Actor, Origin},
    bytes,
    decision::{Outcome, RecordedEvent},
    event::{AggregateRef, AnyEvent},
    ids::{AttemptId, BootstrapId, CodeId, CommandId, SessionId, UserId},
    policy::PostureValues,
    session::{Event as S, Layer},
    user::Event as U,
};

const DAY: u64 = 24 * 3_600_000;
/// Wrong codes per account and day: what a stranger may try before a phone has to be enrolled anew.
const WRONG_CODES_A_DAY: usize = 20;
/// Per session.
const WRONG_CODES_A_SESSION: usize = 5;

#[derive(Default)]
pub(super) struct Witness {
    pub violation: Option<String>,
    pub sessions: BTreeMap<SessionId, Story>,
    commands: BTreeSet<(AggregateRef, CommandId)>,
    codes: BTreeSet<CodeId>,
    bootstraps: BTreeMap<BootstrapId, SessionId>,
    consumed: BTreeSet<BootstrapId>,
    reserved: BTreeMap<AttemptId, (UserId, SessionId)>,
    judged: BTreeSet<AttemptId>,
    wrong: BTreeMap<UserId, Vec<u64>>,
}

/// One session, as the log tells it.
#[derive(Default)]
pub(super) struct Story {
    user: Option<UserId>,
    posture_allowed: bool,
    code: Option<(CodeId, u64)>,
    wrong: usize,
    pub verified: bool,
    pub ends_at: u64,
    pub lease_until: u64,
    bootstrap: Option<BootstrapId>,
    issued: usize,
    /// Connections that the gateway let through.
    allowed: usize,
    /// Of them, those that showed OpenVPN another session's certificate.
    stolen: usize,
    ending: bool,
    receipts: BTreeSet<Layer>,
    pub ended: bool,
    pub over: bool,
    pub connections: usize,
}

impl Witness {
    pub fn violate(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert_with(|| what.into());
    }

    fn demand(&mut self, holds: bool, what: &str) {
        if !holds {
            self.violate(what);
        }
    }

    pub fn session_of(&self, bootstrap: BootstrapId) -> Option<SessionId> {
        self.bootstraps.get(&bootstrap).copied()
    }

    /// A pinned TLS connection was let through to OpenVPN.
    pub fn connection_allowed(&mut self, session: SessionId) {
        let story = self.sessions.entry(session).or_default();
        story.allowed += 1;
        let within = story.allowed <= story.issued;
        self.demand(within, "more connections than bootstraps: one was used twice");
    }

    /// This connection must not become a tunnel.
    pub fn stolen(&mut self, session: SessionId) {
        self.sessions.entry(session).or_default().stolen += 1;
    }

    pub fn decided(&mut self, aggregate: AggregateRef, command: CommandId, outcome: &Outcome, events: usize) {
        let new = self.commands.insert((aggregate, command));
        self.demand(new, "a command has two outcomes");
        self.demand(*outcome == Outcome::Accepted || events == 0, "a refusal with events");
    }

    pub fn observe(&mut self, event: &RecordedEvent<'_>, vault: &Vault) {
        match &event.event {
            AnyEvent::User(happened) => self.user(UserId(event.decision.aggregate.id), happened),
            AnyEvent::Session(happened) => {
                let id = SessionId(event.decision.aggregate.id);
                let mut story = self.sessions.remove(&id).unwrap_or_default();
                self.session(&mut story, id, happened, event, vault);
                self.sessions.insert(id, story);
            }
            AnyEvent::Directory(_) | AnyEvent::Device(_) | AnyEvent::Policy(_) | AnyEvent::Gateway(_) => {}
            AnyEvent::Operator(_) => {}
        }
    }

    fn user(&mut self, id: UserId, happened: &U) {
        if let U::AttemptReserved(e) = happened {
            self.reserved.insert(e.attempt, (id, e.session));
        }
    }

    fn judged(&mut self, story: &Story, session: SessionId, attempt: AttemptId) {
        let user = story.user.unwrap_or(UserId([0; 16]));
        let paid = self.reserved.get(&attempt) == Some(&(user, session));
        self.demand(paid, "a code was judged on an attempt that nobody paid");
        let new = self.judged.insert(attempt);
        self.demand(new, "an attempt was judged twice");
    }

    fn session(
        &mut self,
        story: &mut Story,
        id: SessionId,
        happened: &S,
        event: &RecordedEvent<'_>,
        vault: &Vault,
    ) {
        let at = event.decision.at.0;
        self.demand(!story.over && !story.ended, "something happened to a session that was over");
        match happened {
            S::Opened(e) => story.user = Some(e.user),
            S::PostureRecorded(e) => {
                story.posture_allowed = e.verdict.allow && e.verdict.facts.posture.is_some();
                let by = matches!(event.decision.actor, Actor::Device { id } if id == e.device);
                let made = |posture: &PostureValues| vault.honest.contains(&(id, bytes::encode(posture)));
                let honest = e.verdict.facts.posture.as_ref().is_some_and(made);
                self.demand(by && honest, "a posture that its own phone did not report");
            }
            S::CodeIssued(e) => {
                self.demand(story.posture_allowed, "a code for a posture that was not allowed");
                story.code = Some((e.code, e.expires_at.0));
            }
            S::CodeExpired(_) => story.code = None,
            S::AnswerRefused(e) => {
                self.judged(story, id, e.attempt);
                story.wrong += 1;
                self.demand(story.wrong <= WRONG_CODES_A_SESSION, "more wrong codes than a session allows");
                let wrong = self.wrong.entry(story.user.unwrap_or(UserId([0; 16]))).or_default();
                wrong.retain(|earlier| at < earlier + DAY);
                wrong.push(at);
                let within = wrong.len() <= WRONG_CODES_A_DAY;
                self.demand(within, "more wrong codes a day than an account allows");
            }
            S::Verified(e) => {
                self.judged(story, id, e.attempt);
                let live = story.code.is_some_and(|(code, until)| code == e.code && at < until);
                self.demand(live, "verified by a code that did not count any more");
                self.demand(vault.right.contains(&e.attempt), "verified by the wrong digits");
                let unused = self.codes.insert(e.code);
                self.demand(unused, "a code was used twice");
                self.demand(e.verdict.allow, "verified against the policy");
                story.verified = true;
                story.code = None;
                story.ends_at = e.ends_at.0;
                story.lease_until = u64::MAX;
            }
            S::BootstrapIssued(e) => {
                self.demand(story.verified && story.posture_allowed, "a bootstrap before verification");
                self.demand(e.verdict.allow, "a bootstrap against the policy");
                self.demand(at < story.ends_at && !story.ending, "a bootstrap after the end");
                let new = self.bootstraps.insert(e.bootstrap, id).is_none();
                self.demand(new, "a bootstrap was issued twice");
                story.bootstrap = Some(e.bootstrap);
                story.issued += 1;
                self.lease(story, e.lease_until.0);
            }
            S::BootstrapConsumed(e) => {
                let new = self.consumed.insert(e.bootstrap);
                self.demand(new, "a bootstrap was consumed twice");
                let mine = self.bootstraps.get(&e.bootstrap) == Some(&id);
                self.demand(mine, "another session's bootstrap was consumed");
            }
            S::Connected(e) => {
                let proven = story.posture_allowed && story.verified && !story.ending;
                self.demand(proven, "connected without verified posture, code and policy");
                let consumed = story.bootstrap == Some(e.bootstrap) && self.consumed.contains(&e.bootstrap);
                self.demand(consumed, "connected on a bootstrap that was not consumed");
                story.connections += 1;
                let own = story.connections + story.stolen <= story.issued;
                self.demand(own, "connected with another session's certificate");
            }
            S::LeaseRenewed(e) => self.lease(story, e.lease_until.0),
            S::EndMoved(e) => {
                self.demand(e.ends_at.0 <= story.ends_at, "an end moved away");
                story.ends_at = e.ends_at.0;
            }
            S::Ending(_) => {
                self.demand(!story.ending, "ended twice");
                story.ending = true;
            }
            S::ReceiptRecorded(e) => {
                let by_gateway = event.decision.origin == Origin::Intake || e.layer == Layer::Token;
                self.demand(by_gateway, "a receipt that no gateway gave");
                story.receipts.insert(e.layer);
            }
            S::Ended(_) => {
                let all = Layer::ALL.iter().all(|layer| story.receipts.contains(layer));
                self.demand(story.ending && all, "ended without every receipt");
                story.ended = true;
            }
            S::Denied(_) | S::Expired(_) => {
                self.demand(!story.verified, "a verified session vanished without receipts");
                story.over = true;
            }
            S::Admitted(_) | S::AdmissionRefused(_) | S::BootstrapExpired(_) => {}
            S::LayerChanged(_) | S::ReceiptsOverdue(_) | S::TrafficCounted(_) => {}
        }
    }

    fn lease(&mut self, story: &mut Story, until: u64) {
        self.demand(until <= story.ends_at, "a lease beyond the end");
        // Only the furthest one counts: an earlier one may still be at work at the gateway.
        let known = if story.lease_until == u64::MAX { 0 } else { story.lease_until };
        story.lease_until = known.max(until);
    }

    /// Packets of this session flow at `now`; clocks are at most `slack` apart.
    pub fn flowing(&mut self, session: SessionId, now: u64, slack: u64) {
        let Some(story) = self.sessions.get(&session) else {
            return self.violate("packets flow for a session that the log does not know");
        };
        let proven = story.verified && story.posture_allowed && story.issued > 0;
        let in_time = now <= story.ends_at.saturating_add(slack);
        let leased = now <= story.lease_until.saturating_add(slack);
        let ended = story.ended;
        self.demand(proven, "packets flow without verified posture, code and policy");
        self.demand(in_time, "packets flow after the session's end");
        self.demand(leased, "packets flow after the lease");
        self.demand(!ended, "packets flow after every receipt was given");
    }
}
