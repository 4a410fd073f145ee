use super::*;
use serde_json::{Value, json};
use viworks_api::{json::Json, user::StepState};
use viworks_domain::{
    actor::ProcessName,
    ids::OperatorId,
    policy::{Gate, Rule, Standing},
    session::Layer,
    user::StepFailure,
};

fn row(seq: u64, correlation: u8, kind: &str, summary: &str) -> AuditRow {
    AuditRow {
        seq,
        n: 0,
        at: Millis(seq * 1000),
        correlation: CorrelationId([correlation; 16]),
        actor: Actor::Process { name: ProcessName::Teardown },
        operator: None,
        kind: kind.into(),
        user: None,
        session: None,
        part: false,
        summary: summary.into(),
        details: Json(Value::Null),
    }
}

fn utc(at: Millis) -> format::Local {
    format::local(at, 0)
}

fn groups(rows: &[AuditRow]) -> Vec<Group> {
    let mut groups = Groups::new(utc);
    rows.iter().for_each(|row| groups.see(row));
    groups.finish()
}

fn with_details(kind: &str, details: Value) -> AuditRow {
    AuditRow { details: Json(details), ..row(1, 1, kind, "") }
}

#[test]
fn what_follows_from_one_act_stands_together_under_the_newest() {
    let operator = Actor::Operator { id: OperatorId([9; 16]), version: 1 };
    let rows = [
        row(9, 1, "session.ended", "ended"),
        row(8, 2, "policy.drafted", "policy Office drafted"),
        row(7, 1, "session.receipt_recorded", "vpn gone"),
        AuditRow {
            actor: operator.clone(),
            operator: Some("ops-anna".into()),
            ..row(5, 1, "session.ending", "ending: terminated")
        },
    ];
    let groups = groups(&rows);
    let [session, policy] = groups.as_slice() else { panic!("{groups:?}") };
    assert_eq!(session.entries, [(9, 0), (7, 0), (5, 0)]);
    assert_eq!((session.first_at, session.last_at), (Millis(5000), Millis(9000)));
    assert_eq!((&session.actor, &session.about), (&operator, &About::Session("has ended")));
    assert_eq!((session.operator.as_deref(), policy.operator.as_deref()), (Some("ops-anna"), None));
    assert_eq!(policy.about, About::Other("Policy Office drafted".into()));
}

#[test]
fn a_story_knows_its_user_and_session_from_any_of_its_entries() {
    let rows = [
        AuditRow { session: Some(SessionId([3; 16])), ..row(2, 1, "session.opened", "") },
        AuditRow { user: Some(UserId([4; 16])), ..row(1, 1, "user.login_succeeded", "") },
    ];
    let groups = groups(&rows);
    assert_eq!((groups[0].user, groups[0].session), (Some(UserId([4; 16])), Some(SessionId([3; 16]))));
}

#[test]
fn a_sign_in_that_comes_to_nothing_says_what_became_of_it() {
    let about = |kinds: &[&str]| {
        let rows = kinds.iter().enumerate().map(|(n, kind)| row(n as u64, 1, kind, ""));
        groups(&rows.collect::<Vec<_>>())[0].about.clone()
    };
    assert_eq!(about(&["user.login_failed"]), About::SignIn("failed: wrong password"));
    assert_eq!(about(&["user.login_succeeded", "command.refused"]), About::SignIn("was refused"));
    assert_eq!(about(&["user.login_succeeded", "session.opened"]), About::Session("is signing in"));
}

#[test]
fn a_story_whose_beginning_is_missing_says_so() {
    let of = |kinds: &[&str]| {
        let rows = kinds.iter().rev().enumerate().map(|(n, kind)| row(9 - n as u64, 1, kind, ""));
        groups(&rows.collect::<Vec<_>>())[0].continues
    };
    assert!(of(&["session.connected", "session.ending"]));
    assert!(!of(&["user.login_succeeded", "session.opened", "session.connected"]));
    assert!(!of(&["user.created"]));
    assert!(of(&["user.step_failed"]));
}

#[test]
fn the_order_in_which_entries_come_and_one_that_comes_twice_change_nothing() {
    let rows = [
        row(9, 1, "session.ended", "ended"),
        row(8, 2, "policy.drafted", "policy Office drafted"),
        row(5, 1, "session.ending", "ending: terminated"),
    ];
    let mixed = [2, 0, 1, 0, 2].map(|n| rows[n].clone());
    assert_eq!(groups(&mixed), groups(&rows));
}

#[test]
fn a_mistyped_address_shows_nothing_rather_than_everything() {
    let query = asked(|name| (name == "user").then(|| "nobody".to_owned()));
    assert_eq!(query.user, Some(UserId([0; 16])));
    assert_eq!(asked(|_| None), AuditQuery::default());
}

#[test]
fn the_same_question_can_be_asked_on_the_command_line() {
    assert_eq!(command(&AuditQuery::default()), "viworks audit timeline");
    let query = AuditQuery {
        user: Some(UserId([0; 16])),
        kind: Some("user.created".into()),
        ..AuditQuery::default()
    };
    assert_eq!(
        command(&query),
        "viworks audit timeline --user aaaaaaaaaaaaaaaaaaaaaaaaaa --kind user.created"
    );
    let odd = AuditQuery { kind: Some("it's; rm".into()), ..AuditQuery::default() };
    assert_eq!(command(&odd), r"viworks audit timeline --kind 'it'\''s; rm'");
}

#[test]
fn sentences_are_told_on_the_readers_clock_and_in_words() {
    let verified = row(1, 1, "session.verified", "verified, until 2026-11-21T23:46:45.000Z (maximum_length)");
    assert_eq!(
        summary(&verified, |at| format::local(at, 600)),
        "verified, until 22 Nov, 09:46 (maximum length)"
    );
    assert_eq!(summary(&row(1, 1, "session.layer_changed", "vpn up"), utc), "VPN up");
    // A name is somebody's own word.
    assert_eq!(
        summary(&row(1, 1, "policy.drafted", "policy day_shift drafted"), utc),
        "policy day_shift drafted"
    );
}

#[test]
fn traffic_is_told_in_units_that_people_use() {
    let counted = with_details("session.traffic_counted", json!({ "bytes_in": 2044, "bytes_out": 5 }));
    assert_eq!(summary(&counted, utc), "2.0 KiB in, 5 B out");
}

#[test]
fn a_refusal_is_told_in_its_own_words_and_never_as_a_code() {
    let refused = with_details("command.refused", json!({ "code": "user.not_active", "class": "conflict" }));
    assert_eq!(summary(&refused, utc), "refused: this user is not active");
    let newer = with_details("command.refused", json!({ "code": "of.tomorrow" }));
    assert_eq!(summary(&newer, utc), "refused");
}

#[test]
fn findings_are_read_from_a_verdict() {
    let found = json!({
        "gate": "posture", "allow": false, "phone_country": "NZ",
        "findings": [{ "rule": "phone_country", "standing": "violated" }],
    });
    let Some(Details::Verdict { gate, allow, findings, phone_country }) =
        details(&with_details("session.denied", found))
    else {
        panic!("no verdict")
    };
    assert_eq!((gate, allow, phone_country.as_deref()), (Gate::Posture, false, Some("NZ")));
    assert_eq!((findings[0].rule, findings[0].standing), (Rule::PhoneCountry, Standing::Violated));
    let in_order = json!({ "gate": "login", "allow": true, "findings": [], "phone_country": null });
    assert_eq!(details(&with_details("session.opened", in_order)), None);
}

#[test]
fn a_users_steps_are_read_as_they_stand() {
    let steps = json!({ "steps": [
        { "step": "directory", "progress": "done", "attempt": 1, "changed_at": 5 },
        { "step": { "vpn": { "gateway": "aaaaaaaaaaaaaaaaaaaaaaaaaa" } },
          "progress": { "failed": "gateway_unavailable" }, "attempt": 2, "changed_at": 6 },
    ]});
    let Some(Details::Steps(steps)) = details(&with_details("user.created", steps)) else {
        panic!("no steps")
    };
    assert_eq!(steps[0].state, StepState::Done);
    assert_eq!(steps[1].state, StepState::Failed { reason: StepFailure::GatewayUnavailable });
}

#[test]
fn of_a_policy_only_what_screens_may_show_is_read() {
    let document = json!({ "document": {
        "name": "Office", "time_zone": "Australia/Sydney", "windows": [], "not_after": null,
        "countries": { "allow": ["AU"], "deny": [] }, "posture": {},
        "resources": [{ "label": "Payroll", "network": "10.9.8.0/24", "protocol": "tcp", "ports": [8443] }],
        "image": "payroll", "max_minutes": 480, "lease_seconds": 60, "concurrent_sessions": 1,
    }});
    let shown = details(&with_details("policy.changed", document));
    let text = format!("{shown:?}");
    assert!(text.contains("Payroll") && text.contains("AU") && text.contains("8 h"), "{text}");
    assert!(!text.contains("10.9.8") && !text.contains("8443"), "{text}");
}

#[test]
fn what_is_not_known_is_not_shown() {
    assert_eq!(details(&with_details("gateway.enrolled", json!({ "key": "abc" }))), None);
    assert_eq!(details(&with_details("session.denied", json!({ "gate": "of tomorrow" }))), None);
    let overdue = with_details("session.receipts_overdue", json!({ "missing": ["vpn", "container"] }));
    assert_eq!(details(&overdue), Some(Details::Missing(vec![Layer::Vpn, Layer::Container])));
}
