//! Makes a user in its three places, and takes it away again.
//!
//! Each step is asked for under its attempt's number and answered by a `record step`: by the gateway's report
//! for its two scripts, by this process for the directory. A gateway that stays silent makes the step fail, so
//! that every step ends in done or in a failure that somebody can retry.

use super::{Alarm, AlarmKind, Alarms, Effect, Process, Rang};
use crate::{
    Aggregate, Millis,
    actor::ProcessName,
    command::WireCommand,
    decision::RecordedEvent,
    directory,
    event::AnyEvent,
    gateway_bus::{Action, Order, Place, Provision},
    ids::{CorrelationId, GatewayId, NameId, UserId},
    user::{self, Event as U, Progress, Status, Step, StepFailure, User},
};
use std::{collections::BTreeMap, time::Duration};

/// From asking a gateway to giving up on its answer: a script may take half of it.
pub const STEP_ANSWER_DUE: Duration = Duration::from_secs(60);
/// The gateway starts no script after this: its answer would come too late.
pub const STEP_START_BEFORE: Duration = Duration::from_secs(30);

#[derive(Default)]
pub struct Provisioning {
    users: BTreeMap<UserId, Asked>,
    /// Who holds which name.
    names: BTreeMap<NameId, UserId>,
    alarms: Alarms,
}

#[derive(Default)]
struct Asked {
    user: User,
    correlation: Option<CorrelationId>,
    /// When each pending step's answer is due.
    due: BTreeMap<Step, Millis>,
}

impl Asked {
    fn deleting(&self) -> bool {
        matches!(self.user.status(), Some(Status::Deleting | Status::Deleted | Status::Erased))
    }
}

impl Provisioning {
    /// Asks for these steps, each under the attempt that the user's fold now has.
    fn ask(&mut self, id: UserId, steps: &[Step], event: &RecordedEvent<'_>) -> Vec<Effect> {
        let (at, seq) = (event.decision.at, event.seq);
        let Some(asked) = self.users.get_mut(&id) else { return vec![] };
        for step in steps {
            asked.due.insert(*step, at.plus(STEP_ANSWER_DUE));
        }
        let mut per_gateway = BTreeMap::<GatewayId, u8>::new();
        let Some(asked) = self.users.get(&id) else { return vec![] };
        let mut effects = Vec::new();
        for step in steps {
            let Some(attempt) = asked.user.steps.get(step).map(|state| state.attempt) else { continue };
            let (gateway, place) = match *step {
                Step::Directory => {
                    effects.extend(self.ask_directory(id, asked));
                    continue;
                }
                Step::Vpn { gateway } => (gateway, Place::Vpn),
                Step::Panel { gateway } => (gateway, Place::Panel),
            };
            let index = per_gateway.entry(gateway).or_default();
            effects.push(Effect::Order {
                gateway,
                order: Order::Provision(Provision {
                    user: id,
                    place,
                    action: if asked.deleting() { Action::Delete } else { Action::Create },
                    attempt,
                    not_after: at.plus(STEP_START_BEFORE),
                }),
                correlation: event.decision.correlation,
                cause_seq: seq,
                index: *index,
            });
            *index += 1;
        }
        effects.extend(self.watch(id, seq));
        effects
    }

    /// The name is claimed or released; where nothing would change, the step is done already.
    fn ask_directory(&self, id: UserId, asked: &Asked) -> Option<Effect> {
        let name = asked.user.name?;
        let holds = self.names.get(&name) == Some(&id);
        if holds != asked.deleting() {
            return self.record(id, Step::Directory, Ok(()));
        }
        let body = if asked.deleting() {
            directory::Command::Release { user: id }
        } else {
            directory::Command::Claim { user: id }
        };
        Some(command(name, WireCommand::Directory(body), asked.correlation?))
    }

    fn record(&self, id: UserId, step: Step, result: Result<(), StepFailure>) -> Option<Effect> {
        let asked = self.users.get(&id)?;
        let attempt = asked.user.steps.get(&step).filter(|s| s.progress == Progress::Pending)?.attempt;
        let body = user::Command::RecordStep { step, attempt, result };
        Some(command(id, WireCommand::User(body), asked.correlation?))
    }

    /// One alarm per user, for the earliest answer that is due.
    fn watch(&mut self, id: UserId, seq: u64) -> Option<Effect> {
        let earliest = self.users.get(&id).and_then(|asked| asked.due.values().min());
        match earliest {
            Some(due) if self.alarms.get(id.0, AlarmKind::Step).is_none_or(|alarm| alarm.at != *due) => {
                self.alarms.set(id.0, AlarmKind::Step, *due, seq)
            }
            Some(_) => None,
            None => self.alarms.clear(id.0, AlarmKind::Step),
        }
    }

    fn user(&mut self, id: UserId, happened: &U, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let asked = self.users.entry(id).or_default();
        asked.user.apply(happened, event.decision.at);
        match happened {
            U::Created(e) => {
                asked.correlation = Some(event.decision.correlation);
                self.ask(id, &e.steps, event)
            }
            U::GatewaysAssigned(e) => self.ask(id, &e.steps, event),
            U::StepRetried(e) => self.ask(id, &[e.step], event),
            U::DeletionRequested(_) => {
                asked.due.clear();
                let steps = asked.user.steps.keys().copied().collect::<Vec<_>>();
                self.ask(id, &steps, event)
            }
            U::StepFinished(user::StepFinished { step, .. })
            | U::StepFailed(user::StepFailed { step, .. }) => {
                asked.due.remove(step);
                self.watch(id, event.seq).into_iter().collect()
            }
            U::Deleted(_) => {
                self.users.remove(&id);
                self.alarms.clear_all(id.0)
            }
            U::PasswordSet(_)
            | U::PoliciesAssigned(_)
            | U::DeviceAdded(_)
            | U::LoginFailed(_)
            | U::LoginSucceeded(_)
            | U::AttemptReserved(_)
            | U::AttemptRefunded(_)
            | U::Suspended(_)
            | U::Resumed(_)
            | U::Erased(_) => vec![],
        }
    }

    fn directory(
        &mut self,
        name: NameId,
        happened: &directory::Event,
        correlation: CorrelationId,
    ) -> Option<Effect> {
        match happened {
            directory::Event::Claimed(e) => {
                self.names.insert(name, e.user);
                match self.users.get(&e.user) {
                    Some(asked) if !asked.deleting() => self.record(e.user, Step::Directory, Ok(())),
                    // The claim was still on its way when its user was deleted.
                    Some(_) | None => {
                        let body = directory::Command::Release { user: e.user };
                        Some(command(name, WireCommand::Directory(body), correlation))
                    }
                }
            }
            directory::Event::ClaimRefused(e) => {
                let asked = self.users.get(&e.user).filter(|asked| !asked.deleting());
                asked.and_then(|_| self.record(e.user, Step::Directory, Err(StepFailure::NameTaken)))
            }
            directory::Event::Released(e) => {
                self.names.remove(&name);
                let asked = self.users.get(&e.user).filter(|asked| asked.deleting());
                asked.and_then(|_| self.record(e.user, Step::Directory, Ok(())))
            }
        }
    }
}

fn command(
    aggregate: impl Into<crate::event::AggregateRef>,
    body: WireCommand,
    correlation: CorrelationId,
) -> Effect {
    Effect::Command { aggregate: aggregate.into(), body, correlation, not_after: None }
}

impl Process for Provisioning {
    const NAME: ProcessName = ProcessName::Provisioning;

    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let id = event.decision.aggregate.id;
        match &event.event {
            AnyEvent::User(happened) => self.user(UserId(id), happened, event),
            AnyEvent::Directory(happened) => {
                self.directory(NameId(id), happened, event.decision.correlation).into_iter().collect()
            }
            AnyEvent::Device(_)
            | AnyEvent::Policy(_)
            | AnyEvent::Gateway(_)
            | AnyEvent::Session(_)
            | AnyEvent::Operator(_) => vec![],
        }
    }

    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect> {
        if alarm.kind != AlarmKind::Step {
            return vec![];
        }
        let id = UserId(alarm.instance);
        let again = match self.alarms.rang(alarm, now) {
            Rang::Gone => return vec![],
            Rang::Early(again) => return vec![again],
            Rang::Due(_, again) => again,
        };
        let Some(asked) = self.users.get(&id) else { return vec![] };
        let overdue = asked.due.iter().filter(|(_, due)| **due <= now).map(|(step, _)| *step);
        overdue
            .filter_map(|step| match step {
                // The bus keeps commands: asked again, in case this one had expired there.
                Step::Directory => self.ask_directory(id, asked),
                Step::Vpn { .. } | Step::Panel { .. } => {
                    self.record(id, step, Err(StepFailure::GatewayUnavailable))
                }
            })
            .chain([again])
            .collect()
    }

    fn alarms(&self) -> Vec<Alarm> {
        self.alarms.all()
    }
}

#[cfg(test)]
mod tests;
