use super::{
    Command, Draining, Endpoint, Enrolled, Event, Gateway, Health, HealthChanged, INVITATION_LIFETIME,
    Identity, IncarnationSeen, Invited, Refusal, ReportAccepted, Retired,
};
use crate::{
    given::{Given, START, given},
    ids::{Digest, Incarnation},
};
use std::net::Ipv4Addr;

const SECRET: Digest = Digest([1; 32]);

#[test]
fn an_invitation_is_good_for_ten_minutes_and_one_machine() {
    given::<Gateway>([]).when(invite("gw1", SECRET)).then([invited(SECRET)]);
    waiting().when(enrol(SECRET, 1)).then([enrolled(1)]);
    assert!(waiting().state.invites(&SECRET, START));
    let late = waiting().at(START.plus(INVITATION_LIFETIME));
    late.when(enrol(SECRET, 1)).then_refused(Refusal::TokenUnusable);
    assert!(!late.state.invites(&SECRET, START.plus(INVITATION_LIFETIME)));
}

#[test]
fn inviting_again_voids_the_earlier_token() {
    let again = waiting().done(invite("gw1", Digest([2; 32])));
    again.when(enrol(SECRET, 1)).then_refused(Refusal::TokenUnusable);
    again.when(enrol(Digest([2; 32]), 1)).then([enrolled(1)]);
}

#[test]
fn an_enrolled_gateway_is_not_invited_again() {
    up().when(invite("gw1", SECRET)).then_refused(Refusal::AlreadyExists);
}

#[test]
fn the_same_machine_enrolling_again_changes_nothing() {
    up().when(enrol(SECRET, 1)).then_nothing();
}

#[test]
fn a_second_machine_with_a_used_token_voids_the_first() {
    up().when(enrol(SECRET, 2)).then([Retired {}.into()]);
    let retired = up().and([Retired {}.into()]);
    assert!(!retired.state.is_enrolled());
    retired.when(enrol(SECRET, 1)).then_refused(Refusal::Retired);
}

#[test]
fn a_wrong_secret_enrols_nobody_and_voids_nobody() {
    waiting().when(enrol(Digest([9; 32]), 1)).then_refused(Refusal::TokenUnusable);
    up().when(enrol(Digest([9; 32]), 2)).then_refused(Refusal::TokenUnusable);
}

#[test]
fn a_name_is_needed() {
    for name in ["", "  ", &"x".repeat(65)] {
        given::<Gateway>([]).when(invite(name, SECRET)).then_refused(Refusal::InvalidName);
    }
}

#[test]
fn reports_are_taken_from_enrolled_gateways_and_only_forward() {
    let accept = |report_n| Command::AcceptReport { report_n };
    waiting().when(accept(1)).then_refused(Refusal::NotEnrolled);
    let at_five = up().and([ReportAccepted { report_n: 5 }.into()]);
    at_five.when(accept(5)).then_refused(Refusal::Unchanged);
    at_five.when(accept(4)).then_refused(Refusal::Unchanged);
    at_five.when(accept(9)).then([ReportAccepted { report_n: 9 }.into()]);
}

#[test]
fn a_start_and_a_change_of_health_are_recorded_once() {
    let start = |n| Command::SeeIncarnation { incarnation: Incarnation([n; 16]) };
    let seen = IncarnationSeen { incarnation: Incarnation([1; 16]) };
    up().when(start(1)).then([seen.clone().into()]);
    up().and([seen.into()]).when(start(1)).then_refused(Refusal::Unchanged);

    let down = HealthChanged { health: Health::Down };
    up().when(Command::RecordHealth { health: Health::Down }).then([down.clone().into()]);
    let down = up().and([down.into()]);
    down.when(Command::RecordHealth { health: Health::Down }).then_refused(Refusal::Unchanged);
    assert!(!down.state.takes_sessions());
}

#[test]
fn a_gateway_takes_sessions_once_it_has_said_that_it_is_up() {
    assert!(!up().state.takes_sessions());
    let healthy = up().done(Command::RecordHealth { health: Health::Up });
    assert!(healthy.state.takes_sessions());
    let draining = healthy.done(Command::Drain);
    assert!(!draining.state.takes_sessions());
    assert!(draining.state.is_enrolled());
}

#[test]
fn draining_leads_to_retirement_and_retirement_is_final() {
    up().when(Command::Drain).then([Draining {}.into()]);
    up().and([Draining {}.into()]).when(Command::Drain).then_refused(Refusal::Unchanged);
    up().and([Draining {}.into()]).when(Command::Retire).then([Retired {}.into()]);
    let retired = up().and([Retired {}.into()]);
    retired.when(Command::Retire).then_refused(Refusal::Retired);
    retired.when(invite("gw1", SECRET)).then_refused(Refusal::Retired);
    retired.when(Command::AcceptReport { report_n: 1 }).then_refused(Refusal::Retired);
}

#[test]
fn nothing_can_be_asked_of_a_gateway_that_does_not_exist() {
    given::<Gateway>([]).when(enrol(SECRET, 1)).then_refused(Refusal::NotFound);
    given::<Gateway>([]).when(Command::Retire).then_refused(Refusal::NotFound);
}

// What the tests speak of.

fn endpoint() -> Endpoint {
    Endpoint { address: Ipv4Addr::new(10, 77, 0, 2), spa_port: 62201, tls_port: 443 }
}

fn invite(name: &str, secret: Digest) -> Command {
    Command::Invite { name: name.into(), endpoint: endpoint(), secret }
}

fn invited(secret: Digest) -> Event {
    Invited { name: "gw1".into(), endpoint: endpoint(), secret, expires_at: START.plus(INVITATION_LIFETIME) }
        .into()
}

fn waiting() -> Given<Gateway> {
    given([invited(SECRET)])
}

fn up() -> Given<Gateway> {
    waiting().and([enrolled(1)])
}

fn identity(n: u8) -> Identity {
    Identity {
        account: format!("A{}", "B".repeat(55)).parse().expect("an account"),
        bus_user: format!("U{n}"),
        opening_key: vec![n; 65],
        report_key: [n; 32],
        server_key: Digest([n; 32]),
    }
}

fn enrol(secret: Digest, n: u8) -> Command {
    Command::Enrol { secret, identity: identity(n) }
}

fn enrolled(n: u8) -> Event {
    Enrolled { identity: identity(n) }.into()
}
