//! The promises under "Invariants" in ARCHITECTURE.md that need a whole history, one history each.

use viworks_domain::{
    command::WireCommand,
    decision::Outcome,
    session::{EndReason, Stage},
    user,
};
use viworks_e2e::sim::{Desk, Scenario};

const MINUTE: u64 = 60_000;

/// Somebody who has arrived.
fn connected(scenario: &mut Scenario) -> Desk {
    let desk = scenario.sign_in(0, 0);
    scenario.run_for(15_000);
    assert!(scenario.flows(desk), "connected: {:?}", scenario.state(desk).stage);
    desk
}

fn why(scenario: &Scenario, desk: Desk) -> EndReason {
    match scenario.state(desk).stage {
        Stage::Ended(reason) => reason,
        stage => panic!("not ended: {stage:?}"),
    }
}

#[test]
fn an_admit_after_its_end_is_refused_after_a_restart_and_an_hours_partition() {
    let mut scenario = Scenario::new(300, 600);
    let desk = connected(&mut scenario);
    // The end reaches the gateway, and then nothing does for an hour.
    scenario.terminate(desk);
    scenario.partition(60 * MINUTE);
    scenario.stop_agent();
    scenario.start_agent();
    scenario.run_for(61 * MINUTE);
    scenario.replay_admits_made_fresh();
    scenario.run_for(MINUTE);
    assert_eq!(scenario.keys_at_the_edge(), 0, "no admit passes its tombstone");
    assert!(!scenario.flows(desk));
    assert!(matches!(why(&scenario, desk), EndReason::Terminated { .. }));
}

#[test]
fn the_same_admit_passes_where_no_end_has_been() {
    // What makes the test above worth something.
    let mut scenario = Scenario::new(300, 600);
    connected(&mut scenario);
    scenario.replay_admits_made_fresh();
    scenario.run_for(100);
    assert_eq!(scenario.keys_at_the_edge(), 1);
}

#[test]
fn an_end_sent_into_a_partition_arrives_after_it_and_the_lease_has_cut_before() {
    let mut scenario = Scenario::new(300, 120);
    let desk = connected(&mut scenario);
    scenario.partition(60 * MINUTE);
    scenario.terminate(desk);
    assert!(scenario.flows(desk), "the gateway cannot know");
    scenario.run_for(3 * MINUTE);
    assert!(!scenario.flows(desk), "the lease is over");
    assert!(matches!(scenario.state(desk).stage, Stage::Ending(_)), "never ended on hope");
    scenario.run_for(60 * MINUTE);
    assert!(matches!(why(&scenario, desk), EndReason::Terminated { .. }));
}

#[test]
fn with_every_agent_process_stopped_an_open_flow_dies_at_its_lease() {
    let mut scenario = Scenario::new(300, 120);
    let desk = connected(&mut scenario);
    scenario.stop_agent();
    scenario.run_for(30_000);
    assert!(scenario.flows(desk), "the kernel goes on");
    scenario.run_for(2 * MINUTE);
    assert!(!scenario.flows(desk), "and stops by itself");
}

#[test]
fn without_the_control_plane_a_session_works_until_its_lease_and_is_cut_on_time() {
    let mut scenario = Scenario::new(300, 600);
    let desk = connected(&mut scenario);
    scenario.stop_control_plane();
    scenario.run_for(9 * MINUTE);
    assert!(scenario.flows(desk), "nobody misses it yet");
    scenario.run_for(5 * MINUTE);
    assert!(!scenario.flows(desk), "cut by the gateway alone");
    scenario.start_control_plane();
    scenario.run_for(5 * MINUTE);
    assert_eq!(why(&scenario, desk), EndReason::LeaseLost, "and told in order afterwards");
}

#[test]
fn a_lease_is_renewed_as_long_as_somebody_renews_it() {
    let mut scenario = Scenario::new(60, 60);
    let desk = connected(&mut scenario);
    for _ in 0..50 {
        scenario.run_for(MINUTE);
        assert!(scenario.flows(desk));
    }
    scenario.run_for(11 * MINUTE);
    assert_eq!(why(&scenario, desk), EndReason::MaximumLength);
}

#[test]
fn a_closing_window_ends_a_session_by_itself() {
    let mut scenario = Scenario::closing_in(10);
    let desk = connected(&mut scenario);
    scenario.run_for(9 * MINUTE);
    assert!(scenario.flows(desk));
    scenario.run_for(2 * MINUTE);
    assert!(!scenario.flows(desk));
    assert_eq!(why(&scenario, desk), EndReason::WindowClosed);
}

#[test]
fn parallel_sessions_cannot_buy_extra_guesses() {
    let mut scenario = Scenario::new(30, 600);
    // Five guesses each would be sixty.
    let desks: Vec<Desk> = (0..12).map(|_| scenario.sign_in(0, 9)).collect();
    scenario.run_for(6 * MINUTE);
    let guesses: u32 =
        desks.iter().map(|desk| 5 - u32::from(scenario.state(*desk).wrong_answers_left())).sum();
    assert_eq!(guesses, 20, "a day's guesses, however many sessions share them");
    let fresh = scenario.sign_in(0, 0);
    scenario.run_for(MINUTE);
    assert!(!scenario.flows(fresh), "and the right code has to wait for another day");
    let other = scenario.sign_in(1, 0);
    scenario.run_for(MINUTE);
    assert!(scenario.flows(other), "somebody else's guesses are their own");
}

#[test]
fn a_right_code_costs_no_guess() {
    let mut scenario = Scenario::new(30, 600);
    for _ in 0..25 {
        let desk = connected(&mut scenario);
        scenario.terminate(desk);
        scenario.run_for(5_000);
    }
}

#[test]
fn losing_every_schedule_loses_no_deadline() {
    let mut scenario = Scenario::new(10, 60);
    let standing = connected(&mut scenario);
    let waiting = scenario.sign_in(1, 3);
    scenario.run_for(500);
    scenario.lose_every_schedule();
    scenario.run_for(8 * MINUTE);
    assert!(scenario.flows(standing), "its lease is renewed all the same");
    scenario.lose_every_schedule();
    scenario.run_for(5 * MINUTE);
    assert_eq!(why(&scenario, standing), EndReason::MaximumLength);
    assert!(!matches!(scenario.state(waiting).stage, Stage::Challenged | Stage::CodeIssued(_)));
}

#[test]
fn a_changed_policy_ends_what_it_no_longer_allows() {
    let mut scenario = Scenario::new(60, 600);
    let desk = connected(&mut scenario);
    scenario.change_policy(|document| document.countries.allow = vec!["NZ".parse().expect("a country")]);
    scenario.run_for(3_000);
    assert!(!scenario.flows(desk));
    assert_eq!(why(&scenario, desk), EndReason::PolicyChanged);
}

#[test]
fn a_known_command_id_with_another_body_is_refused() {
    let mut scenario = Scenario::new(60, 600);
    let user = scenario.person(0);
    let suspend = scenario.order(user, WireCommand::User(user::Command::Suspend));
    assert_eq!(scenario.outcome(&suspend), Some(Outcome::Accepted));
    scenario.order_again(&suspend, WireCommand::User(user::Command::Delete));
    assert_eq!(scenario.user(0).status(), Some(user::Status::Suspended), "nothing was deleted");
}

#[test]
fn a_refusal_redelivered_stays_a_refusal() {
    let mut scenario = Scenario::new(60, 600);
    let user = scenario.person(0);
    let resume = WireCommand::User(user::Command::Resume);
    let refused = scenario.order(user, resume.clone());
    assert!(matches!(scenario.outcome(&refused), Some(Outcome::Refused(_))));
    scenario.order(user, WireCommand::User(user::Command::Suspend));
    // By now it would be accepted.
    scenario.order_again(&refused, resume);
    assert!(matches!(scenario.outcome(&refused), Some(Outcome::Refused(_))));
    assert_eq!(scenario.user(0).status(), Some(user::Status::Suspended));
}
