use super::*;
use crate::{
    story::{self, Log},
    then,
};
use std::time::Duration;
use viworks_domain::user::Status;

fn fold(log: &Log, until: Until, only: Option<SessionId>) -> Moment {
    let mut moment = Moment::new(until, only, PersonalKeys::default());
    for recorded in &log.decisions {
        if moment.fold(recorded).expect("readable").is_break() {
            break;
        }
    }
    moment
}

/// While Ada was connected.
fn then() -> Until {
    Until::Time(story::connected().now().plus(Duration::from_millis(500)))
}

#[test]
fn before_its_end_the_session_was_connected_with_address_policy_and_labels() {
    let moment = fold(&story::whole(), then(), None);
    let row = then::session(&moment, story::SESSION).expect("it was there");
    assert_eq!(row.state, SessionState::Connected);
    assert_eq!(row.address.expect("an address").to_string(), "10.8.0.10");
    assert_eq!(row.policy.expect("a policy").name.as_deref(), Some("staff"));
    assert_eq!(row.policy_version, Some(1));
    assert_eq!(row.resources, ["intranet"]);
    assert_eq!(row.gateway.expect("a gateway").name.as_deref(), Some("gw1"));
    assert_eq!(row.correlation, Some(story::ADAS_SESSION));
    assert_eq!(row.end_reason, None);
}

#[test]
fn a_moment_is_as_of_the_last_decision_of_its_prefix() {
    let connected = story::connected();
    let moment = fold(&story::whole(), then(), None);
    assert_eq!(moment.seq, connected.decisions.len() as u64);
    assert_eq!(moment.at, connected.now());
    let exact = fold(&story::whole(), Until::Time(connected.now()), None);
    assert_eq!(exact.seq, moment.seq, "a decision made at that very moment is part of it");
}

#[test]
fn a_sequence_is_a_moment_too() {
    let seq = story::connected().decisions.len() as u64;
    let moment = fold(&story::whole(), Until::Sequence(seq), None);
    assert_eq!(moment.seq, seq);
    assert!(moment.sessions.contains_key(&story::SESSION));
}

#[test]
fn what_was_over_is_counted_and_not_kept() {
    let moment = fold(&story::whole(), Until::Time(Millis::MAX), None);
    assert!(moment.sessions.is_empty());
    assert_eq!(moment.over, Over { ended: 1, denied: 1, expired: 0 });
}

#[test]
fn a_session_that_is_asked_for_is_kept_to_its_end_with_every_receipt() {
    let moment = fold(&story::whole(), Until::Time(Millis::MAX), Some(story::SESSION));
    let row = then::session(&moment, story::SESSION).expect("it was there");
    assert_eq!(row.state, SessionState::Ended);
    assert!(matches!(row.end_reason, Some(EndReason::Terminated { .. })));
    assert_eq!(row.receipts.len(), 6);
    assert!(row.receipts.iter().all(|receipt| receipt.absence.is_some()));
    assert!(then::session(&moment, story::DENIED).is_none(), "the others are not folded");
}

#[test]
fn a_denial_at_the_first_gate_still_names_user_and_policy() {
    let moment = fold(&story::whole(), Until::Time(Millis::MAX), Some(story::DENIED));
    let row = then::session(&moment, story::DENIED).expect("it was there");
    assert_eq!((row.state, row.opened_at), (SessionState::Denied, None));
    assert_eq!(row.user.expect("a user").id, story::BOB.to_string());
    assert_eq!(row.policy.expect("a policy").name.as_deref(), Some("staff"));
}

#[test]
fn late_news_of_a_session_that_was_let_go_changes_nothing() {
    use viworks_domain::{
        actor::Actor,
        decision::{Outcome, RefusalClass, Refused},
    };
    let mut log = story::whole();
    let refused = Refused { class: RefusalClass::Gone, code: "session.over".into() };
    let desktop = Actor::User { id: story::ADA };
    log.decide(story::SESSION, &desktop, story::ADAS_SESSION, Outcome::Refused(refused), vec![]);
    let moment = fold(&log, Until::Time(Millis::MAX), None);
    assert_eq!(moment.over.ended, 1);
    assert_eq!(moment.seq, log.decisions.len() as u64);
}

#[test]
fn users_gateways_and_policies_are_as_they_were() {
    let moment = fold(&story::whole(), Until::Sequence(7), None);
    let rows = then::everything(&moment);
    assert_eq!(rows.users.len(), 1);
    assert_eq!(rows.users[0].state, Status::Provisioning);
    assert_eq!(rows.users[0].user.name, None, "no key, no name");
    assert_eq!(rows.gateways[0].gateway.name.as_deref(), Some("gw1"));
    assert_eq!(rows.policies[0].version, 1);
    let later = then::everything(&fold(&story::whole(), Until::Time(Millis::MAX), None));
    assert_eq!(later.users.len(), 2);
    assert_eq!(later.users[0].state, Status::Active);
}

#[test]
fn a_gap_in_an_aggregate_stops_the_fold_with_its_sequence() {
    let mut log = story::connected();
    let hole = log.decisions.iter().position(|r| r.decision.aggregate == story::ADA.into()).expect("ada") + 1;
    log.decisions.remove(hole);
    let mut moment = Moment::new(Until::Time(Millis::MAX), None, PersonalKeys::default());
    let stopped = log.decisions.iter().find_map(|recorded| moment.fold(recorded).err());
    assert!(matches!(stopped, Some(CannotFold::OutOfOrder { .. })), "{stopped:?}");
}
