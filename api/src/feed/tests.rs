use super::*;
use crate::{
    json::Json,
    operator::Permission,
    session::{ReceiptRow, SessionState},
};
use viworks_domain::{
    actor::Actor,
    bytes,
    ids::{CorrelationId, LogId, OperatorId},
    permission::Role,
    session::{Absence, EndReason, Layer},
};

fn session(state: SessionState, username: Option<&str>) -> SessionRow {
    SessionRow {
        id: SessionId([1; 16]),
        correlation: CorrelationId([2; 16]),
        user: UserId([3; 16]),
        username: username.map(str::to_owned),
        gateway: Some(GatewayId([4; 16])),
        gateway_name: Some("sydney".into()),
        policy: PolicyId([5; 16]),
        policy_version: 1,
        state,
        address: Some([10, 8, 0, 2].into()),
        resources: vec!["wiki".into()],
        opened_at: Millis(1_000),
        connected_at: None,
        ends_at: Some(Millis(9_000)),
        ends_because: None,
        end_reason: Some(EndReason::Terminated { note: "left the company".into() }),
        ended_at: None,
        receipts: vec![ReceiptRow {
            layer: Layer::Vpn,
            absence: Some(Absence::Gone),
            at: Some(Millis(2_000)),
        }],
        receipts_overdue: false,
        verdict: None,
        bytes_in: 1,
        bytes_out: 2,
    }
}

fn audit(part: bool) -> AuditRow {
    AuditRow {
        seq: 7,
        n: 0,
        at: Millis(1),
        correlation: CorrelationId([2; 16]),
        actor: Actor::Operator { id: OperatorId([1; 16]), version: 2 },
        operator: Some("ops-anna".into()),
        kind: "user.step_done".into(),
        user: Some(UserId([3; 16])),
        session: None,
        part,
        summary: "directory: done".into(),
        details: Json(serde_json::json!({ "step": { "attempt": 1 }, "list": [1, null, "x"] })),
    }
}

fn frames() -> Vec<Frame> {
    let log = LogIdentity { log_id: LogId([9; 16]), epoch: 1 };
    let me = Me {
        operator: OperatorId([1; 16]),
        name: "owner".into(),
        role: Role::Owner,
        may: vec![Permission::EndSessions],
        expires_at: Millis(5),
    };
    vec![
        Frame::Welcome { me, at: Position { log, seq: 4 }, now: Millis(3), resumed: false },
        Frame::Snapshot {
            window: 1,
            seq: 4,
            rows: Rows::Sessions(vec![session(SessionState::Connected, Some("alice"))]),
            next: Some("1000.abc".into()),
        },
        Frame::Delta { prev_seq: 4, seq: 7, changes: vec![Change::Audit(audit(true))] },
        Frame::Resync,
    ]
}

#[test]
fn what_a_frame_says_arrives_as_it_was_said() {
    for frame in frames() {
        let sent = bytes::encode(&frame);
        assert_eq!(bytes::decode::<Frame>(&sent).expect("it decodes"), frame);
    }
}

#[test]
fn a_message_with_more_behind_it_is_no_frame() {
    for frame in frames() {
        let mut sent = bytes::encode(&frame);
        sent.push(0);
        assert!(bytes::decode::<Frame>(&sent).is_err());
    }
}

#[test]
fn a_row_that_has_left_a_window_still_concerns_it() {
    let open = Query::Sessions(SessionQuery { active: Some(true), ..SessionQuery::default() });
    let ended = Change::Session(session(SessionState::Ended, Some("alice")));
    assert!(!open.matches(&ended));
    assert!(open.concerns(&ended));
}

#[test]
fn names_are_found_by_a_part_of_them_in_any_case() {
    let of =
        |text: &str| Query::Sessions(SessionQuery { text: Some(text.into()), ..SessionQuery::default() });
    let row = Change::Session(session(SessionState::Connected, Some("Alice.Smith")));
    assert!(of("alice").matches(&row) && of("SMITH").matches(&row));
    assert!(!of("bob").concerns(&row));
    assert!(of("ALICE.smith").matches(&row), "all of it");
    assert!(!of("alice.smith.").matches(&row) && !of(&"a".repeat(16 * 1024)).matches(&row));
    assert!(!of("alice").matches(&Change::Session(session(SessionState::Connected, None))));
}

#[test]
fn parts_of_a_composite_row_are_listed_only_where_something_is_asked_for() {
    let all = AuditQuery::default();
    assert!(all.matches(&audit(false)) && !all.matches(&audit(true)));
    let story = AuditQuery { correlation: Some(CorrelationId([2; 16])), ..AuditQuery::default() };
    assert!(story.matches(&audit(true)));
    let of_user = AuditQuery { user: Some(UserId([3; 16])), ..AuditQuery::default() };
    assert!(!of_user.matches(&audit(true)));
}

#[test]
fn a_window_is_not_concerned_with_rows_of_another_kind() {
    let row = Change::Session(session(SessionState::Connected, Some("alice")));
    for query in [Query::Users(UserQuery::default()), Query::Gateways, Query::Audit(AuditQuery::default())] {
        assert!(!query.concerns(&row));
    }
}
