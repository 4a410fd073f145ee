use super::*;
use crate::{
    directory::{ClaimRefused, Claimed, Released},
    process::story::{self, GATEWAY, NAME, Story, USER, later, step_finished},
};

const VPN: Step = Step::Vpn { gateway: GATEWAY };
const PANEL: Step = Step::Panel { gateway: GATEWAY };

fn claim() -> Effect {
    command(NAME, WireCommand::Directory(directory::Command::Claim { user: USER }))
}

fn release() -> Effect {
    command(NAME, WireCommand::Directory(directory::Command::Release { user: USER }))
}

fn command(aggregate: impl Into<crate::event::AggregateRef>, body: WireCommand) -> Effect {
    story::command(aggregate.into(), body)
}

fn record(step: Step, attempt: u32, result: Result<(), StepFailure>) -> Effect {
    command(USER, WireCommand::User(user::Command::RecordStep { step, attempt, result }))
}

fn provision(place: Place, action: Action, attempt: u32, at: u64, cause: (u64, u8)) -> Effect {
    let order = Provision { user: USER, place, action, attempt, not_after: later(at + 30_000) };
    story::order(Order::Provision(order), cause.0, cause.1)
}

fn arm(at: u64, generation: u64, attempt: u32) -> Effect {
    Effect::Arm(Alarm { instance: USER.0, kind: AlarmKind::Step, at: later(at), generation, attempt })
}

fn created() -> Story<Provisioning> {
    let mut story = Story::default();
    story.decision::<user::Event>(USER, vec![story::created(&[GATEWAY]).into()]);
    story
}

fn user(story: &mut Story<Provisioning>, event: impl Into<user::Event>) -> Vec<Effect> {
    story.decision(USER, vec![event.into()])
}

fn name(story: &mut Story<Provisioning>, event: impl Into<directory::Event>) -> Vec<Effect> {
    story.decision(NAME, vec![event.into()])
}

/// All three steps done.
fn provisioned() -> Story<Provisioning> {
    let mut story = created();
    name(&mut story, Claimed { user: USER });
    for step in [Step::Directory, VPN, PANEL] {
        user(&mut story, step_finished(step, 1));
    }
    story
}

#[test]
fn a_created_user_is_asked_for_in_every_place_at_once() {
    let mut story = Story::<Provisioning>::default();
    assert_eq!(
        user(&mut story, story::created(&[GATEWAY])),
        vec![
            claim(),
            provision(Place::Vpn, Action::Create, 1, 0, (1, 0)),
            provision(Place::Panel, Action::Create, 1, 0, (1, 1)),
            arm(60_000, 1, 1)
        ]
    );
}

#[test]
fn a_claimed_name_finishes_the_directory_step() {
    let mut story = created();
    assert_eq!(name(&mut story, Claimed { user: USER }), vec![record(Step::Directory, 1, Ok(()))]);
}

#[test]
fn a_taken_name_fails_the_directory_step() {
    let mut story = created();
    assert_eq!(
        name(&mut story, ClaimRefused { user: USER }),
        vec![record(Step::Directory, 1, Err(StepFailure::NameTaken))]
    );
}

#[test]
fn a_failed_step_is_asked_for_again_under_the_next_number() {
    let mut story = created();
    user(&mut story, user::StepFailed { step: VPN, attempt: 1, reason: StepFailure::ScriptFailed });
    story.at(later(5_000));
    let retried = user(&mut story, user::StepRetried { step: VPN, attempt: 2 });
    assert_eq!(retried, vec![provision(Place::Vpn, Action::Create, 2, 5_000, (3, 0))]);
}

#[test]
fn a_directory_step_retried_while_the_name_is_held_is_done() {
    let mut story = created();
    name(&mut story, Claimed { user: USER });
    user(&mut story, user::StepFailed { step: Step::Directory, attempt: 1, reason: StepFailure::NameTaken });
    let retried = user(&mut story, user::StepRetried { step: Step::Directory, attempt: 2 });
    assert_eq!(retried, vec![record(Step::Directory, 2, Ok(()))]);
}

#[test]
fn a_silent_gateway_fails_its_steps_when_their_answer_is_due() {
    let mut story = created();
    name(&mut story, Claimed { user: USER });
    user(&mut story, step_finished(Step::Directory, 1));
    assert_eq!(story.rings(AlarmKind::Step, later(59_999)), vec![arm(60_000, 1, 1)]);
    let silent = Err(StepFailure::GatewayUnavailable);
    assert_eq!(
        story.rings(AlarmKind::Step, later(60_000)),
        vec![record(VPN, 1, silent), record(PANEL, 1, silent), arm(62_000, 1, 2)]
    );
}

#[test]
fn a_silent_directory_is_asked_again() {
    let mut story = created();
    user(&mut story, step_finished(VPN, 1));
    user(&mut story, step_finished(PANEL, 1));
    assert_eq!(story.rings(AlarmKind::Step, later(60_000)), vec![claim(), arm(62_000, 1, 2)]);
}

#[test]
fn a_user_in_every_place_waits_for_nothing() {
    let mut story = provisioned();
    assert_eq!(story.process.alarms(), vec![]);
    assert_eq!(story.rings(AlarmKind::Step, later(60_000)), vec![]);
}

#[test]
fn a_new_gateway_adds_its_own_two_steps() {
    let new = GatewayId([66; 16]);
    let mut story = provisioned();
    let steps = vec![Step::Vpn { gateway: new }, Step::Panel { gateway: new }];
    let effects = user(&mut story, user::GatewaysAssigned { gateways: vec![GATEWAY, new], steps });
    assert!(matches!(
        &effects[..],
        [Effect::Order { gateway: a, index: 0, .. }, Effect::Order { gateway: b, index: 1, .. }, Effect::Arm(_)]
            if (*a, *b) == (new, new)
    ));
}

#[test]
fn a_deleted_user_is_taken_away_from_every_place() {
    let mut story = provisioned();
    let seq = story.seq() + 1;
    assert_eq!(
        user(&mut story, user::DeletionRequested {}),
        vec![
            release(),
            provision(Place::Vpn, Action::Delete, 2, 0, (seq, 0)),
            provision(Place::Panel, Action::Delete, 2, 0, (seq, 1)),
            arm(60_000, seq, 1)
        ]
    );
    assert_eq!(name(&mut story, Released { user: USER }), vec![record(Step::Directory, 2, Ok(()))]);
    for step in [Step::Directory, VPN] {
        user(&mut story, step_finished(step, 2));
    }
    story.decision::<user::Event>(USER, vec![step_finished(PANEL, 2), user::Deleted {}.into()]);
    assert_eq!(story.process.alarms(), vec![]);
}

#[test]
fn a_deleted_user_who_never_held_the_name_releases_nothing() {
    let mut story = created();
    name(&mut story, ClaimRefused { user: USER });
    let effects = user(&mut story, user::DeletionRequested {});
    assert_eq!(effects[0], record(Step::Directory, 2, Ok(())));
}

#[test]
fn a_claim_that_arrives_after_its_users_deletion_is_released() {
    let mut story = created();
    user(&mut story, user::DeletionRequested {});
    assert_eq!(name(&mut story, Claimed { user: USER }), vec![release()]);
    let gone = user(&mut story, user::Deleted {});
    assert!(matches!(&gone[..], [Effect::Disarm { .. }]));
    name(&mut story, Released { user: USER });
    assert_eq!(name(&mut story, Claimed { user: USER }), vec![release()]);
}
