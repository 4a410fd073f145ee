//! One row per rule: what violates it, and what does not.

use super::document;
use crate::{
    Millis,
    policy::{
        Country, CountryRule, Document, Facts, Gate, KeyProtection, LocalTime, PostureRule, PostureValues,
        Rule, Standing, Weekday, evaluate,
    },
};
use proptest::prelude::*;

/// 2026-03-02T00:00:00Z, a Monday.
const MONDAY: Millis = Millis(1_772_409_600_000);

#[test]
fn a_clean_report_of_an_active_user_is_allowed_at_every_gate() {
    for gate in [Gate::Login, Gate::Posture, Gate::Code, Gate::Bootstrap, Gate::Continuous] {
        let verdict = evaluate(&document(), facts(), gate);
        assert!(verdict.allow, "{gate:?}: {:?}", verdict.findings);
        assert_eq!(verdict.facts, facts());
    }
}

#[test]
fn before_the_phone_has_spoken_only_the_login_gate_opens() {
    let silent = Facts { posture: None, ..facts() };
    assert!(evaluate(&document(), silent.clone(), Gate::Login).allow);
    for gate in [Gate::Posture, Gate::Code, Gate::Bootstrap, Gate::Continuous] {
        assert!(!evaluate(&document(), silent.clone(), gate).allow, "{gate:?}");
    }
}

#[test]
fn each_rule_denies_by_itself_and_says_so() {
    let rule = |rule: PostureRule| Document { posture: rule, ..document() };
    let strict = PostureRule { sim_matches_network: true, ..PostureRule::default() };
    let hardware = PostureRule { min_key_protection: KeyProtection::Hardware, ..PostureRule::default() };
    let monday_only = Document { windows: vec![super::window(&[Weekday::Tue], 0, 1440)], ..document() };
    let rows: Vec<(Rule, Document, Facts)> = vec![
        (Rule::UserActive, document(), Facts { user_active: false, ..facts() }),
        (Rule::PolicyActive, document(), Facts { policy_active: false, ..facts() }),
        (Rule::Window, monday_only, facts()),
        (Rule::NotAfter, Document { not_after: Some(MONDAY), ..document() }, facts()),
        (Rule::ConcurrentSessions, document(), Facts { other_sessions: 1, ..facts() }),
        (Rule::PhoneCountry, only("NZ"), facts()),
        (Rule::PhoneCountry, never("AU"), facts()),
        (Rule::PhoneCountry, only("AU"), reporting(|p| p.network_country = None)),
        (Rule::PhoneCountry, never("XX"), reporting(|p| p.network_country = None)),
        (Rule::SimMatchesNetwork, rule(strict.clone()), reporting(|p| p.sim_country = country("NZ"))),
        (
            Rule::SimMatchesNetwork,
            rule(strict),
            reporting(|p| {
                p.sim_country = None;
                p.network_country = None;
            }),
        ),
        (Rule::PostureAge, document(), reporting(|p| p.reported_at = Millis(MONDAY.0 - 301_000))),
        (Rule::PostureAge, document(), reporting(|p| p.reported_at = Millis(MONDAY.0 + 301_000))),
        (Rule::Rooted, document(), reporting(|p| p.rooted = true)),
        (Rule::Emulator, document(), reporting(|p| p.emulator = true)),
        (Rule::ScreenLock, document(), reporting(|p| p.screen_lock = false)),
        (Rule::KeyProtection, rule(hardware), facts()),
    ];
    for (rule, document, facts) in rows {
        let verdict = evaluate(&document, facts, Gate::Posture);
        let violated = verdict.findings.iter().filter(|f| f.standing == Standing::Violated);
        assert_eq!(violated.map(|f| f.rule).collect::<Vec<_>>(), [rule]);
        assert!(!verdict.allow);
    }
}

#[test]
fn what_a_policy_does_not_demand_is_not_asked() {
    let lax = PostureRule {
        forbid_rooted: false,
        forbid_emulator: false,
        require_screen_lock: false,
        ..PostureRule::default()
    };
    let bad = reporting(|p| {
        p.rooted = true;
        p.emulator = true;
        p.screen_lock = false;
    });
    assert!(evaluate(&Document { posture: lax, ..document() }, bad, Gate::Posture).allow);
}

#[test]
fn an_unknown_desktop_is_noted_and_does_not_deny() {
    let verdict = evaluate(&document(), Facts { known_desktop: false, ..facts() }, Gate::Code);
    assert!(verdict.allow);
    assert!(verdict.findings.iter().any(|f| f.rule == Rule::KnownDesktop && f.standing == Standing::Noted));
}

#[test]
fn a_connected_session_is_not_ended_for_the_age_of_its_report() {
    let old = reporting(|p| p.reported_at = Millis(0));
    assert!(evaluate(&document(), old.clone(), Gate::Continuous).allow);
    assert!(!evaluate(&document(), old, Gate::Bootstrap).allow);
}

#[test]
fn denied_countries_win_over_allowed_ones() {
    let both = Document {
        countries: CountryRule { allow: vec![parse("AU")], deny: vec![parse("AU")] },
        ..document()
    };
    assert!(!evaluate(&both, facts(), Gate::Posture).allow);
}

proptest! {
    #[test]
    fn every_verdict_names_each_rule_once_and_allows_exactly_when_none_is_violated(
        facts in any_facts(), gate in any_gate(), strict in any::<bool>(),
    ) {
        let document = Document {
            countries: if strict { CountryRule { allow: vec![parse("AU")], deny: vec![] } } else { CountryRule::default() },
            posture: PostureRule { sim_matches_network: strict, ..PostureRule::default() },
            ..document()
        };
        let verdict = evaluate(&document, facts.clone(), gate);
        prop_assert_eq!(verdict.findings.len(), 13);
        prop_assert_eq!(verdict.allow, verdict.findings.iter().all(|f| f.standing != Standing::Violated));
        // What the event recorded is all that is needed to decide again.
        prop_assert_eq!(evaluate(&document, verdict.facts.clone(), gate), verdict);
    }
}

// What the tests speak of.

fn parse(text: &str) -> Country {
    text.parse().expect("a country")
}

fn country(text: &str) -> Option<Country> {
    Some(parse(text))
}

fn only(text: &str) -> Document {
    Document { countries: CountryRule { allow: vec![parse(text)], deny: vec![] }, ..document() }
}

fn never(text: &str) -> Document {
    Document { countries: CountryRule { allow: vec![], deny: vec![parse(text)] }, ..document() }
}

fn facts() -> Facts {
    Facts {
        at: MONDAY,
        local: LocalTime { weekday: Weekday::Mon, minute: 660, offset_seconds: 39_600 },
        user_active: true,
        policy_active: true,
        other_sessions: 0,
        known_desktop: true,
        posture: Some(posture()),
    }
}

fn posture() -> PostureValues {
    PostureValues {
        reported_at: MONDAY,
        os: "android".into(),
        os_version: "16".into(),
        network_country: country("AU"),
        sim_country: country("AU"),
        rooted: false,
        emulator: false,
        screen_lock: true,
        key_protection: KeyProtection::File,
    }
}

fn reporting(change: impl FnOnce(&mut PostureValues)) -> Facts {
    let mut posture = posture();
    change(&mut posture);
    Facts { posture: Some(posture), ..facts() }
}

fn any_gate() -> impl Strategy<Value = Gate> {
    prop_oneof![
        Just(Gate::Login),
        Just(Gate::Posture),
        Just(Gate::Code),
        Just(Gate::Bootstrap),
        Just(Gate::Continuous)
    ]
}

fn any_facts() -> impl Strategy<Value = Facts> {
    let values = (any::<bool>(), any::<bool>(), any::<bool>(), any::<bool>(), 0u64..4_000_000_000_000);
    (values, any::<bool>(), 0u32..3, any::<bool>(), 0u64..4_000_000_000_000).prop_map(
        |((rooted, emulator, screen_lock, abroad, reported_at), user_active, other_sessions, spoke, at)| {
            Facts {
                at: Millis(at),
                local: Facts::local_time(&document(), Millis(at)),
                user_active,
                policy_active: true,
                other_sessions,
                known_desktop: rooted,
                posture: spoke.then(|| PostureValues {
                    reported_at: Millis(reported_at),
                    network_country: country(if abroad { "NZ" } else { "AU" }),
                    rooted,
                    emulator,
                    screen_lock,
                    ..posture()
                }),
            }
        },
    )
}
