//! The user's fold and its rules.

use super::{
    ATTEMPT_WINDOW, ATTEMPTS_PER_DAY, AttemptRefunded, AttemptReserved, Command, Created, Deleted,
    DeletionRequested, DeviceAdded, Erased, Event, GatewaysAssigned, LoginFailed, LoginSucceeded,
    PasswordHash, PasswordSet, PoliciesAssigned, Refusal, Resumed, Step, StepFailed, StepFailure,
    StepFinished, StepRetried, Suspended,
};
use crate::{
    Aggregate, Millis,
    event::AggregateKind,
    ids::{AttemptId, CodeId, DeviceId, GatewayId, NameId, PolicyId, SessionId},
    personal::{Personal, Profile},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an admin sees in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Provisioning,
    Active,
    Suspended,
    Deleting,
    Deleted,
    Erased,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    Pending,
    Done,
    Failed(StepFailure),
}

/// A step with the attempt that its progress is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepState {
    pub progress: Progress,
    /// Counts from 1, over creation, retries and deletion: no two tries of a step share a number.
    pub attempt: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    phase: Phase,
    pub name: Option<NameId>,
    /// Gone once erased.
    pub profile: Option<Personal<Profile>>,
    pub password: Option<Personal<PasswordHash>>,
    pub credential_version: u32,
    pub policies: Vec<PolicyId>,
    pub gateways: Vec<GatewayId>,
    pub devices: Vec<DeviceId>,
    pub steps: BTreeMap<Step, StepState>,
    /// All steps have been done at once before: a gateway that is added later takes nothing away.
    provisioned: bool,
    suspended: bool,
    /// Consecutive wrong passwords; they throttle, they never lock.
    pub failed_logins: u32,
    pub last_failed_login: Option<Millis>,
    /// The newest sign-ins with a right password, oldest first: what a new one is counted against.
    pub sessions: Vec<SessionId>,
    attempts: Vec<Attempt>,
}

/// No policy that makes sense allows as many sessions side by side, and a worker folds each.
const SESSIONS_REMEMBERED: usize = 32;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Phase {
    #[default]
    Absent,
    Live,
    Deleting,
    Deleted,
    Erased,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    id: AttemptId,
    session: SessionId,
    code: CodeId,
    at: Millis,
}

impl User {
    /// None before `user.created`.
    pub fn status(&self) -> Option<Status> {
        match self.phase {
            Phase::Absent => None,
            Phase::Live if self.suspended => Some(Status::Suspended),
            Phase::Live if self.provisioned => Some(Status::Active),
            Phase::Live => Some(Status::Provisioning),
            Phase::Deleting => Some(Status::Deleting),
            Phase::Deleted => Some(Status::Deleted),
            Phase::Erased => Some(Status::Erased),
        }
    }

    pub fn is_active(&self) -> bool {
        self.status() == Some(Status::Active)
    }

    /// Assigned, and both of the gateway's steps are done.
    pub fn usable_gateways(&self) -> impl Iterator<Item = GatewayId> + '_ {
        self.gateways.iter().copied().filter(|gateway| {
            at_gateway(*gateway)
                .iter()
                .all(|step| self.steps.get(step).is_some_and(|s| s.progress == Progress::Done))
        })
    }

    /// Wrong codes that count at `now`, over all sessions.
    pub fn attempts_in_window(&self, now: Millis) -> usize {
        self.attempts.iter().filter(|attempt| counts(attempt, now)).count()
    }

    /// Whether this attempt has been paid for this session and this code, and not given back.
    pub fn holds_attempt(&self, attempt: AttemptId, session: SessionId, code: CodeId) -> bool {
        self.attempts.iter().any(|a| a.id == attempt && a.session == session && a.code == code)
    }
}

impl Aggregate for User {
    const KIND: AggregateKind = AggregateKind::User;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: &Command, now: Millis) -> Result<Vec<Event>, Refusal> {
        use Command as C;
        use Phase as P;
        match (self.phase, command) {
            (P::Absent, C::Create { name, profile, password, policies, gateways }) => {
                let gateways = without_repeats(gateways);
                Ok(vec![
                    Created {
                        name: *name,
                        profile: profile.clone(),
                        password: password.clone(),
                        policies: without_repeats(policies),
                        steps: std::iter::once(Step::Directory)
                            .chain(gateways.iter().flat_map(|gateway| at_gateway(*gateway)))
                            .collect(),
                        gateways,
                    }
                    .into(),
                ])
            }
            (P::Absent, _) => Err(Refusal::NotFound),
            (_, C::Create { .. }) => Err(Refusal::AlreadyExists),

            // Both phases have steps to do: making a user, and taking it away again.
            (P::Live | P::Deleting, C::RecordStep { step, attempt, result }) => {
                self.record_step(*step, *attempt, *result)
            }
            (P::Live | P::Deleting, C::RetryStep { step }) => self.retry_step(*step),
            // Always given back: a right code must not cost.
            (_, C::RefundAttempt { attempt }) => {
                let held = self.attempts.iter().any(|a| a.id == *attempt);
                Ok(held.then(|| AttemptRefunded { attempt: *attempt }.into()).into_iter().collect())
            }

            (P::Live, C::SetPassword { password }) => Ok(vec![
                PasswordSet {
                    credential_version: self.credential_version.saturating_add(1),
                    password: password.clone(),
                }
                .into(),
            ]),
            (P::Live, C::AssignPolicies { policies }) => {
                Ok(vec![PoliciesAssigned { policies: without_repeats(policies) }.into()])
            }
            (P::Live, C::AssignGateways { gateways }) => {
                let gateways = without_repeats(gateways);
                let steps = gateways
                    .iter()
                    .filter(|gateway| !self.gateways.contains(gateway))
                    .flat_map(|gateway| at_gateway(*gateway))
                    .collect();
                Ok(vec![GatewaysAssigned { gateways, steps }.into()])
            }
            (P::Live, C::AddDevice { device }) if self.devices.contains(device) => Ok(vec![]),
            (P::Live, C::AddDevice { device }) => Ok(vec![DeviceAdded { device: *device }.into()]),
            (P::Live, C::RecordFailedLogin { source }) => Ok(vec![LoginFailed { source: *source }.into()]),
            (P::Live, C::RecordLogin { session, credential_version }) => {
                if *credential_version == self.credential_version {
                    Ok(vec![LoginSucceeded { session: *session }.into()])
                } else {
                    Err(Refusal::StaleCredential)
                }
            }
            (P::Live, C::ReserveAttempt { attempt, session, code }) => {
                self.reserve_attempt(*attempt, *session, *code, now)
            }
            (P::Live, C::Suspend) if self.suspended => Err(Refusal::NotActive),
            (P::Live, C::Suspend) => Ok(vec![Suspended {}.into()]),
            (P::Live, C::Resume) if self.suspended => Ok(vec![Resumed {}.into()]),
            (P::Live, C::Resume) => Err(Refusal::NotSuspended),
            (P::Live, C::Delete) => Ok(vec![DeletionRequested {}.into()]),

            (P::Deleted, C::Erase) => Ok(vec![Erased {}.into()]),
            (P::Live | P::Deleting, C::Erase) => Err(Refusal::NotDeleted),

            (P::Deleting | P::Deleted | P::Erased, _) => Err(Refusal::Gone),
        }
    }

    fn apply(&mut self, event: &Event, at: Millis) {
        match event {
            Event::Created(e) => {
                self.phase = Phase::Live;
                self.name = Some(e.name);
                self.profile = Some(e.profile.clone());
                self.password = Some(e.password.clone());
                self.credential_version = 1;
                self.policies.clone_from(&e.policies);
                self.gateways.clone_from(&e.gateways);
                self.begin(&e.steps);
            }
            Event::StepFinished(e) => self.settle(e.step, e.attempt, Progress::Done),
            Event::StepFailed(e) => self.settle(e.step, e.attempt, Progress::Failed(e.reason)),
            Event::StepRetried(e) => self.settle(e.step, e.attempt, Progress::Pending),
            Event::PasswordSet(e) => {
                self.password = Some(e.password.clone());
                self.credential_version = e.credential_version;
                self.failed_logins = 0;
            }
            Event::PoliciesAssigned(e) => self.policies.clone_from(&e.policies),
            Event::GatewaysAssigned(e) => {
                self.gateways.clone_from(&e.gateways);
                self.begin(&e.steps);
                self.note_provisioned();
            }
            Event::DeviceAdded(e) => {
                self.devices.push(e.device);
                // "Twenty a day, then a new enrolment": this is the enrolment.
                self.attempts.clear();
            }
            Event::LoginFailed(_) => {
                self.failed_logins = self.failed_logins.saturating_add(1);
                self.last_failed_login = Some(at);
            }
            Event::LoginSucceeded(e) => {
                self.failed_logins = 0;
                if self.sessions.len() == SESSIONS_REMEMBERED {
                    self.sessions.remove(0);
                }
                self.sessions.push(e.session);
            }
            Event::AttemptReserved(e) => {
                self.attempts.retain(|attempt| counts(attempt, at));
                self.attempts.push(Attempt { id: e.attempt, session: e.session, code: e.code, at });
            }
            Event::AttemptRefunded(e) => self.attempts.retain(|attempt| attempt.id != e.attempt),
            Event::Suspended(_) => self.suspended = true,
            Event::Resumed(_) => self.suspended = false,
            Event::DeletionRequested(_) => {
                self.phase = Phase::Deleting;
                let steps = self.steps.keys().copied().collect::<Vec<_>>();
                self.begin(&steps);
            }
            Event::Deleted(_) => self.phase = Phase::Deleted,
            Event::Erased(_) => {
                self.phase = Phase::Erased;
                self.profile = None;
                self.password = None;
            }
        }
    }
}

impl User {
    /// A late result of an earlier attempt changes nothing, and neither does one that is known already. A
    /// success that arrives after its own attempt was given up is the truth all the same.
    fn record_step(
        &self,
        step: Step,
        attempt: u32,
        result: Result<(), StepFailure>,
    ) -> Result<Vec<Event>, Refusal> {
        let known = self.steps.get(&step).filter(|s| attempt <= s.attempt).ok_or(Refusal::NoSuchStep)?;
        if attempt < known.attempt {
            return Ok(vec![]);
        }
        Ok(match (known.progress, result) {
            (Progress::Pending | Progress::Failed(_), Ok(())) => {
                let mut events = vec![StepFinished { step, attempt }.into()];
                if self.phase == Phase::Deleting && self.others_done(step) {
                    events.push(Deleted {}.into());
                }
                events
            }
            (Progress::Pending, Err(reason)) => vec![StepFailed { step, attempt, reason }.into()],
            (Progress::Done, _) | (Progress::Failed(_), Err(_)) => vec![],
        })
    }

    fn retry_step(&self, step: Step) -> Result<Vec<Event>, Refusal> {
        let known = self.steps.get(&step).ok_or(Refusal::NoSuchStep)?;
        match known.progress {
            Progress::Failed(_) => {
                Ok(vec![StepRetried { step, attempt: known.attempt.saturating_add(1) }.into()])
            }
            Progress::Pending | Progress::Done => Err(Refusal::StepNotFailed),
        }
    }

    fn reserve_attempt(
        &self,
        attempt: AttemptId,
        session: SessionId,
        code: CodeId,
        now: Millis,
    ) -> Result<Vec<Event>, Refusal> {
        if !self.is_active() {
            return Err(Refusal::NotActive);
        }
        if self.holds_attempt(attempt, session, code) {
            return Ok(vec![]);
        }
        if self.attempts.iter().any(|a| a.id == attempt) {
            return Err(Refusal::AttemptReused);
        }
        if self.attempts_in_window(now) >= ATTEMPTS_PER_DAY {
            return Err(Refusal::TooManyAttempts);
        }
        Ok(vec![AttemptReserved { attempt, session, code }.into()])
    }

    fn others_done(&self, step: Step) -> bool {
        self.steps.iter().all(|(other, state)| *other == step || state.progress == Progress::Done)
    }

    /// Pending under a number that no earlier try of the step has had.
    fn begin(&mut self, steps: &[Step]) {
        for step in steps {
            let attempt = self.steps.get(step).map_or(1, |known| known.attempt.saturating_add(1));
            self.steps.insert(*step, StepState { progress: Progress::Pending, attempt });
        }
    }

    fn settle(&mut self, step: Step, attempt: u32, progress: Progress) {
        self.steps.insert(step, StepState { progress, attempt });
        self.note_provisioned();
    }

    fn note_provisioned(&mut self) {
        self.provisioned |= self.phase == Phase::Live
            && self
                .steps
                .iter()
                .filter(|(step, _)| self.is_assigned(**step))
                .all(|(_, state)| state.progress == Progress::Done);
    }

    fn is_assigned(&self, step: Step) -> bool {
        match step {
            Step::Directory => true,
            Step::Vpn { gateway } | Step::Panel { gateway } => self.gateways.contains(&gateway),
        }
    }
}

fn at_gateway(gateway: GatewayId) -> [Step; 2] {
    [Step::Vpn { gateway }, Step::Panel { gateway }]
}

fn counts(attempt: &Attempt, now: Millis) -> bool {
    now.since(attempt.at) < ATTEMPT_WINDOW
}

fn without_repeats<T: Copy + PartialEq>(ids: &[T]) -> Vec<T> {
    let mut seen = Vec::with_capacity(ids.len());
    for id in ids {
        if !seen.contains(id) {
            seen.push(*id);
        }
    }
    seen
}
