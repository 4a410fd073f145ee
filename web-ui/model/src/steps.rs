//! How far the making of a user is: three pills, and what to do about a step that failed.

use crate::words;
use viworks_api::user::{StepRow, StepState};
use viworks_domain::{
    ids::GatewayId,
    user::{Step, StepFailure},
};

/// Where a user is made, as [`words::step_word`] has it; every gateway has the last two.
pub const PLACES: [&str; 3] = ["directory", "vpn", "panel"];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pill {
    pub place: &'static str,
    pub title: &'static str,
    /// The worst over all gateways.
    pub state: StepState,
    /// Which gateway is how far.
    pub details: String,
}

/// One pill per place that has steps.
pub fn pills(steps: &[StepRow], gateway_name: &dyn Fn(GatewayId) -> String) -> Vec<Pill> {
    PLACES.into_iter().filter_map(|place| pill(place, steps, gateway_name)).collect()
}

fn pill(place: &str, steps: &[StepRow], gateway_name: &dyn Fn(GatewayId) -> String) -> Option<Pill> {
    let there = steps.iter().filter(|row| words::step_word(row.step) == place).collect::<Vec<_>>();
    let worst = there.iter().max_by_key(|row| badness(row.state))?;
    let details = there.iter().map(|row| {
        let word = words::step_state_word(row.state);
        let tries = if row.attempt > 1 { format!(" (try {})", row.attempt) } else { String::new() };
        match gateway(row.step) {
            Some(gateway) => format!("{}: {word}{tries}", gateway_name(gateway)),
            None => format!("{word}{tries}"),
        }
    });
    Some(Pill {
        place: words::step_word(worst.step),
        title: words::step(worst.step),
        state: worst.state,
        details: details.collect::<Vec<_>>().join("; "),
    })
}

const fn badness(state: StepState) -> u8 {
    match state {
        StepState::Done => 0,
        StepState::Pending => 1,
        StepState::Failed { .. } => 2,
    }
}

pub const fn gateway(step: Step) -> Option<GatewayId> {
    match step {
        Step::Directory => None,
        Step::Vpn { gateway } | Step::Panel { gateway } => Some(gateway),
    }
}

/// The failed steps with why, in the order of the row.
pub fn failed(steps: &[StepRow]) -> impl Iterator<Item = (Step, StepFailure)> + '_ {
    steps.iter().filter_map(|row| match row.state {
        StepState::Failed { reason } => Some((row.step, reason)),
        StepState::Pending | StepState::Done => None,
    })
}

/// The steps that a user begins with.
pub fn expected(gateways: impl IntoIterator<Item = GatewayId>) -> Vec<StepRow> {
    let at_gateways =
        gateways.into_iter().flat_map(|gateway| [Step::Vpn { gateway }, Step::Panel { gateway }]);
    std::iter::once(Step::Directory)
        .chain(at_gateways)
        .map(|step| StepRow { step, state: StepState::Pending, attempt: 1 })
        .collect()
}

/// What all steps together amount to, for somebody who only listens.
pub fn summary(steps: &[StepRow]) -> String {
    let done = steps.iter().filter(|row| row.state == StepState::Done).count();
    match (done == steps.len(), failed(steps).count()) {
        (true, _) => "All steps are done.".into(),
        (false, 0) => format!("{done} of {} steps are done.", steps.len()),
        (false, 1) => format!("{done} of {} steps are done, one failed.", steps.len()),
        (false, failed) => format!("{done} of {} steps are done, {failed} failed.", steps.len()),
    }
}

/// How far somebody's making is, to whoever has just begun it.
pub fn standing(username: &str, is_ready: bool, steps: &[StepRow]) -> String {
    if is_ready {
        format!("{username} is ready. A phone is needed to sign in.")
    } else if failed(steps).next().is_some() {
        format!("{username} could not be made completely. What to do about it stands below, and in the list.")
    } else {
        format!("{username} is being made. This goes on by itself when you close this.")
    }
}

/// `Panel on gw1`
pub fn title(step: &Step, gateway_name: &dyn Fn(GatewayId) -> String) -> String {
    let place = words::step(*step);
    gateway(*step).map_or_else(|| place.to_owned(), |gateway| format!("{place} on {}", gateway_name(gateway)))
}

/// What to do about it, and where; that first, because a row has room for its beginning alone.
pub fn remedy(step: &Step, failure: StepFailure, gateway_name: &dyn Fn(GatewayId) -> String) -> String {
    let at = gateway(*step).map_or_else(|| "the gateway".to_owned(), gateway_name);
    match failure {
        StepFailure::NameTaken => "Create the user again under another name.".into(),
        StepFailure::ScriptFailed => {
            format!(
                "Look into the agent's journal on {at}, mend what the script complains about, then retry."
            )
        }
        StepFailure::ScriptTimedOut => {
            format!(
                "See on {at} what the script waits for (a full disk, a service that is down), then retry."
            )
        }
        StepFailure::ScriptTooLoud => format!("Make the script on {at} print less, then retry."),
        StepFailure::ScriptNotAllowed => format!(
            "Allow the script on {at}, then retry: it is missing from the list there, or was changed since it was \
             allowed."
        ),
        StepFailure::GatewayUnavailable => {
            format!("See under Gateways whether {at} is up; once it is, retry.")
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
        assert_eq!((pills[0].place, pills[0].state), ("directory", StepState::Pending));
    }

    #[test]
    fn a_user_begins_with_a_step_for_each_place_and_gateway() {
        let pills = pills(&expected([ONE, TWO]), &named);
        assert_eq!(pills.iter().map(|pill| pill.place).collect::<Vec<_>>(), PLACES);
        assert_eq!(pills[2].details, "gw1: pending; gw2: pending");
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
        let states = pills.iter().map(|pill| (pill.place, pill.state)).collect::<Vec<_>>();
        assert_eq!(states, [("directory", StepState::Done), ("vpn", failed), ("panel", StepState::Pending)]);
        assert_eq!(pills[1].details, "gw1: done; gw2: failed");
        assert_eq!(summary(&steps), "3 of 5 steps are done, one failed.");
        let all = super::failed(&steps).collect::<Vec<_>>();
        assert_eq!(all, [(Step::Vpn { gateway: TWO }, StepFailure::ScriptFailed)]);
        assert_eq!(title(&all[0].0, &named), "VPN/SPA on gw2");
    }

    #[test]
    fn nothing_is_said_to_go_on_by_itself_once_a_step_has_failed() {
        let failed = row(Step::Directory, StepState::Failed { reason: StepFailure::NameTaken });
        let pending = row(Step::Panel { gateway: ONE }, StepState::Pending);
        let goes_on = |steps: &[StepRow]| standing("ana", false, steps).contains("by itself");
        assert!(goes_on(std::slice::from_ref(&pending)));
        assert!(!goes_on(&[failed, pending]));
        assert!(standing("ana", true, &[]).starts_with("ana is ready."));
    }

    #[test]
    fn every_failure_of_a_gateway_says_where_to_look() {
        for failure in [
            StepFailure::ScriptFailed,
            StepFailure::ScriptTimedOut,
            StepFailure::ScriptTooLoud,
            StepFailure::ScriptNotAllowed,
            StepFailure::GatewayUnavailable,
        ] {
            let text = remedy(&Step::Panel { gateway: TWO }, failure, &named);
            assert!(text.contains("gw2") && text.contains(" retry"), "{text}");
        }
        assert!(remedy(&Step::Directory, StepFailure::NameTaken, &named).contains("another name"));
    }
}
