//! From the password to the phone's word.

use super::{
    DEVICE, GATEWAY, POLICY, USER, after, allowed, challenged, code_issued, deadline, inactive, open, opened,
    posture, posture_recorded, prepared, request_end, standing, verified, waiting,
};
use crate::{
    Aggregate,
    given::{START, given},
    ids::DeviceId,
    policy::{Facts, Gate, Standing as Finding, evaluate},
    session::{Command, DeadlineKind, Denied, Event, Expired, PostureRecorded, Refusal, Session, Stage},
};

fn record(device: DeviceId, country: &str) -> Command {
    Command::RecordPosture {
        device,
        posture: posture(country),
        standing: standing(START, None),
        code: prepared(1, START),
    }
}

#[test]
fn a_right_password_opens_a_session_that_waits_for_the_phone() {
    given::<Session>([]).when(open(standing(START, None))).then([opened()]);
    assert_eq!(challenged().state.stage, Stage::Challenged);
    assert!(challenged().state.token_is_live());
}

#[test]
fn a_user_who_is_not_active_is_denied_at_the_door_and_nothing_is_opened() {
    let mut closed = inactive(START);
    closed.facts.posture = None;
    let verdict = evaluate(&closed.document, closed.facts.clone(), Gate::Login);
    let denied = Denied { user: USER, policy: POLICY, verdict };
    given::<Session>([]).when(open(closed)).then([denied.clone().into()]);
    let state = given::<Session>([denied.into()]).state;
    assert_eq!((state.stage.clone(), state.origin.is_some()), (Stage::Denied, false));
    assert!(!state.token_is_live());
}

#[test]
fn a_session_is_opened_once() {
    challenged().when(open(standing(START, None))).then_refused(Refusal::AlreadyOpened);
    given::<Session>([]).when(request_end()).then_refused(Refusal::NotFound);
}

#[test]
fn an_allowed_report_issues_a_code_in_the_same_decision() {
    challenged().when(record(DEVICE, "AU")).then([posture_recorded(), code_issued(1, START)]);
}

#[test]
fn a_forbidden_country_is_denied_with_its_finding_and_without_a_code() {
    let events = challenged().when(record(DEVICE, "XX")).events();
    let [Event::PostureRecorded(PostureRecorded { verdict, .. }), Event::Denied(denied)] = &events[..] else {
        panic!("{events:?}")
    };
    assert_eq!(verdict, &denied.verdict);
    let violated = verdict.findings.iter().filter(|f| f.standing == Finding::Violated);
    assert_eq!(violated.map(|f| f.rule).collect::<Vec<_>>(), [crate::policy::Rule::PhoneCountry]);
    let denied = challenged().and(events);
    assert_eq!(denied.state.stage, Stage::Denied);
    denied.when(record(DEVICE, "AU")).then_refused(Refusal::Over);
}

#[test]
fn the_report_is_judged_not_what_was_known_before_it() {
    let Command::RecordPosture { device, posture, code, .. } = record(DEVICE, "XX") else {
        panic!("a report")
    };
    let flattering = Command::RecordPosture { device, posture, standing: allowed(START), code };
    let events = challenged().when(flattering).events();
    assert!(matches!(events[..], [Event::PostureRecorded(_), Event::Denied(_)]));
    let facts: &Facts = match &events[0] {
        Event::PostureRecorded(e) => &e.verdict.facts,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        facts.posture.as_ref().and_then(|p| p.network_country).map(|c| c.to_string()),
        Some("XX".into())
    );
}

#[test]
fn only_the_sessions_own_phone_is_heard() {
    challenged().when(record(DeviceId([99; 16]), "AU")).then_refused(Refusal::OtherDevice);
}

#[test]
fn a_phone_that_speaks_too_late_is_not_heard() {
    challenged().at(after(300)).when(record(DEVICE, "AU")).then_refused(Refusal::Over);
}

#[test]
fn a_phone_speaks_once() {
    waiting().when(record(DEVICE, "AU")).then_refused(Refusal::NotNow);
    verified().when(record(DEVICE, "AU")).then_refused(Refusal::NotNow);
}

#[test]
fn nobody_answering_expires_the_session_on_time_and_not_before() {
    let ring = || deadline(DeadlineKind::Challenge, START);
    challenged().at(after(299)).when(ring()).then_refused(Refusal::NotYet);
    challenged().at(after(300)).when(ring()).then([Expired {}.into()]);
    waiting().at(after(299)).when(ring()).then_refused(Refusal::NotYet);
    waiting().at(after(300)).when(ring()).then([Expired {}.into()]);
    let expired = challenged().and([Expired {}.into()]);
    assert!(!expired.state.token_is_live());
    expired.when(ring()).then_refused(Refusal::Over);
}

#[test]
fn a_session_that_granted_nothing_just_expires_when_it_is_asked_to_end() {
    challenged().when(request_end()).then([Expired {}.into()]);
    waiting().when(request_end()).then([Expired {}.into()]);
}

#[test]
fn what_was_fixed_at_the_opening_stays() {
    let origin = verified().state.origin.expect("an origin");
    assert_eq!((origin.user, origin.device, origin.gateway), (USER, DEVICE, GATEWAY));
    assert_eq!(Session::KIND.as_str(), "session");
}
