//! The aggregate's rules; evaluation and the clock have files of their own.

mod clock;
mod evaluation;

use super::{
    Activated, Changed, Command, CountryRule, Document, Drafted, Event, Policy, PostureRule, Protocol,
    Refusal, Resource, Retired, Weekday, Window,
};
use crate::{
    given::{Given, given},
    ids::PolicyId,
};
use std::net::Ipv4Addr;

#[test]
fn a_draft_decides_nothing_until_it_is_activated() {
    given::<Policy>([]).when(Command::Draft { document: document() }).then([drafted()]);
    assert_eq!(draft().state.active(PolicyId([1; 16])), None);
    draft().when(Command::Activate).then([Activated { version: 1 }.into()]);
    let active = draft().done(Command::Activate);
    assert_eq!(active.state.active(PolicyId([1; 16])).map(|(policy, _)| policy.version), Some(1));
    active.when(Command::Activate).then_refused(Refusal::Unchanged);
}

#[test]
fn a_change_of_an_active_policy_counts_at_once_under_the_next_version() {
    let longer = Document { max_minutes: 60, ..document() };
    let changed = Changed { version: 2, document: longer.clone() };
    let active = draft().done(Command::Activate);
    active.when(Command::Change { document: longer.clone() }).then([changed.clone().into()]);
    let active = active.and([changed.into()]);
    let (policy, counts) = active.state.active(PolicyId([1; 16])).expect("active");
    assert_eq!((policy.version, counts), (2, &longer));
}

#[test]
fn a_change_that_changes_nothing_is_refused() {
    draft().when(Command::Change { document: document() }).then_refused(Refusal::Unchanged);
}

#[test]
fn a_retired_policy_admits_nobody_for_good() {
    let active = draft().done(Command::Activate);
    active.when(Command::Retire).then([Retired {}.into()]);
    let retired = active.and([Retired {}.into()]);
    assert_eq!(retired.state.active(PolicyId([1; 16])), None);
    for command in [Command::Activate, Command::Retire, Command::Change { document: document() }] {
        retired.when(command).then_refused(Refusal::Retired);
    }
}

#[test]
fn a_policy_is_drafted_once() {
    draft().when(Command::Draft { document: document() }).then_refused(Refusal::AlreadyExists);
    given::<Policy>([]).when(Command::Activate).then_refused(Refusal::NotFound);
}

#[test]
fn a_document_that_cannot_be_meant_is_refused_naming_its_field() {
    let mut wrong: Vec<(&str, Document)> = vec![
        ("name", Document { name: " ".into(), ..document() }),
        ("name", Document { name: "x".repeat(65), ..document() }),
        ("time_zone", Document { time_zone: "Mars/Olympus".into(), ..document() }),
        ("max_minutes", Document { max_minutes: 0, ..document() }),
        ("max_minutes", Document { max_minutes: 1441, ..document() }),
        ("lease_seconds", Document { lease_seconds: 29, ..document() }),
        ("lease_seconds", Document { lease_seconds: 86_401, ..document() }),
        ("concurrent_sessions", Document { concurrent_sessions: 0, ..document() }),
        ("image", Document { image: String::new(), ..document() }),
        ("resources", Document { resources: vec![resource("", 80)], ..document() }),
        ("resources", Document { resources: vec![resource("page", 0)], ..document() }),
        ("resources", Document { resources: vec![resource("page", 80); 65], ..document() }),
    ];
    wrong.extend(
        [window(&[], 0, 60), window(&[Weekday::Mon], 60, 60), window(&[Weekday::Mon], 0, 1441)]
            .map(|window| ("windows", Document { windows: vec![window], ..document() })),
    );
    for (field, document) in wrong {
        assert_eq!(document.validate().expect_err(field).field, field);
        given::<Policy>([])
            .when(Command::Draft { document: document.clone() })
            .then_refused(Refusal::InvalidDocument);
        draft().when(Command::Change { document }).then_refused(Refusal::InvalidDocument);
    }
    assert_eq!(document().validate(), Ok(()));
}

#[test]
fn a_country_is_two_capital_letters() {
    for wrong in ["", "A", "au", "AUS", "A1", "ÄU"] {
        assert!(wrong.parse::<super::Country>().is_err(), "{wrong:?}");
    }
    assert_eq!("AU".parse::<super::Country>().expect("a country").to_string(), "AU");
}

// What the tests speak of.

pub fn window(days: &[Weekday], from_minute: u16, to_minute: u16) -> Window {
    Window { days: days.to_vec(), from_minute, to_minute }
}

pub fn resource(label: &str, port: u16) -> Resource {
    Resource { label: label.into(), address: Ipv4Addr::new(10, 78, 0, 2), port, protocol: Protocol::Tcp }
}

pub fn document() -> Document {
    Document {
        name: "staff".into(),
        time_zone: "Australia/Sydney".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule::default(),
        posture: PostureRule::default(),
        resources: vec![resource("page", 80)],
        image: "page".into(),
        max_minutes: 480,
        lease_seconds: 600,
        concurrent_sessions: 1,
    }
}

fn drafted() -> Event {
    Drafted { document: document() }.into()
}

fn draft() -> Given<Policy> {
    given([drafted()])
}
