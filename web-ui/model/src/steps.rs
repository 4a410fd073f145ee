//! How far the making of a user is: three pills, and what to do about a step that failed.

use viworks_api::user::{StepRow, StepState};
use viworks_domain::{
    ids::GatewayId,
    user::{Step, StepFailure},
};

/// Where a user is made; gateways share the last two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Place {
    Directory,
    Vpn,
    Panel,
}

impl Place {
    pub const ALL: [Self; 3] = [Self::Directory, Self::Vpn, Self::Panel];

    pub const fn of(step: &Step) -> Self {
        match step {
            Step::Directory => Self::Directory,
            Step::Vpn { .. } => Self::Vpn,
            Step::Panel { .. } => Self::Panel,
        }
    }

    /// `directory`
    pub const fn word(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::Vpn => "vpn",
            Self::Panel => "panel",
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Directory => "Directory",
            Self::Vpn => "VPN/SPA",
            Self::Panel => "Panel",
        }
    }
}

/// The better comes first: the worst of several is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Progress {
    Done,
    Pending,
    Failed,
}

impl Progress {
    pub const fn of(state: &StepState) -> Self {
        match state {
            StepState::Done => Self::Done,
            StepState::Pending => Self::Pending,
            StepState::Failed { .. } => Self::Failed,
        }
    }

    /// `pending`
    pub const fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Pending => "pending",
            Self::Failed => "failed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    pub place: Place,
    /// The worst over all gateways.
    pub progress: Progress,
    /// Which gateway is how far.
    pub details: String,
}

/// One pill per place that has steps.
pub fn pills(steps: &[StepRow], gateway_name: &dyn Fn(GatewayId) -> String) -> Vec<Pill> {
    Place::ALL.into_iter().filter_map(|place| pill(place, steps, gateway_name)).collect()
}

fn pill(place: Place, steps: &[StepRow], gateway_name: &dyn Fn(GatewayId) -> String) -> Option<Pill> {
    let there = steps.iter().filter(|row| Place::of(&row.step) == place).collect::<Vec<_>>();
    let progress = there.iter().map(|row| Progress::of(&row.state)).max()?;
    let details = there.iter().map(|row| {
        let word = Progress::of(&row.state).word();
        let tries = if row.attempt > 1 { format!(" (try {})", row.attempt) } else { String::new() };
        match gateway(&row.step) {
            Some(gateway) => format!("{}: {word}{tries}", gateway_name(gateway)),
            None => format!("{word}{tries}"),
        }
    });
    Some(Pill { place, progress, details: details.collect::<Vec<_>>().join("; ") })
}

pub const fn gateway(step: &Step) -> Option<GatewayId> {
    match step {
        Step::Directory => None,
        Step::Vpn { gateway } | Step::Panel { gateway } => Some(*gateway),
    }
}

/// The failed steps with why, in the order of the row.
pub fn failed(steps: &[StepRow]) -> impl Iterator<Item = (Step, StepFailure)> + '_ {
    steps.iter().filter_map(|row| match row.state {
        StepState::Failed { reason } => Some((row.step, reason)),
        StepState::Pending | StepState::Done => None,
    })
}

/// What all steps together amount to, for somebody who only listens.
pub fn summary(steps: &[StepRow]) -> String {
    let count = |wanted| steps.iter().filter(|row| Progress::of(&row.state) == wanted).count();
    let (done, failed) = (count(Progress::Done), count(Progress::Failed));
    match (done == steps.len(), failed) {
        (true, _) => "All steps are done.".into(),
        (false, 0) => format!("{done} of {} steps are done.", steps.len()),
        (false, 1) => format!("{done} of {} steps are done, one failed.", steps.len()),
        (false, _) => format!("{done} of {} steps are done, {failed} failed.", steps.len()),
    }
}

/// `Panel at gw1`
pub fn title(step: &Step, gateway_name: &dyn Fn(GatewayId) -> String) -> String {
    let place = Place::of(step).title();
    gateway(step).map_or_else(|| place.to_owned(), |gateway| format!("{place} at {}", gateway_name(gateway)))
}

/// What went wrong, and what to do before trying again.
pub fn remedy(step: &Step, failure: StepFailure, gateway_name: &dyn Fn(GatewayId) -> String) -> String {
    let at = gateway(step).map_or_else(|| "The directory".to_owned(), gateway_name);
    match failure {
        StepFailure::NameTaken => {
            "Somebody else has this user name. Create the user again under another name.".into()
        }
        StepFailure::ScriptFailed => {
            format!("The script ended with an error. See {at}'s journal, mend the cause, then retry.")
        }
        StepFailure::ScriptTimedOut => {
            format!("The script took too long. See in {at}'s journal what it waits for, then retry.")
        }
        StepFailure::ScriptTooLoud => {
            format!("The script prints more than it may. Make it quieter on {at}, then retry.")
        }
        StepFailure::ScriptNotAllowed => {
            format!("{at} does not allow this script, or it has changed. Renew its list there, then retry.")
        }
        StepFailure::GatewayUnavailable => {
            format!("{at} does not answer. See under Gateways that it is up, then retry.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: GatewayId = GatewayId([1; 16]);
    const TWO: GatewayId = GatewayId([2; 16]);

    fn row(step: Step, state: StepState) -> StepRow {
        StepRow { step, state, attempt: 1 }
    }

    fn named(gateway: GatewayId) -> String {
        format!("gw{}", gateway.0[0])
    }

    #[test]
    fn a_user_without_a_gateway_has_one_pill() {
        let pills = pills(&[row(Step::Directory, StepState::Pending)], &named);
        assert_eq!(pills.len(), 1);
        assert_eq!((pills[0].place, pills[0].progress), (Place::Directory, Progress::Pending));
    }

    #[test]
    fn the_worst_gateway_counts_and_the_details_say_which_it_is() {
        let failed = StepState::Failed { reason: StepFailure::ScriptFailed };
        let steps = [
            row(Step::Directory, StepState::Done),
            row(Step::Vpn { gateway: ONE }, StepState::Done),
            row(Step::Panel { gateway: ONE }, StepState::Pending),
            row(Step::Vpn { gateway: TWO }, failed),
            row(Step::Panel { gateway: TWO }, StepState::Done),
        ];
        let pills = pills(&steps, &named);
        let states = pills.iter().map(|pill| (pill.place, pill.progress)).collect::<Vec<_>>();
        assert_eq!(
            states,
            [
                (Place::Directory, Progress::Done),
                (Place::Vpn, Progress::Failed),
                (Place::Panel, Progress::Pending)
            ]
        );
        assert_eq!(pills[1].details, "gw1: done; gw2: failed");
        assert_eq!(summary(&steps), "3 of 5 steps are done, one failed.");
        assert_eq!(
            super::failed(&steps).collect::<Vec<_>>(),
            [(Step::Vpn { gateway: TWO }, StepFailure::ScriptFailed)]
        );
    }

    #[test]
    fn every_failure_says_what_to_do_and_where() {
        for failure in [
            StepFailure::ScriptFailed,
            StepFailure::ScriptTimedOut,
            StepFailure::ScriptTooLoud,
            StepFailure::ScriptNotAllowed,
            StepFailure::GatewayUnavailable,
        ] {
            let text = remedy(&Step::Panel { gateway: TWO }, failure, &named);
            assert!(text.contains("gw2") && text.ends_with("then retry."), "{text}");
        }
        assert!(remedy(&Step::Directory, StepFailure::NameTaken, &named).contains("another name"));
    }
}
