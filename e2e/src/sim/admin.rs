//! What an administrator does while people work.

use super::{
    fixtures::{self, START},
    people::POLICY,
    world::{Event, World},
};
use viworks_domain::{
    Millis,
    command::WireCommand,
    device,
    policy::{self, Country},
    session::{EndReason, WireCommand as S},
    user::{self, Progress},
};

pub(super) const ENROL: u64 = u64::MAX;

impl World {
    pub(super) fn schedule_admin(&mut self) {
        let span = self.calm_from - START;
        for _ in 0..self.rng.between(0, 6) {
            let when = START + self.rng.between(10_000, span);
            let action = self.rng.below(10);
            self.at(when, Event::Admin { action });
        }
        self.at(START + 20_000, Event::Retry);
    }

    pub(super) fn administer(&mut self, action: u64) {
        let person = self.rng.below(self.people.len() as u64) as usize;
        let (user, phone) = (self.people[person].user, self.people[person].device);
        self.tell(|| format!("the admin's action {action} on person {person}"));
        match action {
            ENROL => self.enrol_everything(),
            0 => self.order(user, WireCommand::User(user::Command::Suspend)),
            1 => self.order(user, WireCommand::User(user::Command::Resume)),
            2 => {
                let Some(document) = self.log.policy(POLICY).and_then(|p| p.state.document.clone()) else {
                    return;
                };
                let mut changed = document;
                // Another country, or the first one again; or less time.
                match self.rng.below(5) {
                    3 => changed.resources.clear(),
                    4 => changed.not_after = Some(Millis(self.now + self.rng.between(1_000, 240_000))),
                    0 => changed.countries.allow = "NZ".parse::<Country>().into_iter().collect(),
                    1 => changed.countries.allow = "AU".parse::<Country>().into_iter().collect(),
                    _ => changed.max_minutes = 2,
                }
                self.order(POLICY, WireCommand::Policy(policy::Command::Change { document: changed }));
            }
            3 | 9 => {
                let document = fixtures::document(5, 60, 2, "AU");
                self.order(POLICY, WireCommand::Policy(policy::Command::Change { document }));
            }
            4..=6 => {
                let live = self.log.sessions().filter(|(_, root)| root.state.token_is_live());
                let ids: Vec<_> = live.map(|(id, _)| id).collect();
                let Some(id) = ids.get(self.rng.below(ids.len() as u64) as usize).copied() else { return };
                let reason = EndReason::Terminated { note: "enough".into() };
                self.order(id, WireCommand::Session(S::RequestEnd { reason }));
            }
            7 => self.order(phone, WireCommand::Device(device::Command::Revoke)),
            _ => self.order(user, WireCommand::User(user::Command::Delete)),
        }
    }

    /// Every failed step can be asked for again, until it is done.
    pub(super) fn retry_failed_steps(&mut self) {
        // Not for ever: somebody else's name stays taken.
        if self.now + 240_000 < self.horizon {
            self.after(20_000, Event::Retry);
        }
        let failed: Vec<_> = self
            .log
            .users()
            .flat_map(|(id, root)| {
                root.state.steps.iter().map(move |(step, state)| (id, *step, state.progress))
            })
            .filter_map(|(id, step, progress)| matches!(progress, Progress::Failed(_)).then_some((id, step)))
            .collect();
        for (id, step) in failed {
            self.order(id, WireCommand::User(user::Command::RetryStep { step }));
        }
    }
}
