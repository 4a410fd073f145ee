use super::*;
use crate::{
    ids::CodeId,
    process::story::{self, Story, arm, deadline, disarm, later},
    session::{BootstrapConsumed, BootstrapExpired, CodeExpired, Denied, EndMoved, EndsBecause, Expired},
};

fn opened() -> Story<SessionDeadlines> {
    let mut story = Story::default();
    story.session(story::opened());
    story
}

fn verified() -> Story<SessionDeadlines> {
    let mut story = opened();
    story.session(story::code_issued());
    story.session(story::verified(3_600_000));
    story
}

fn bootstrapped() -> Story<SessionDeadlines> {
    let mut story = verified();
    story.session(story::bootstrap_issued());
    story
}

#[test]
fn an_opened_session_waits_for_its_phone_until_it_must_have_answered() {
    let mut story = Story::<SessionDeadlines>::default();
    assert_eq!(story.session(story::opened()), vec![arm(AlarmKind::Challenge, later(300_000), 1)]);
}

#[test]
fn a_code_has_an_alarm_and_a_new_code_moves_it() {
    let mut story = opened();
    assert_eq!(story.session(story::code_issued()), vec![arm(AlarmKind::Code, later(120_000), 2)]);
    let second =
        session::CodeIssued { code: CodeId([99; 16]), expires_at: later(150_000), ..story::code_issued() };
    assert_eq!(story.session(second), vec![arm(AlarmKind::Code, later(150_000), 3)]);
    assert_eq!(story.session(CodeExpired { code: CodeId([99; 16]) }), vec![disarm(AlarmKind::Code)]);
    assert_eq!(story.alarm(AlarmKind::Challenge), Some((later(300_000), 1)), "the phone may ask for another");
}

#[test]
fn a_verified_session_waits_for_its_end_alone() {
    let mut story = opened();
    story.session(story::code_issued());
    assert_eq!(
        story.session(story::verified(3_600_000)),
        vec![disarm(AlarmKind::Challenge), disarm(AlarmKind::Code), arm(AlarmKind::End, later(3_600_000), 3)]
    );
}

#[test]
fn the_end_is_watched_at_the_lease_when_that_is_earlier() {
    let mut story = verified();
    assert_eq!(
        story.session(story::bootstrap_issued()),
        vec![arm(AlarmKind::Bootstrap, later(60_000), 4), arm(AlarmKind::End, later(600_000), 4)]
    );
    assert_eq!(story.session(story::lease_renewed(900_000)), vec![arm(AlarmKind::End, later(900_000), 5)]);
    assert_eq!(
        story.session(EndMoved { ends_at: later(700_000), because: EndsBecause::Window }),
        vec![arm(AlarmKind::End, later(700_000), 6)]
    );
}

#[test]
fn a_used_or_expired_bootstrap_is_waited_for_no_longer() {
    let used = BootstrapConsumed { bootstrap: story::BOOTSTRAP };
    assert_eq!(bootstrapped().session(used), vec![disarm(AlarmKind::Bootstrap)]);
    let expired = BootstrapExpired { bootstrap: story::BOOTSTRAP };
    assert_eq!(bootstrapped().session(expired), vec![disarm(AlarmKind::Bootstrap)]);
}

#[test]
fn whatever_is_over_waits_for_nothing() {
    let over: [session::Event; 3] = [
        story::ending().into(),
        Expired {}.into(),
        Denied {
            user: story::USER,
            policy: story::policy_ref(),
            verdict: story::verdict(crate::policy::Gate::Code, "AU"),
        }
        .into(),
    ];
    for event in over {
        let mut story = bootstrapped();
        assert_eq!(story.session(event), vec![disarm(AlarmKind::Bootstrap), disarm(AlarmKind::End)]);
        assert_eq!(story.process.alarms(), vec![]);
        assert_eq!(story.rings(AlarmKind::End, later(9_999_999)), vec![]);
    }
}

#[test]
fn a_ring_on_time_asks_the_session_to_look_and_asks_again_should_nothing_come_of_it() {
    let mut story = bootstrapped();
    let again = |attempt, at| {
        Effect::Arm(Alarm { instance: story::SESSION.0, kind: AlarmKind::End, at, generation: 4, attempt })
    };
    assert_eq!(
        story.rings(AlarmKind::End, later(600_000)),
        vec![deadline(DeadlineKind::End, 4), again(2, later(602_000))]
    );
    assert_eq!(
        story.rings(AlarmKind::End, later(602_000)),
        vec![deadline(DeadlineKind::End, 4), again(3, later(606_000))]
    );
}

#[test]
fn an_early_ring_is_armed_again_and_asks_nothing() {
    let mut story = bootstrapped();
    assert_eq!(
        story.rings(AlarmKind::Bootstrap, later(59_999)),
        vec![arm(AlarmKind::Bootstrap, later(60_000), 4)]
    );
}

#[test]
fn a_stale_ring_for_a_moved_deadline_counts_as_early() {
    let mut story = bootstrapped();
    story.session(story::lease_renewed(900_000));
    assert_eq!(story.rings(AlarmKind::End, later(600_000)), vec![arm(AlarmKind::End, later(900_000), 5)]);
}
