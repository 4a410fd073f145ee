//! A code is used once, lives 120 s, and five wrong answers end the session.

use super::{
    DEVICE, POLICY, RIGHT, USER, WRONG, after, allowed, answer, code_issued, deadline, inactive, prepared,
    verified, verified_event, waiting,
};
use crate::{
    Millis,
    given::{Given, START},
    ids::{AttemptId, CodeId, DeviceId},
    policy::{Document, Gate, Weekday, Window, evaluate},
    session::{
        AnswerRefused, CODES_PER_SESSION, CodeExpired, Command, DeadlineKind, Denied, EndsBecause, Event,
        Expired, Refusal, Session, Stage,
    },
};

fn refused(code: u8, left: u8) -> Event {
    AnswerRefused { code: CodeId([code; 16]), attempt: AttemptId([code; 16]), left }.into()
}

/// A wrong answer before, paid by an attempt of its own.
fn refused_before(left: u8) -> Event {
    AnswerRefused { code: CodeId([1; 16]), attempt: AttemptId([100 + left; 16]), left }.into()
}

fn another(n: u8, now: Millis) -> Command {
    Command::IssueCode { device: DEVICE, standing: allowed(now), code: prepared(n, now) }
}

#[test]
fn the_right_answer_verifies_and_fixes_the_end() {
    waiting().when(answer(1, RIGHT, START)).then([verified_event()]);
    let Stage::Verified(v) = verified().state.stage else { panic!("verified") };
    assert_eq!((v.ends_at, v.because, v.lease_until), (after(3600), EndsBecause::MaximumLength, None));
}

#[test]
fn the_policys_window_ends_it_earlier() {
    // 1970-01-01 was a Thursday; the window closes at 00:30 UTC.
    let windows = vec![Window { days: vec![Weekday::Thu], from_minute: 0, to_minute: 30 }];
    let mut standing = allowed(START);
    standing.document = Document { windows, ..standing.document };
    let command = Command::Answer {
        code: CodeId([1; 16]),
        mac: RIGHT,
        attempt: AttemptId([1; 16]),
        attempt_reserved: true,
        standing,
    };
    let events = waiting().when(command).events();
    let [Event::Verified(v)] = &events[..] else { panic!("{events:?}") };
    assert_eq!((v.ends_at, v.because), (Millis(30 * 60_000), EndsBecause::Window));
}

#[test]
fn a_code_is_used_once() {
    verified().when(answer(1, RIGHT, START)).then_refused(Refusal::NotNow);
}

#[test]
fn an_answer_is_judged_only_when_its_attempt_has_been_paid() {
    let Command::Answer { code, mac, attempt, standing, .. } = answer(1, RIGHT, START) else {
        panic!("an answer")
    };
    let unpaid = Command::Answer { code, mac, attempt, attempt_reserved: false, standing };
    waiting().when(unpaid).then_refused(Refusal::AttemptNotReserved);
}

#[test]
fn one_payment_buys_one_guess() {
    let paid_and_judged = waiting().and([refused(1, 4)]);
    paid_and_judged.when(answer(1, RIGHT, START)).then_refused(Refusal::AttemptNotReserved);
}

#[test]
fn a_wrong_answer_leaves_four() {
    waiting().when(answer(1, WRONG, START)).then([refused(1, 4)]);
    waiting().and([refused_before(4)]).when(answer(1, RIGHT, START)).then([verified_event()]);
}

#[test]
fn the_fifth_wrong_answer_ends_the_session() {
    let last = waiting().and((1..=4).map(|n| refused_before(5 - n)));
    assert_eq!(last.state.wrong_answers_left(), 1);
    last.when(answer(1, WRONG, START)).then([refused(1, 0), Expired {}.into()]);
    let over = last.and([refused(1, 0), Expired {}.into()]);
    over.when(answer(1, RIGHT, START)).then_refused(Refusal::Over);
}

#[test]
fn new_codes_buy_no_new_answers() {
    let mut session = waiting();
    for n in 1..=4u8 {
        session = session.done(answer(n, WRONG, START)).done(another(n + 1, START));
    }
    session.when(answer(5, WRONG, START)).then([refused(5, 0), Expired {}.into()]);
}

#[test]
fn a_code_fits_until_its_time_and_not_at_it() {
    let last = Millis(after(120).0 - 1);
    assert!(matches!(waiting().at(last).when(answer(1, RIGHT, last)).events()[..], [Event::Verified(_)]));
    waiting().at(after(120)).when(answer(1, RIGHT, after(120))).then([refused(1, 4)]);
}

#[test]
fn an_expired_code_is_recorded_once_and_fits_no_more() {
    let ring = || deadline(DeadlineKind::Code, START);
    let expired = Event::from(CodeExpired { code: CodeId([1; 16]) });
    waiting().at(after(119)).when(ring()).then_refused(Refusal::NotYet);
    waiting().at(after(120)).when(ring()).then([expired.clone()]);
    let none = waiting().and([expired]).at(after(121));
    none.when(ring()).then_refused(Refusal::Unchanged);
    none.when(answer(1, RIGHT, after(121))).then([refused(1, 4)]);
    none.when(another(2, after(121))).then([code_issued(2, after(121))]);
}

#[test]
fn a_new_code_voids_the_one_before() {
    let second = waiting().and([code_issued(2, START)]);
    second.when(answer(1, RIGHT, START)).then([refused(1, 4)]);
    assert!(matches!(second.when(answer(2, RIGHT, START)).events()[..], [Event::Verified(_)]));
}

#[test]
fn codes_are_limited_and_only_for_the_sessions_phone_in_time() {
    let all: Given<Session> = waiting().and((2..=CODES_PER_SESSION).map(|n| code_issued(n, START)));
    all.when(another(9, START)).then_refused(Refusal::TooManyCodes);
    let stranger =
        Command::IssueCode { device: DeviceId([99; 16]), standing: allowed(START), code: prepared(2, START) };
    waiting().when(stranger).then_refused(Refusal::OtherDevice);
    waiting().at(after(300)).when(another(2, after(300))).then_refused(Refusal::Over);
}

#[test]
fn no_code_lives_longer_than_the_rule_allows() {
    let mut generous = prepared(2, START);
    generous.expires_at = after(9_999);
    let command = Command::IssueCode { device: DEVICE, standing: allowed(START), code: generous };
    waiting().when(command).then([code_issued(2, START)]);
}

#[test]
fn a_right_answer_after_the_session_had_to_be_answered_is_too_late() {
    let late = waiting().and([code_issued(2, after(299))]).at(after(300));
    late.when(answer(2, RIGHT, after(300))).then_refused(Refusal::Over);
}

#[test]
fn the_policy_is_asked_again_with_the_code() {
    let standing = inactive(START);
    let verdict = evaluate(&standing.document, standing.facts.clone(), Gate::Code);
    let denied = Denied { user: USER, policy: POLICY, verdict };
    let right = Command::Answer {
        code: CodeId([1; 16]),
        mac: RIGHT,
        attempt: AttemptId([1; 16]),
        attempt_reserved: true,
        standing: standing.clone(),
    };
    waiting().when(right).then([denied.clone().into()]);
    let another = Command::IssueCode { device: DEVICE, standing, code: prepared(2, START) };
    waiting().when(another).then([denied.into()]);
}
