use super::{hours::WEEK, *};
use viworks_domain::{
    Millis,
    ids::CorrelationId,
    policy::{CountryRule, Weekday, Window},
};

const OFFICE: PolicyId = PolicyId([1; 16]);
const GATEWAY: GatewayId = GatewayId([2; 16]);

fn countries(codes: &[&str]) -> Vec<Country> {
    codes.iter().map(|code| code.parse().expect("a country")).collect()
}

fn window(days: &[Weekday], from_minute: u16, to_minute: u16) -> Window {
    Window { days: days.to_vec(), from_minute, to_minute }
}

fn hours(days: &[Weekday], from: &str, to: &str) -> Hours {
    Hours { days: days.iter().copied().collect(), from: from.into(), to: to.into() }
}

fn office() -> PolicySummary {
    PolicySummary {
        id: OFFICE,
        version: 1,
        state: PolicyState::Active,
        name: "office".into(),
        time_zone: "Australia/Sydney".into(),
        windows: vec![window(&WEEK[..5], 540, 1020)],
        not_after: None,
        countries: CountryRule { allow: countries(&["AU"]), deny: countries(&["NZ"]) },
        resources: vec!["wiki".into()],
        max_minutes: 60,
        changed_at: Millis(1),
    }
}

fn choices() -> Choices {
    Choices { policies: vec![office()], gateways: vec![GATEWAY], may_differ: true }
}

fn filled() -> Draft {
    Draft { username: "ada".into(), password: "correct horse".into(), ..Draft::new(&choices()) }
}

fn fields(draft: &Draft, choices: &Choices) -> Vec<Field> {
    draft.request(choices).err().unwrap_or_default().into_iter().map(|(field, _)| field).collect()
}

#[test]
fn what_there_is_only_one_of_is_chosen_already() {
    let draft = Draft::new(&choices());
    assert_eq!((draft.policy, draft.gateways.len()), (Some(OFFICE), 1));
    assert!(!draft.is_touched());

    let other = PolicySummary { id: PolicyId([9; 16]), ..office() };
    let retired = PolicySummary { state: PolicyState::Retired, ..other.clone() };
    let many = Choices {
        policies: vec![office(), other],
        gateways: vec![GATEWAY, GatewayId([3; 16])],
        may_differ: true,
    };
    assert_eq!(Draft::new(&many), Draft::default());
    let one_in_force = Choices { policies: vec![retired, office()], ..choices() };
    assert_eq!(Draft::new(&one_in_force).policy, Some(OFFICE));
}

#[test]
fn a_filled_form_is_a_request_and_what_is_as_the_policy_says_is_not_sent() {
    let request = filled().request(&choices()).expect("a request");
    assert_eq!((request.username.as_str(), request.password.as_str()), ("ada", "correct horse"));
    assert_eq!((request.policies, request.gateways, request.instead), (vec![OFFICE], vec![GATEWAY], None));

    let same = Draft {
        countries: Some(countries(&["AU"]).into_iter().collect()),
        // The same hours, written as two rows and in another order.
        hours: Some(vec![hours(&WEEK[2..5], "09:00", "17:00"), hours(&WEEK[..2], "09:00", "17:00")]),
        ..filled()
    };
    assert_eq!(same.request(&choices()).expect("a request").instead, None);
}

#[test]
fn what_differs_from_the_policy_is_sent_and_nothing_else() {
    let anywhere = Draft { countries: Some(BTreeSet::new()), ..filled() };
    let instead = anywhere.request(&choices()).expect("a request").instead;
    assert_eq!(instead, Some(Instead { allowed_countries: Some(vec![]), windows: None }));

    let any_time = Draft { hours: Some(vec![]), ..filled() };
    let instead = any_time.request(&choices()).expect("a request").instead;
    assert_eq!(instead, Some(Instead { allowed_countries: None, windows: Some(vec![]) }));
}

#[test]
fn whoever_may_not_make_policies_sends_nothing_that_differs() {
    let draft = Draft { countries: Some(BTreeSet::new()), hours: Some(vec![]), ..filled() };
    let request = draft.request(&Choices { may_differ: false, ..choices() }).expect("a request");
    assert_eq!(request.instead, None);
}

#[test]
fn everything_that_is_wrong_is_said_at_once_each_beside_its_field() {
    let empty = Draft::default();
    assert_eq!(
        fields(&empty, &choices()),
        [Field::Username, Field::Password, Field::Policy, Field::Gateways]
    );

    let denied = Draft { countries: Some(countries(&["NZ"]).into_iter().collect()), ..filled() };
    assert_eq!(fields(&denied, &choices()), [Field::Countries]);

    let rows = vec![hours(&WEEK, "09:00", "17:00"), hours(&[], "09:00", "17:00"), hours(&WEEK, "", "17:00")];
    assert_eq!(
        fields(&Draft { hours: Some(rows), ..filled() }, &choices()),
        [Field::Hours(1), Field::Hours(2)]
    );
}

#[test]
fn what_has_gone_in_the_meantime_is_noticed() {
    let retired = PolicySummary { state: PolicyState::Retired, ..office() };
    let later = Choices { policies: vec![retired], gateways: vec![GatewayId([3; 16])], may_differ: true };
    assert_eq!(fields(&filled(), &later), [Field::Policy, Field::Gateways]);
}

#[test]
fn where_there_is_no_gateway_or_no_policy_yet_a_user_can_still_be_made() {
    let none = Choices { gateways: vec![], policies: vec![], may_differ: true };
    let draft = Draft { gateways: BTreeSet::new(), policy: None, ..filled() };
    let request = draft.request(&none).expect("a request");
    assert!(request.policies.is_empty() && request.gateways.is_empty());
}

#[test]
fn names_are_judged_as_the_server_does() {
    for taken in ["a", "7", "ada.lovelace", "A_b-c", &"x".repeat(64)] {
        assert_eq!(username_problem(taken), None, "{taken}");
    }
    for refused in ["", "-ada", ".ada", "ada lovelace", "adä", "ada@home", &"x".repeat(65)] {
        assert!(username_problem(refused).is_some(), "{refused}");
    }
}

#[test]
fn hours_become_windows_and_windows_hours() {
    let windows = |rows: &[Hours]| hours::windows(rows).expect("windows");
    assert_eq!(windows(&[hours(&WEEK[..1], "09:30", "17:00")]), [window(&WEEK[..1], 570, 1020)]);
    assert_eq!(windows(&[hours(&WEEK[..1], "00:00", "00:00")]), [window(&WEEK[..1], 0, 1440)]);
    assert_eq!(windows(&[hours(&WEEK[..1], "22:00:00", "00:00:00")]), [window(&WEEK[..1], 1320, 1440)]);
    assert_eq!(Hours::of(&window(&WEEK[..1], 1320, 1440)), hours(&WEEK[..1], "22:00", "00:00"));
    for unmeant in
        [hours(&WEEK, "09:00", "09:00"), hours(&WEEK, "25:00", "09:00"), hours(&WEEK, "9", "10:00")]
    {
        assert!(hours::windows(&[unmeant]).is_err());
    }
}

#[test]
fn more_hours_begin_on_the_days_that_are_free() {
    assert_eq!(Hours::beside(&[Hours::working()]).days, WEEK[5..].iter().copied().collect());
    assert_eq!(Hours::beside(&[hours(&WEEK, "09:00", "10:00")]), Hours::working());
}

#[test]
fn hours_over_midnight_are_two_windows_the_second_on_the_days_after() {
    let night = hours(&[Weekday::Fri, Weekday::Sun], "22:00", "06:00");
    assert!(night.ends_next_day());
    assert!(!hours(&WEEK, "22:00", "00:00").ends_next_day());
    let windows = hours::windows(&[night]).expect("windows");
    assert_eq!(
        windows,
        [window(&[Weekday::Fri, Weekday::Sun], 1320, 1440), window(&[Weekday::Mon, Weekday::Sat], 0, 360)]
    );
}

#[test]
fn any_time_is_not_the_same_as_every_hour_written_out() {
    // The policy's end differs: a session without windows ends by its length alone.
    let all = [window(&WEEK, 0, 1440)];
    assert!(!hours::same(&all, &[]));
    assert!(hours::same(&[window(&WEEK, 0, 600), window(&WEEK, 540, 1440)], &all));
}

fn problem(code: &str, status: u16, detail: Option<&str>) -> Problem {
    Problem {
        kind: format!("urn:viworks:problem:{code}"),
        title: "no".into(),
        status,
        detail: detail.map(str::to_owned),
        code: code.into(),
        correlation: CorrelationId([0; 16]),
    }
}

#[test]
fn whoever_takes_the_last_country_away_is_warned_that_all_are_let_in() {
    let told = |own: Option<&[&str]>, allow: &[&str], deny: &[&str]| {
        let rule = CountryRule { allow: countries(allow), deny: countries(deny) };
        let own = own.map(|own| countries(own).into_iter().collect());
        let policy = PolicySummary { countries: rule, ..office() };
        Draft { countries: own, ..filled() }.countries_told(Some(&policy))
    };
    let warning = |text: &str| (Tone::Warn, text.to_owned());
    assert_eq!(
        told(Some(&[]), &["AU"], &["NZ"]),
        warning(
            "Every country but those that the policy denies. The policy's own list (Australia) no longer applies."
        )
    );
    assert_eq!(
        told(Some(&[]), &["AU", "JP", "PE", "FJ", "TO"], &[]),
        warning(
            "Every country. The policy's own list (Australia, Japan, Peru and 2 more) no longer applies."
        )
    );
    // Nothing that the policy keeps out is let in.
    for own in [None, Some(&[][..])] {
        assert_eq!(told(own, &[], &[]), (Tone::Quiet, "Every country.".to_owned()));
    }
    for (own, allow) in [(None, &["AU"][..]), (Some(&["NZ"][..]), &["AU"][..]), (Some(&["NZ"][..]), &[][..])]
    {
        assert_eq!(told(own, allow, &[]).0, Tone::Quiet);
    }
    assert_eq!(filled().countries_told(None).1, "As the policy says. Choose it first.");
}

#[test]
fn the_servers_refusals_find_their_fields() {
    let field =
        |code: &str, detail: Option<&str>| of_problem(&problem(code, 400, detail)).map(|(field, _)| field);
    assert_eq!(field("user.name_taken", None), Some(Field::Username));
    assert_eq!(field("policy.retired", None), Some(Field::Policy));
    assert_eq!(field("gateway.not_found", None), Some(Field::Gateways));
    assert_eq!(field("malformed", Some("username: give 1 to 64")), Some(Field::Username));
    assert_eq!(field("malformed", Some("give a password of at least 8 characters")), Some(Field::Password));
    assert_eq!(field("malformed", Some("not JSON, at line 1 column 2")), None);
    assert_eq!(field("forbidden", None), None);
    assert_eq!(
        of_problem(&problem("malformed", 400, Some("windows: give days, and from before to"))),
        Some((Field::Windows, "Give days, and from before to.".into()))
    );
}

#[test]
fn whoever_closes_the_form_is_asked_only_while_something_would_be_lost() {
    assert!(asks_to_close(Stage::Typing, &filled()));
    assert!(!asks_to_close(Stage::Typing, &Draft::new(&choices())));
    assert!(!asks_to_close(Stage::Sent, &filled()));
    assert!(!asks_to_close(Stage::Made, &filled()));
}

#[test]
fn what_is_typed_while_a_user_is_made_is_another_user_and_stays() {
    let sent = filled();
    let mut typed = sent.clone();
    assert!(typed.made(&sent));
    assert_eq!(typed, Draft::default());

    let next = Draft { username: "bo".into(), ..filled() };
    let mut typed = next.clone();
    assert!(!typed.made(&sent));
    assert_eq!(typed, next);
}

#[test]
fn pressing_again_after_a_lost_answer_is_the_same_act() {
    let mut attempts = Attempts::default();
    let mut drawn = 0_u8;
    let mut key = |attempts: &mut Attempts, draft: &Draft| {
        attempts.key(draft, || {
            drawn += 1;
            IdempotencyKey::from_random([drawn; 16])
        })
    };
    let first = key(&mut attempts, &filled());
    for lost in [
        Failure::Unreachable,
        Failure::StillPending,
        Failure::Problem(Box::new(problem("unavailable", 503, None))),
        Failure::Problem(Box::new(problem("not_signed_in", 401, None))),
    ] {
        attempts.answered(Some(&lost));
        assert_eq!(key(&mut attempts, &filled()), first, "{lost:?}");
    }
    let changed = Draft { username: "eve".into(), ..filled() };
    let second = key(&mut attempts, &changed);
    assert_ne!(second, first, "another form is another act");
    attempts.answered(Some(&Failure::Problem(Box::new(problem("user.name_taken", 409, None)))));
    let third = key(&mut attempts, &changed);
    assert_ne!(third, second, "a refusal stands: asking again is asking anew");
    attempts.answered(None);
    assert_ne!(key(&mut attempts, &changed), third);
}
