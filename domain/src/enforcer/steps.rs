//! Provisioning steps: accepted durably, run one after another by the runner, answered once.

use super::{
    Effect, Enforcer, Outcome,
    machine::{Await, Out},
    saved::Step,
};
use crate::{
    gateway_bus::{News, Provision},
    lease::Clocks,
    user::StepFailure,
};

impl Enforcer {
    pub(super) fn provision(&mut self, n: u64, provision: Provision, now: Clocks, out: &mut Out) {
        if now.wall >= provision.not_after || !self.seen.insert(n) {
            out.push(Effect::Settled { n });
            return;
        }
        self.steps.push(Step { n, provision });
        // Acknowledged once it is on disk, not once it has run: an end must never wait for a script.
        self.save(Await::Settle { n }, out);
        self.run_steps(out);
    }

    /// Whatever waits and does not run yet; the steps of one user in their order.
    pub(super) fn run_steps(&mut self, out: &mut Out) {
        if !self.runner_is_up {
            return;
        }
        let mut busy = Vec::new();
        for Step { n, provision } in self.steps.clone() {
            let whose = (provision.user, provision.place);
            let runs = self.awaits(|a| *a == Await::Script { n });
            if !runs && !busy.contains(&whose) {
                let ticket = self.ticket(Await::Script { n });
                out.push(Effect::RunScript { ticket, step: provision });
            }
            busy.push(whose);
        }
    }

    pub(super) fn script_ended(&mut self, n: u64, outcome: Outcome, out: &mut Out) {
        let Some(at) = self.steps.iter().position(|step| step.n == n) else { return };
        let Provision { user, place, action, attempt, .. } = self.steps.remove(at).provision;
        let result = match outcome {
            Outcome::Script(result) => result,
            Outcome::Ok => Ok(()),
            Outcome::Failed => Err(StepFailure::GatewayUnavailable),
        };
        out.push(Effect::Report(News::Step { user, place, action, attempt, result }));
        self.save(Await::Nothing, out);
        self.run_steps(out);
    }
}
