use super::*;
use proptest::prelude::*;
use viworks_api::{Page, feed::SessionQuery, session::SessionState};
use viworks_domain::ids::CorrelationId;

pub(super) const ACTIVE: SessionQuery =
    SessionQuery { active: Some(true), id: None, text: None, user: None, gateway: None, policy: None };

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

pub(super) fn up(n: u8) -> SessionRow {
    row(n, SessionState::Connected)
}

pub(super) fn over(n: u8) -> SessionRow {
    row(n, SessionState::Ended)
}

fn active(rows: &[u8], next: Option<&str>) -> List<SessionRow> {
    let mut list = List::new(Query::Sessions(ACTIVE));
    list.replace(&rows.iter().map(|n| up(*n)).collect::<Vec<_>>(), next.map(str::to_owned));
    list
}

fn shown(list: &List<SessionRow>) -> Vec<u8> {
    list.ids().map(|id| id.0[0]).collect()
}

fn page(seq: u64, rows: &[SessionRow], next: Option<&str>) -> Page<SessionRow> {
    Page { seq, rows: rows.to_vec(), next: next.map(str::to_owned) }
}

/// Reads the next page.
fn pages(list: &mut List<SessionRow>, rows: &[SessionRow], next: Option<&str>) {
    let asked = list.begin_page().expect("a next page");
    assert!(matches!(list.end_page(&asked, Some(&page(0, rows, next))), Arrived::Taken(_)));
}

#[test]
fn rows_come_where_they_belong_and_go_when_they_leave() {
    let mut list = active(&[5, 3, 1], None);
    assert_eq!(list.take(0, &up(4)), Taken::Shown);
    assert_eq!(shown(&list), [5, 4, 3, 1]);
    assert_eq!(list.take(0, &over(3)), Taken::Gone);
    assert_eq!(list.take(0, &over(3)), Taken::Elsewhere);
    assert_eq!(shown(&list), [5, 4, 1]);
}

#[test]
fn a_row_that_changes_in_place_does_not_move_the_list() {
    let mut list = active(&[5, 3], None);
    let before = list.version();
    assert_eq!(list.take(0, &row(3, SessionState::Ending)), Taken::Shown);
    assert_eq!(list.version(), before);
}

#[test]
fn while_it_is_held_nothing_comes_or_goes() {
    let mut list = active(&[5, 3], None);
    list.hold();
    let before = list.version();
    assert_eq!(list.take(0, &up(7)), Taken::Waiting);
    assert_eq!(list.take(0, &over(3)), Taken::Shown);
    assert!(list.is_leaving(SessionId([3; 16])));
    assert_eq!((shown(&list), list.waiting(), list.version()), (vec![5, 3], 1, before));
    list.let_go();
    assert_eq!((shown(&list), list.waiting()), (vec![7, 5], 0));
}

#[test]
fn what_came_and_went_while_it_was_held_was_never_there() {
    let mut list = active(&[5], None);
    list.hold();
    list.take(0, &up(7));
    assert_eq!(list.take(0, &over(7)), Taken::Gone);
    assert_eq!(list.waiting(), 0);
    list.let_go();
    assert_eq!(shown(&list), [5]);
}

#[test]
fn rows_behind_the_last_page_come_with_their_page() {
    let mut list = active(&[9, 8], Some("8"));
    assert_eq!(list.take(0, &up(3)), Taken::Elsewhere);
    pages(&mut list, &[up(3), up(2)], None);
    assert_eq!(shown(&list), [9, 8, 3, 2]);
    assert_eq!(list.take(0, &up(1)), Taken::Shown);
}

#[test]
fn a_page_that_overlaps_doubles_nothing() {
    let mut list = active(&[9, 8], Some("8"));
    pages(&mut list, &[up(8), up(7)], None);
    assert_eq!(shown(&list), [9, 8, 7]);
}

#[test]
fn what_has_moved_since_its_page_was_read_stays_where_it_is() {
    let at = |n| SessionRow { opened_at: Millis(n), ..up(2) };
    let mut list = active(&[5, 4], Some("4"));
    assert_eq!(list.take(0, &at(9)), Taken::Shown);
    pages(&mut list, &[up(3), up(2), up(1)], None);
    assert_eq!(shown(&list), [2, 5, 4, 3, 1]);
    assert_eq!(list.take(0, &at(10)), Taken::Shown);
    assert_eq!(shown(&list), [2, 5, 4, 3, 1], "each of them once");
}

#[test]
fn a_list_that_has_grown_long_is_cut_where_its_next_page_begins() {
    let mut list = active(&[9, 8, 7], None);
    list.hold();
    list.trim(2, |id| Some(id.0[0].to_string()));
    assert_eq!(list.len(), 3, "somebody is among them");
    list.let_go();
    list.trim(2, |id| Some(id.0[0].to_string()));
    assert!(!list.is_known(SessionId([7; 16])));
    assert_eq!((shown(&list), list.next()), (vec![9, 8], Some("8")));
    assert_eq!(list.take(0, &up(6)), Taken::Elsewhere);
    pages(&mut list, &[up(7), up(6)], None);
    assert_eq!(shown(&list), [9, 8, 7, 6]);
}

#[test]
fn another_question_begins_with_nothing() {
    let mut list = active(&[9, 8], None);
    list.ask(Query::Sessions(SessionQuery::default()));
    assert!(list.is_empty());
    assert_eq!(list.take(0, &over(1)), Taken::Shown);
}

#[test]
fn what_is_told_while_a_page_is_on_its_way_is_newer_than_the_page() {
    let mut list = active(&[9, 8], Some("8"));
    let asked = list.begin_page().expect("a next page");
    assert_eq!(list.take(12, &over(7)), Taken::Elsewhere);
    assert_eq!(list.take(12, &row(6, SessionState::Ending)), Taken::Elsewhere);
    assert_eq!(list.take(12, &up(5)), Taken::Elsewhere);
    assert_eq!(list.take(12, &up(2)), Taken::Elsewhere);
    let arrived = list.end_page(&asked, Some(&page(11, &[up(7), up(6), up(4)], Some("4"))));
    let Arrived::Taken(rows) = arrived else { panic!("{arrived:?}") };
    assert_eq!(rows.iter().find(|row| row.id.0[0] == 6), Some(&row(6, SessionState::Ending)));
    assert_eq!(shown(&list), [9, 8, 6, 5, 4], "2 is behind the page");
}

#[test]
fn a_page_that_was_read_later_knows_better_than_what_was_told() {
    let mut list = active(&[9, 8], Some("8"));
    let asked = list.begin_page().expect("a next page");
    list.take(11, &over(7));
    list.take(11, &up(5));
    list.end_page(&asked, Some(&page(11, &[up(7), up(6)], None)));
    assert_eq!(shown(&list), [9, 8, 7, 6]);
}

#[test]
fn what_was_told_for_one_page_is_not_held_against_the_next() {
    let mut list = active(&[9, 8], Some("8"));
    let asked = list.begin_page().expect("a next page");
    list.take(11, &over(6));
    assert_eq!(list.end_page(&asked, None), Arrived::Taken(vec![]), "it did not come");
    let asked = list.begin_page().expect("it is asked for again");
    list.end_page(&asked, Some(&page(10, &[up(6)], None)));
    assert_eq!(shown(&list), [9, 8, 6]);
}

#[test]
fn a_row_that_was_in_the_list_and_left_it_does_not_come_back_with_a_page() {
    let at = |n, row| SessionRow { opened_at: Millis(n), ..row };
    let mut list = active(&[9, 8], Some("8"));
    let asked = list.begin_page().expect("a next page");
    assert_eq!(list.take(11, &at(10, up(7))), Taken::Shown);
    assert_eq!(list.take(12, &at(10, over(7))), Taken::Gone);
    list.end_page(&asked, Some(&page(10, &[up(7), up(6)], None)));
    assert_eq!(shown(&list), [9, 8, 6]);
}

#[test]
fn a_row_that_waits_does_not_come_with_a_page_too() {
    let mut list = active(&[9, 8], Some("8"));
    list.hold();
    let asked = list.begin_page().expect("a next page");
    assert_eq!(list.take(11, &SessionRow { opened_at: Millis(10), ..up(7) }), Taken::Waiting);
    list.end_page(&asked, Some(&page(10, &[up(7), up(6)], None)));
    assert_eq!((shown(&list), list.waiting()), (vec![9, 8, 6], 1));
    list.let_go();
    assert_eq!(shown(&list), [7, 9, 8, 6]);
}

#[test]
fn a_page_is_read_again_when_the_list_has_another_end_or_too_much_was_told() {
    let mut list = active(&[9, 8], Some("8"));
    let asked = list.begin_page().expect("a next page");
    assert!(list.begin_page().is_none(), "one at a time");
    list.replace(&[up(9), up(8)], Some("8".into()));
    assert_eq!(list.end_page(&asked, Some(&page(10, &[up(7)], None))), Arrived::Overtaken);
    let asked = list.begin_page().expect("a next page");
    list.trim(1, |_| Some("9".into()));
    assert_eq!(list.end_page(&asked, Some(&page(10, &[up(7)], None))), Arrived::Overtaken);
    let asked = list.begin_page().expect("a next page");
    for n in 0..=1000_u16 {
        let mut id = [0; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        list.take(11, &SessionRow { id: SessionId(id), ..over(1) });
    }
    assert_eq!(list.end_page(&asked, Some(&page(10, &[up(8)], None))), Arrived::Overtaken);
    assert_eq!((shown(&list), list.next()), (vec![9], Some("9")));
}

#[test]
fn a_page_for_the_question_before_says_nothing() {
    let mut list = active(&[9, 8], Some("8"));
    let asked = list.begin_page().expect("a next page");
    list.ask(Query::Sessions(SessionQuery::default()));
    list.replace(&[up(9), up(8)], Some("8".into()));
    let other = list.begin_page().expect("its own page");
    assert_eq!(list.end_page(&asked, Some(&page(10, &[up(7)], None))), Arrived::Unasked);
    assert!(matches!(list.end_page(&other, Some(&page(10, &[up(6)], None))), Arrived::Taken(_)));
    assert_eq!(shown(&list), [9, 8, 6]);
}

#[test]
fn the_end_stays_where_the_cursor_is_when_the_last_rows_go() {
    let mut list = active(&[9, 8, 5], Some("5"));
    list.take(0, &over(5));
    assert_eq!(list.take(0, &up(6)), Taken::Shown, "it is before the cursor, and in no page");
    assert_eq!(list.take(0, &up(4)), Taken::Elsewhere);
    for n in [9, 8, 6] {
        list.take(0, &over(n));
    }
    assert_eq!(list.take(0, &up(10)), Taken::Shown, "an emptied list has its end still");
    assert_eq!(list.take(0, &up(4)), Taken::Elsewhere);
    pages(&mut list, &[up(4)], None);
    assert_eq!(shown(&list), [10, 4]);
}

#[test]
fn every_end_is_another_even_if_its_cursor_is_the_same() {
    let mut list = active(&[9, 8], Some("8"));
    let first = list.end();
    list.replace(&[up(9), up(8)], Some("8".into()));
    assert!(list.end().is_some() && list.end() != first);
    pages(&mut list, &[up(7)], None);
    assert_eq!(list.end(), None);
}

#[test]
fn rows_that_wait_are_counted_as_far_as_they_are_known() {
    assert_eq!(newer(7), "7 new · show");
    assert_eq!((newer(1000), newer(1001)), ("1,000 new · show".into(), "1,000+ new · show".into()));
}

#[test]
fn a_flooded_list_still_ends_what_it_shows_and_pages_on() {
    let mut list = active(&[9, 8], Some("8"));
    list.hold();
    for n in 0..1100_u16 {
        let mut id = [1; 16];
        id[..2].copy_from_slice(&n.to_be_bytes());
        list.take(1, &SessionRow { id: SessionId(id), opened_at: Millis(100), ..up(1) });
    }
    assert!(list.is_flooded());
    list.take(1, &over(9));
    assert!(list.is_leaving(SessionId([9; 16])));
    let asked = list.begin_page().expect("a next page");
    list.take(3, &SessionRow { opened_at: Millis(100), ..up(2) });
    list.end_page(&asked, Some(&page(2, &[up(7)], None)));
    assert_eq!(shown(&list), [9, 8, 7], "nothing comes in front of somebody's eyes");
}

/// What a server lists behind `cursor` after these changes, at most `limit` rows.
fn read(changes: &[(u8, bool)], cursor: u8, limit: usize) -> Page<SessionRow> {
    let mut now = [false; 24];
    for (n, is_up) in changes {
        now[usize::from(*n)] = *is_up;
    }
    let mut rows = (1..cursor).rev().filter(|n| now[usize::from(*n)]).map(up).collect::<Vec<_>>();
    let is_more = rows.len() > limit;
    rows.truncate(limit);
    let next = rows.last().filter(|_| is_more).map(|row| row.id.0[0].to_string());
    Page { seq: changes.len() as u64, rows, next }
}

proptest! {
    /// A page may be read by the server before or after what this page has been told when it comes.
    #[test]
    fn whenever_a_page_is_read_and_whenever_it_comes_the_list_is_what_a_fresh_answer_would_be(
        changes in proptest::collection::vec((1u8..24, any::<bool>()), 1..80),
        limit in 1usize..6,
        mut lags in proptest::collection::vec((0usize..8, 0usize..8, any::<bool>()), 0..20),
    ) {
        let first = read(&changes[..changes.len() / 4], 24, limit);
        let mut list = active(&[], None);
        list.replace(&first.rows, first.next);
        let mut told = changes.len() / 4;
        loop {
            let (until_read, until_it_comes, is_held) = lags.pop().unwrap_or((0, changes.len(), false));
            let tell = |list: &mut List<SessionRow>, told: &mut usize, until: usize| {
                while *told < until.min(changes.len()) {
                    let (n, is_up) = changes[*told];
                    *told += 1;
                    list.take(*told as u64, &if is_up { up(n) } else { over(n) });
                }
            };
            if is_held { list.hold() } else { list.let_go() }
            let Some(asked) = list.begin_page() else {
                if told == changes.len() { break }
                tell(&mut list, &mut told, changes.len());
                continue;
            };
            let read_at = (told + until_read).min(changes.len());
            let arrived = read(&changes[..read_at], asked.cursor.parse().expect("a number"), limit);
            let comes_at = told + until_it_comes;
            tell(&mut list, &mut told, comes_at);
            list.end_page(&asked, Some(&arrived));
        }
        list.let_go();
        let fresh = read(&changes, 24, usize::MAX);
        prop_assert_eq!(shown(&list), fresh.rows.iter().map(|row| row.id.0[0]).collect::<Vec<_>>());
    }

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
            list.take(0, &if is_up { up(n) } else { over(n) });
        }
        list.let_go();
        let mut expected = now.iter().filter(|(_, is_up)| **is_up).map(|(n, _)| *n).collect::<Vec<_>>();
        expected.sort_unstable_by(|a, b| b.cmp(a));
        prop_assert_eq!(shown(&list), expected);
    }
}
