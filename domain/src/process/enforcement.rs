//! Who is let in, and who no longer is: the only sender of `admit` and `renew`.
//!
//! A session was judged when its command was decided, with what the worker had folded by then. Here the log
//! is read in order, so whatever was decided before (a suspension, another policy, a revoked phone) counts:
//! every bootstrap is judged once more before its `admit` goes out, and every change asks again about the
//! sessions that it may concern.

use super::{Alarm, AlarmKind, Alarms, Effect, Process, Rang};
use crate::{
    Aggregate, Millis,
    actor::ProcessName,
    command::WireCommand,
    decision::RecordedEvent,
    device::{Device, Event as D},
    event::AnyEvent,
    gateway::{self, Event as G, Gateway},
    gateway_bus::{Admit, Order, Renew},
    ids::{
        BootstrapId, CorrelationId, DeviceId, Digest, GatewayId, Incarnation, PolicyId, SessionId, UserId,
    },
    lease,
    policy::{Event as P, Facts, Gate, Grant, Policy, PostureValues, evaluate},
    session::{self, BootstrapIssued, DeadlineKind, EndReason, Event as S, LeaseRenewed},
    user::{Event as U, User},
};
use std::collections::BTreeMap;

#[derive(Default)]
pub struct Enforcement {
    users: BTreeMap<UserId, User>,
    devices: BTreeMap<DeviceId, Device>,
    policies: BTreeMap<PolicyId, Policy>,
    gateways: BTreeMap<GatewayId, Gateway>,
    /// Opened, and neither denied, expired nor ending: what is absent here is never admitted.
    live: BTreeMap<SessionId, Live>,
    alarms: Alarms,
}

struct Live {
    user: UserId,
    device: DeviceId,
    gateway: GatewayId,
    policy: PolicyId,
    client_key: Digest,
    install_key: Digest,
    verified: bool,
    correlation: CorrelationId,
    posture: Option<PostureValues>,
    ends_at: Millis,
    /// What the last bootstrap opened at the gateway.
    grants: Vec<Grant>,
    /// The bootstrap before this one is void.
    bootstrap: Option<(BootstrapId, Incarnation)>,
    /// The decision that first offered it a way in: who came first keeps the place.
    since: Option<u64>,
    /// Its end has been asked for.
    leaving: bool,
}

impl Enforcement {
    /// Why this session may not stand at `at`; nothing when it may.
    fn objection(&self, id: SessionId, live: &Live, at: Millis) -> Option<EndReason> {
        let user = self.users.get(&live.user);
        let user_active = user.is_some_and(User::is_active);
        if !user_active {
            return Some(EndReason::UserNotActive);
        }
        let assigned = user.is_some_and(|user| {
            user.policies.contains(&live.policy) && user.gateways.contains(&live.gateway)
        });
        let phone = self
            .devices
            .get(&live.device)
            .is_some_and(|device| device.is_enrolled() && device.user == Some(live.user));
        let gateway = self.gateways.get(&live.gateway).is_some_and(Gateway::is_enrolled);
        let policy = self.policies.get(&live.policy).and_then(|policy| policy.active(live.policy));
        let (true, true, true, Some((_, document))) = (assigned, phone, gateway, policy) else {
            return Some(EndReason::PolicyChanged);
        };
        // There is no taking back of single grants: who has more than the policy gives asks for a new way in.
        if live.grants.iter().any(|grant| document.resources.iter().all(|r| Grant::from(r) != *grant)) {
            return Some(EndReason::PolicyChanged);
        }
        // Before the phone has spoken there is nothing to judge yet; the gates ahead will.
        let posture = live.posture.clone()?;
        let facts = Facts {
            at,
            local: Facts::local_time(document, at),
            user_active,
            policy_active: true,
            other_sessions: self.earlier_sessions(id, live),
            known_desktop: true,
            posture: Some(posture),
        };
        (!evaluate(document, facts, Gate::Continuous).allow).then_some(EndReason::PolicyChanged)
    }

    /// The same user's sessions that were offered a way in before this one and stay.
    fn earlier_sessions(&self, id: SessionId, live: &Live) -> u32 {
        let mine = live.since.unwrap_or(u64::MAX);
        let others = self.live.iter().filter(|(other, l)| {
            **other != id && l.user == live.user && !l.leaving && l.since.is_some_and(|since| since < mine)
        });
        u32::try_from(others.count()).unwrap_or(u32::MAX)
    }

    /// Asks again about every session that `concerned` names.
    fn reconsider(&mut self, at: Millis, concerned: impl Fn(&Live) -> bool) -> Vec<Effect> {
        let ids = self.live.iter().filter(|(_, live)| !live.leaving && concerned(live));
        let ids = ids.map(|(id, _)| *id).collect::<Vec<_>>();
        ids.into_iter().filter_map(|id| self.end_unless_allowed(id, at)).collect()
    }

    /// A changed policy may close earlier than the session was told: renewing tells the session and its gateway
    /// now, not at half the lease.
    fn renew_at_once(&self, policy: PolicyId, seq: u64) -> Vec<Effect> {
        let under = |live: &&Live| live.policy == policy && live.since.is_some() && !live.leaving;
        self.live.iter().filter(|(_, live)| under(live)).map(|(id, live)| renewal(*id, live, seq)).collect()
    }

    fn end_unless_allowed(&mut self, id: SessionId, at: Millis) -> Option<Effect> {
        let reason = self.objection(id, self.live.get(&id)?, at)?;
        let live = self.live.get_mut(&id)?;
        live.leaving = true;
        Some(Effect::Command {
            aggregate: id.into(),
            body: WireCommand::Session(session::WireCommand::RequestEnd { reason }),
            correlation: live.correlation,
            not_after: None,
        })
    }

    /// A desktop that vanished cannot sign out. Its person, verified again on it, does that here.
    fn end_what_the_same_desktop_left(&mut self, id: SessionId) -> Vec<Effect> {
        let Some((user, install_key)) = self.live.get(&id).map(|live| (live.user, live.install_key)) else {
            return vec![];
        };
        let left = self.live.iter_mut().filter(|(other, live)| {
            **other != id
                && live.verified
                && !live.leaving
                && live.user == user
                && live.install_key == install_key
        });
        left.map(|(other, live)| {
            live.leaving = true;
            Effect::Command {
                aggregate: (*other).into(),
                body: WireCommand::Session(session::WireCommand::RequestEnd {
                    reason: EndReason::SignedInAgain,
                }),
                correlation: live.correlation,
                not_after: None,
            }
        })
        .collect()
    }

    fn bootstrap_issued(
        &mut self,
        id: SessionId,
        e: &BootstrapIssued,
        event: &RecordedEvent<'_>,
    ) -> Vec<Effect> {
        let at = event.decision.at;
        let Some(live) = self.live.get_mut(&id) else { return vec![] };
        live.bootstrap = Some((e.bootstrap, e.incarnation));
        live.grants.clone_from(&e.grants);
        live.since.get_or_insert(event.seq);
        live.posture.clone_from(&e.verdict.facts.posture);
        if live.leaving {
            return vec![];
        }
        if let Some(end) = self.end_unless_allowed(id, at) {
            return vec![end];
        }
        let Some(live) = self.live.get(&id) else { return vec![] };
        let admit = Admit {
            session: id,
            session_version: event.version,
            not_after: e.use_before,
            incarnation: e.incarnation,
            bootstrap: e.bootstrap,
            sealed: e.sealed.clone(),
            use_before: e.use_before,
            client_key: live.client_key,
            certificate: e.certificate,
            grants: e.grants.clone(),
            image: e.image.clone(),
            ends_at: live.ends_at,
            lease_until: e.lease_until,
        };
        let admit = Effect::Order {
            gateway: live.gateway,
            order: Order::Admit(admit),
            correlation: live.correlation,
            cause_seq: event.seq,
            index: 0,
        };
        std::iter::once(admit).chain(self.watch_lease(id, e.lease_until, event)).collect()
    }

    fn lease_renewed(&mut self, id: SessionId, e: &LeaseRenewed, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let Some(live) = self.live.get(&id) else { return vec![] };
        if live.leaving {
            return vec![];
        }
        if let Some(end) = self.end_unless_allowed(id, event.decision.at) {
            return vec![end];
        }
        let Some(live) = self.live.get(&id) else { return vec![] };
        // The start that runs now: after a restart the agent still has what it had adopted.
        let incarnation = self.gateways.get(&live.gateway).and_then(|gateway| gateway.incarnation);
        let renew = incarnation.or(live.bootstrap.map(|(_, incarnation)| incarnation)).map(|incarnation| {
            Effect::Order {
                gateway: live.gateway,
                order: Order::Renew(Renew {
                    session: id,
                    session_version: event.version,
                    // Worth nothing once the lease that it gives is over.
                    not_after: e.lease_until,
                    incarnation,
                    lease_until: e.lease_until,
                    ends_at: live.ends_at,
                }),
                correlation: live.correlation,
                cause_seq: event.seq,
                index: 0,
            }
        });
        renew.into_iter().chain(self.watch_lease(id, e.lease_until, event)).collect()
    }

    /// A lease that already reaches the session's end needs no renewal.
    fn watch_lease(&mut self, id: SessionId, until: Millis, event: &RecordedEvent<'_>) -> Option<Effect> {
        let ends_at = self.live.get(&id)?.ends_at;
        if until >= ends_at {
            return self.alarms.clear(id.0, AlarmKind::Lease);
        }
        self.alarms.set(id.0, AlarmKind::Lease, lease::renew_at(event.decision.at, until), event.seq)
    }

    fn session(&mut self, id: SessionId, happened: &S, event: &RecordedEvent<'_>) -> Vec<Effect> {
        match happened {
            S::Opened(e) => {
                self.live.insert(
                    id,
                    Live {
                        user: e.user,
                        device: e.device,
                        gateway: e.gateway,
                        policy: e.policy.id,
                        client_key: e.desktop.session_key,
                        install_key: e.desktop.install_key,
                        verified: false,
                        correlation: event.decision.correlation,
                        posture: None,
                        ends_at: Millis::MAX,
                        grants: vec![],
                        bootstrap: None,
                        since: None,
                        leaving: false,
                    },
                );
                vec![]
            }
            S::Verified(e) => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.ends_at = e.ends_at;
                    live.verified = true;
                }
                self.end_what_the_same_desktop_left(id)
            }
            S::EndMoved(e) => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.ends_at = e.ends_at;
                }
                vec![]
            }
            S::BootstrapIssued(e) => self.bootstrap_issued(id, e, event),
            S::LeaseRenewed(e) => self.lease_renewed(id, e, event),
            S::Denied(_) | S::Expired(_) | S::Ending(_) | S::Ended(_) => {
                self.live.remove(&id);
                self.alarms.clear_all(id.0)
            }
            S::PostureRecorded(_)
            | S::CodeIssued(_)
            | S::CodeExpired(_)
            | S::AnswerRefused(_)
            | S::Admitted(_)
            | S::AdmissionRefused(_)
            | S::BootstrapExpired(_)
            | S::BootstrapConsumed(_)
            | S::LayerChanged(_)
            | S::Connected(_)
            | S::ReceiptRecorded(_)
            | S::ReceiptsOverdue(_)
            | S::TrafficCounted(_) => vec![],
        }
    }

    fn user(&mut self, id: UserId, happened: &U, at: Millis) -> Vec<Effect> {
        self.users.entry(id).or_default().apply(happened, at);
        match happened {
            U::Suspended(_)
            | U::DeletionRequested(_)
            | U::Deleted(_)
            | U::Erased(_)
            | U::PoliciesAssigned(_)
            | U::GatewaysAssigned(_) => self.reconsider(at, |live| live.user == id),
            U::Created(_)
            | U::StepFinished(_)
            | U::StepFailed(_)
            | U::StepRetried(_)
            | U::PasswordSet(_)
            | U::DeviceAdded(_)
            | U::LoginFailed(_)
            | U::LoginSucceeded(_)
            | U::AttemptReserved(_)
            | U::AttemptRefunded(_)
            | U::Resumed(_) => vec![],
        }
    }
}

/// Asks the session to be judged again, and to go on if it may.
fn renewal(id: SessionId, live: &Live, generation: u64) -> Effect {
    Effect::Command {
        aggregate: id.into(),
        body: WireCommand::Session(session::WireCommand::Deadline { kind: DeadlineKind::Lease, generation }),
        correlation: live.correlation,
        not_after: None,
    }
}

impl Process for Enforcement {
    const NAME: ProcessName = ProcessName::Enforcement;

    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let (id, at) = (event.decision.aggregate.id, event.decision.at);
        match &event.event {
            AnyEvent::Session(happened) => self.session(SessionId(id), happened, event),
            AnyEvent::User(happened) => self.user(UserId(id), happened, at),
            AnyEvent::Device(happened) => {
                self.devices.entry(DeviceId(id)).or_default().apply(happened, at);
                match happened {
                    D::Revoked(_) => self.reconsider(at, |live| live.device == DeviceId(id)),
                    D::Offered(_) | D::Enrolled(_) | D::PostureSeen(_) => vec![],
                }
            }
            AnyEvent::Policy(happened) => {
                self.policies.entry(PolicyId(id)).or_default().apply(happened, at);
                match happened {
                    P::Changed(_) | P::Activated(_) | P::Retired(_) => {
                        let mut effects = self.reconsider(at, |live| live.policy == PolicyId(id));
                        effects.extend(self.renew_at_once(PolicyId(id), event.seq));
                        effects
                    }
                    P::Drafted(_) => vec![],
                }
            }
            AnyEvent::Gateway(happened) => {
                self.gateways.entry(GatewayId(id)).or_default().apply(happened, at);
                match happened {
                    G::Retired(gateway::Retired {}) => {
                        self.reconsider(at, |live| live.gateway == GatewayId(id))
                    }
                    G::Invited(_)
                    | G::Enrolled(_)
                    | G::IncarnationSeen(_)
                    | G::ReportAccepted(_)
                    | G::HealthChanged(_)
                    | G::Draining(_) => vec![],
                }
            }
            AnyEvent::Directory(_) | AnyEvent::Operator(_) => vec![],
        }
    }

    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect> {
        if alarm.kind != AlarmKind::Lease {
            return vec![];
        }
        let id = SessionId(alarm.instance);
        match (self.alarms.rang(alarm, now), self.live.get(&id)) {
            (Rang::Due(due, again), Some(live)) => vec![renewal(id, live, due.generation), again],
            (Rang::Early(again), _) => vec![again],
            (Rang::Due(..), None) | (Rang::Gone, _) => vec![],
        }
    }

    fn alarms(&self) -> Vec<Alarm> {
        self.alarms.all()
    }
}

#[cfg(test)]
mod tests;
