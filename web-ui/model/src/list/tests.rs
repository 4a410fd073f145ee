use super::*;
use proptest::prelude::*;
use viworks_api::{feed::SessionQuery, session::SessionState};
use viworks_domain::ids::CorrelationId;

fn row(n: u8, state: SessionState) -> SessionRow {
    SessionRow {
        id: SessionId([n; 16]),
        correlation: CorrelationId([0; 16]),
        user: UserId([1; 16]),
        username: None,
        gateway: None,
        gateway_name: None,
        policy: PolicyId([1; 16]),
        policy_version: 1,
        state,
        address: None,
        resources: vec![],
        opened_at: Millis(u64::from(n)),
        connected_at: None,
        ends_at: None,
        ends_because: None,
        end_reason: None,
        ended_at: None,
        receipts: vec![],
        receipts_overdue: false,
        verdict: None,
        bytes_in: 0,
        bytes_out: 0,
    }
}

fn up(n: u8) -> SessionRow {
    row(n, SessionState::Connected)
}

fn over(n: u8) -> SessionRow {
    row(n, SessionState::Ended)
}

fn active(rows: &[u8], next: Option<&str>) -> List<SessionRow> {
    let query = SessionQuery { active: Some(true), ..SessionQuery::default() };
    let mut list = List::new(Query::Sessions(query));
    list.replace(&rows.iter().map(|n| up(*n)).collect::<Vec<_>>(), next.map(str::to_owned));
    list
}

fn shown(list: &List<SessionRow>) -> Vec<u8> {
    list.ids().map(|id| id.0[0]).collect()
}

#[test]
fn rows_come_where_they_belong_and_go_when_they_leave() {
    let mut list = active(&[5, 3, 1], None);
    assert_eq!(list.take(&up(4)), Taken::Shown);
    assert_eq!(shown(&list), [5, 4, 3, 1]);
    assert_eq!(list.take(&over(3)), Taken::Gone);
    assert_eq!(list.take(&over(3)), Taken::Elsewhere);
    assert_eq!(shown(&list), [5, 4, 1]);
}

#[test]
fn a_row_that_changes_in_place_does_not_move_the_list() {
    let mut list = active(&[5, 3], None);
    let before = list.version();
    assert_eq!(list.take(&row(3, SessionState::Ending)), Taken::Shown);
    assert_eq!(list.version(), before);
}

#[test]
fn while_it_is_held_nothing_comes_or_goes() {
    let mut list = active(&[5, 3], None);
    list.hold();
    let before = list.version();
    assert_eq!(list.take(&up(7)), Taken::Waiting);
    assert_eq!(list.take(&over(3)), Taken::Shown);
    assert!(list.is_leaving(SessionId([3; 16])));
    assert_eq!((shown(&list), list.waiting(), list.version()), (vec![5, 3], 1, before));
    assert_eq!(list.let_go(), [SessionId([3; 16])]);
    assert_eq!((shown(&list), list.waiting()), (vec![7, 5], 0));
}

#[test]
fn what_came_and_went_while_it_was_held_was_never_there() {
    let mut list = active(&[5], None);
    list.hold();
    list.take(&up(7));
    assert_eq!(list.take(&over(7)), Taken::Gone);
    assert_eq!((list.waiting(), list.let_go().len()), (0, 0));
    assert_eq!(shown(&list), [5]);
}

#[test]
fn rows_behind_the_last_page_come_with_their_page() {
    let mut list = active(&[9, 8], Some("8"));
    assert_eq!(list.take(&up(3)), Taken::Elsewhere);
    list.extend(&[up(3), up(2)], None);
    assert_eq!(shown(&list), [9, 8, 3, 2]);
    assert_eq!(list.take(&up(1)), Taken::Shown);
}

#[test]
fn a_page_that_overlaps_doubles_nothing() {
    let mut list = active(&[9, 8], Some("8"));
    list.extend(&[up(8), up(7)], None);
    assert_eq!(shown(&list), [9, 8, 7]);
}

#[test]
fn what_has_moved_since_its_page_was_read_stays_where_it_is() {
    let at = |n| SessionRow { opened_at: Millis(n), ..up(2) };
    let mut list = active(&[5, 4], Some("4"));
    assert_eq!(list.take(&at(9)), Taken::Shown);
    list.extend(&[up(3), up(2), up(1)], None);
    assert_eq!(shown(&list), [2, 5, 4, 3, 1]);
    assert_eq!(list.take(&at(10)), Taken::Shown);
    assert_eq!(shown(&list), [2, 5, 4, 3, 1], "each of them once");
}

#[test]
fn a_list_that_has_grown_long_is_cut_where_its_next_page_begins() {
    let mut list = active(&[9, 8, 7], None);
    list.hold();
    assert!(list.trim(2, |id| Some(id.0[0].to_string())).is_empty(), "somebody is among them");
    list.let_go();
    assert_eq!(list.trim(2, |id| Some(id.0[0].to_string())), [SessionId([7; 16])]);
    assert_eq!((shown(&list), list.next()), (vec![9, 8], Some("8")));
    assert_eq!(list.take(&up(6)), Taken::Elsewhere);
    list.extend(&[up(7), up(6)], None);
    assert_eq!(shown(&list), [9, 8, 7, 6]);
}

#[test]
fn another_question_begins_with_nothing() {
    let mut list = active(&[9, 8], None);
    list.ask(Query::Sessions(SessionQuery::default()));
    assert!(list.is_empty());
    assert_eq!(list.take(&over(1)), Taken::Shown);
}

proptest! {
    /// Held and let go at any moment, a list ends as one does that was filled at the end.
    #[test]
    fn in_the_end_the_list_is_what_a_fresh_answer_would_be(
        steps in proptest::collection::vec((1u8..12, any::<bool>(), 0u8..6), 0..60),
    ) {
        let mut list = active(&[], None);
        let mut now = HashMap::new();
        for (n, is_up, hand) in steps {
            match hand {
                0 => list.hold(),
                1 => { list.let_go(); }
                2 => { list.settle(); }
                _ => {}
            }
            now.insert(n, is_up);
            list.take(&if is_up { up(n) } else { over(n) });
        }
        list.let_go();
        let mut expected = now.iter().filter(|(_, is_up)| **is_up).map(|(n, _)| *n).collect::<Vec<_>>();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        prop_assert_eq!(shown(&list), expected);
    }
}
