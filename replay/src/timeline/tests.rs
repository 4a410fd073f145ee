use super::*;
use crate::story::{self, Log};

fn tell(log: &Log, id: [u8; 16], keys: PersonalKeys) -> Vec<Row> {
    let known: Vec<_> = log.decisions.iter().filter(|r| r.decision.aggregate.id == id).cloned().collect();
    let mut story = Story::about(id, &known, keys);
    log.decisions.iter().flat_map(|recorded| story.tell(recorded).expect("readable")).collect()
}

fn kinds(rows: &[Row]) -> Vec<&'static str> {
    rows.iter().map(|row| row.kind).collect()
}

#[test]
fn a_sessions_story_is_whole_and_stands_under_one_correlation() {
    let log = story::whole();
    let rows = tell(&log, story::SESSION.0, PersonalKeys::default());
    assert_eq!(
        kinds(&rows),
        [
            "user.login_succeeded",
            "session.opened",
            "session.posture_recorded",
            "session.code_issued",
            "user.attempt_reserved",
            "session.answer_refused",
            "session.verified",
            "command.refused",
            "session.bootstrap_issued",
            "session.admitted",
            "session.bootstrap_consumed",
            "session.layer_changed",
            "session.connected",
            "session.ending",
            "session.receipt_recorded",
            "session.receipt_recorded",
            "session.receipt_recorded",
            "session.receipt_recorded",
            "session.receipt_recorded",
            "session.receipt_recorded",
            "session.ended",
        ]
    );
    assert!(rows.iter().all(|row| row.correlation == story::ADAS_SESSION));
    let same = tell(&log, story::ADAS_SESSION.0, PersonalKeys::default());
    assert_eq!(kinds(&same), kinds(&rows));
}

#[test]
fn a_refusal_says_what_was_refused_to_whom_and_when() {
    let log = story::connected();
    let rows = tell(&log, story::SESSION.0, PersonalKeys::default());
    let refused = rows.iter().find(|row| row.kind == "command.refused").expect("told");
    assert!(refused.summary.contains("cannot be asked") && refused.summary.contains("session.not_now"));
    assert_eq!(refused.actor.kind, "user");
    assert_eq!(refused.id, story::SESSION.to_string());
    assert!(refused.at.starts_with("2026-01-01T00:00:"));
}

#[test]
fn who_acted_is_called_by_the_name_that_stands_open_in_the_log() {
    let rows = tell(&story::whole(), story::SESSION.0, PersonalKeys::default());
    let who = |kind: &str| rows.iter().find(|row| row.kind == kind).expect("told").actor.to_string();
    assert_eq!(who("session.ending"), "operator olga");
    assert_eq!(who("session.admitted"), "gateway gw1");
    assert_eq!(who("session.verified"), format!("user {}", story::ADA));
}

#[test]
fn nothing_personal_is_told_without_the_users_key() {
    let log = story::whole();
    let without = serde_json::to_string(&tell(&log, story::ADA.0, PersonalKeys::default())).expect("JSON");
    for secret in ["\"ada\"", "10.77.0.11", "desk\""] {
        assert!(!without.contains(secret), "{secret} in {without}");
    }
    let line = format!("{} {}", story::ADA, "09".repeat(32));
    let keys = PersonalKeys::parse(&line).expect("keys");
    let rows = tell(&log, story::SESSION.0, keys);
    assert_eq!(rows[0].actor.to_string(), "user ada");
    assert_eq!(rows[1].whereabouts.as_ref().expect("opened").desktop_name, "desk");
}

#[test]
fn a_users_story_holds_their_making_their_phone_and_their_sessions_and_nobody_elses() {
    let rows = tell(&story::whole(), story::ADA.0, PersonalKeys::default());
    let told = kinds(&rows);
    for kind in ["user.created", "user.step_finished", "device.offered", "device.enrolled", "session.ended"] {
        assert!(told.contains(&kind), "{kind} in {told:?}");
    }
    assert!(!told.contains(&"session.denied"));
    assert!(rows.iter().all(|row| row.id != story::BOB.to_string()));
}

#[test]
fn a_denial_is_told_with_its_finding() {
    let rows = tell(&story::whole(), story::DENIED.0, PersonalKeys::default());
    let denied = rows.iter().find(|row| row.kind == "session.denied").expect("told");
    assert!(denied.details.to_string().contains("phone_country"), "{}", denied.details);
}

#[test]
fn a_gateways_story_is_its_own_and_not_its_sessions() {
    let rows = tell(&story::whole(), story::GATEWAY.0, PersonalKeys::default());
    assert_eq!(kinds(&rows), ["gateway.invited", "gateway.health_changed"]);
}

#[test]
fn an_unknown_id_tells_nothing() {
    assert_eq!(tell(&story::whole(), [99; 16], PersonalKeys::default()), []);
}

#[test]
fn an_event_of_an_unknown_version_stops_the_story_even_where_it_is_not_part_of_it() {
    let mut log = story::connected();
    log.decisions[2].decision.events[0].version = 9;
    let mut story = Story::about(story::SESSION.0, &[], PersonalKeys::default());
    let error = story.tell(&log.decisions[2]).expect_err("unreadable");
    assert!(matches!(error, CannotFold::Unreadable { seq: 3, .. }), "{error}");
}
