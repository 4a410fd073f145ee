//! Where a client stands and what it gets, without a socket or a database.

use super::{
    batch::{Batch, Changed, delta},
    position::{Position, Taken},
    view::View,
};
use viworks_api::{
    feed::{Change, Frame, MOST_ROWS, MOST_WINDOWS, Notice, Query, UserQuery, Window},
    problem::code,
    user::{UserRow, UserState},
};
use viworks_domain::{Millis, bytes, ids::UserId, permission::Role};

fn user(n: u8, name: &str) -> Change {
    Change::User(UserRow {
        id: UserId([n; 16]),
        username: Some(name.into()),
        state: UserState::Active,
        steps: vec![],
        policies: vec![],
        gateways: vec![],
        devices: vec![],
        created_at: Millis(u64::from(n)),
        last_login_at: None,
    })
}

fn changed(last: u64, change: Change) -> Changed {
    let encoded = bytes::encode(&change).into();
    Changed { last, change, encoded }
}

fn batch(prev: u64, seq: u64, changes: Vec<Changed>) -> Batch {
    Batch { prev, seq, changes, operators: vec![], erased: false }
}

fn said(taken: Taken) -> (u64, u64, Vec<Change>) {
    let Taken::Delta(frame) = taken else { panic!("expected a delta; got {taken:?}") };
    decoded(&frame)
}

fn decoded(frame: &[u8]) -> (u64, u64, Vec<Change>) {
    match bytes::decode(frame).expect("a frame") {
        Frame::Delta { prev_seq, seq, changes } => (prev_seq, seq, changes),
        other => panic!("expected a delta; got {other:?}"),
    }
}

#[test]
fn a_delta_of_encoded_changes_is_the_frame_that_would_have_been_encoded() {
    for count in [0, 1, 2, 127, 128, 300] {
        let changes: Vec<_> = (0..count).map(|n| changed(9, user(n as u8, &format!("user{n}")))).collect();
        let whole = Frame::Delta {
            prev_seq: 300,
            seq: 70_000,
            changes: changes.iter().map(|changed| changed.change.clone()).collect(),
        };
        assert_eq!(delta(300, 70_000, &changes.iter().collect::<Vec<_>>()), bytes::encode(&whole), "{count}");
    }
}

#[test]
fn deltas_are_gapless_also_when_nothing_concerned_the_client() {
    let mut position = Position::at(10);
    let nothing = batch(10, 15, vec![changed(12, user(1, "ada"))]);
    assert_eq!(position.take(&nothing, |_| false), Taken::Nothing);
    assert_eq!((position.told(), position.passed()), (10, 15));
    let something = batch(15, 18, vec![changed(17, user(2, "eve"))]);
    assert_eq!(said(position.take(&something, |_| true)), (10, 18, vec![user(2, "eve")]));
    assert_eq!(position.told(), 18);
}

#[test]
fn a_head_never_names_a_sequence_that_no_delta_has_told() {
    let mut position = Position::at(10);
    assert_eq!(position.tell(), None, "the client knows");
    assert_eq!(position.take(&batch(10, 15, vec![]), |_| true), Taken::Nothing);
    assert_eq!(decoded(&position.tell().expect("a delta")), (10, 15, vec![]));
    assert_eq!((position.told(), position.tell()), (15, None));
}

#[test]
fn what_a_client_has_is_not_sent_again() {
    let mut position = Position::at(20);
    let old = batch(10, 20, vec![changed(20, user(1, "ada"))]);
    assert_eq!(position.take(&old, |_| true), Taken::Nothing);
    // It reaches over the snapshot: what is in the snapshot is older or the same.
    let over = batch(10, 25, vec![changed(20, user(1, "ada")), changed(23, user(2, "eve"))]);
    assert_eq!(said(position.take(&over, |_| true)), (20, 25, vec![user(2, "eve")]));
}

#[test]
fn tables_that_are_built_anew_tell_no_notice_again() {
    let notice = |n: u8| Change::Notice(Notice::Provisioned { user: UserId([n; 16]), username: None });
    let mut position = Position::at(20).having_come_at(100);
    let old = batch(20, 60, vec![changed(50, notice(1)), changed(60, user(1, "ada"))]);
    assert_eq!(said(position.take(&old, |_| true)), (20, 60, vec![user(1, "ada")]), "rows are told as ever");
    let over = batch(60, 110, vec![changed(100, notice(2)), changed(101, notice(3))]);
    assert_eq!(said(position.take(&over, |_| true)), (60, 110, vec![notice(3)]));
    let mut resumed = Position::at(100);
    assert_eq!(said(resumed.take(&over, |_| true)), (100, 110, vec![notice(3)]));
}

#[test]
fn a_batch_that_begins_later_than_the_client_is_a_gap() {
    let mut position = Position::at(10);
    assert_eq!(position.take(&batch(11, 15, vec![changed(12, user(1, "ada"))]), |_| true), Taken::Gap);
    assert_eq!((position.told(), position.passed()), (10, 10));
}

#[test]
fn fresh_snapshots_move_a_client_on_without_breaking_the_chain() {
    let mut position = Position::at(10);
    assert_eq!(decoded(&position.jump(40).expect("a delta")), (10, 40, vec![]));
    assert_eq!(position.take(&batch(30, 40, vec![changed(35, user(1, "ada"))]), |_| true), Taken::Nothing);
    assert_eq!(position.jump(39), None, "never back");
    assert_eq!(position.told(), 40);
}

/// Whatever the cuts and whoever listens: the deltas join without gaps, and hold each change that concerned the
/// client after where it began, in order.
#[test]
fn any_cut_of_the_changes_gives_a_gapless_whole() {
    for width in 1..7u64 {
        for begin in 0..width * 2 {
            let mut position = Position::at(begin);
            let (mut at, mut seen) = (begin, vec![]);
            for prev in (0..40).step_by(width as usize) {
                let seq = prev + width;
                let changes = (prev + 1..=seq).map(|n| changed(n, user(n as u8, "x"))).collect();
                let wanted =
                    |change: &Change| matches!(change, Change::User(row) if row.created_at.0 % 3 == 0);
                if let Taken::Delta(frame) = position.take(&batch(prev, seq, changes), wanted) {
                    let (from, to, changes) = decoded(&frame);
                    assert_eq!(from, at);
                    at = to;
                    seen.extend(changes);
                }
            }
            let end = position.passed();
            let wanted: Vec<_> =
                (begin + 1..=end).filter(|n| n % 3 == 0).map(|n| user(n as u8, "x")).collect();
            assert_eq!(seen, wanted, "batches of {width} from {begin}");
        }
    }
}

fn window(id: u32, text: Option<&str>) -> Window {
    let query = UserQuery { text: text.map(str::to_owned), ..UserQuery::default() };
    Window { id, query: Query::Users(query), limit: 10 }
}

#[test]
fn a_row_concerns_whoever_has_a_window_that_it_could_be_in() {
    let mut view = View::new(Role::Viewer);
    assert!(!view.concerns(&user(1, "ada")));
    view.watch(window(1, Some("ad"))).expect("open");
    assert!(view.concerns(&user(1, "ada")) && !view.concerns(&user(2, "eve")));
    view.watch(window(1, Some("ev"))).expect("another question in it");
    assert!(!view.concerns(&user(1, "ada")) && view.concerns(&user(2, "eve")));
    view.unwatch(1);
    assert!(!view.concerns(&user(2, "eve")));
    let notice = Change::Notice(Notice::Provisioned { user: UserId([1; 16]), username: None });
    assert!(view.concerns(&notice), "whatever it watches");
}

#[test]
fn what_a_role_may_not_read_is_refused_and_concerns_it_no_more() {
    let not_named = |role, query: &Query| {
        let is_named = matches!(query, Query::Users(query) if query.text.is_some());
        role == Role::Owner || !is_named
    };
    let mut owner = View::with(Role::Owner, not_named);
    owner.watch(window(1, Some("ad"))).expect("an owner may");
    let mut view = View::with(Role::Viewer, not_named);
    assert_eq!(view.watch(window(1, Some("ad"))).expect_err("refused"), code::FORBIDDEN);
    assert!(view.windows().next().is_none() && !view.concerns(&user(1, "ada")));
    // Asked in an open window: the old question is not answered any more either.
    view.watch(window(1, None)).expect("open");
    assert_eq!(view.watch(window(1, Some("ad"))).expect_err("refused"), code::FORBIDDEN);
    assert!(view.windows().next().is_none() && !view.concerns(&user(1, "ada")));
}

#[test]
fn windows_are_counted_and_their_limits_kept() {
    let mut view = View::new(Role::Owner);
    for id in 0..MOST_WINDOWS as u32 {
        view.watch(window(id, None)).expect("open");
    }
    assert_eq!(view.watch(window(99, None)).expect_err("one too many"), code::TOO_MANY);
    view.watch(window(3, Some("x"))).expect("another question in an open one");
    view.unwatch(4);
    let wide = Window { limit: u32::MAX, ..window(99, None) };
    assert_eq!(view.watch(wide).expect("room again").limit, MOST_ROWS);
    let none = Window { limit: 0, ..window(99, None) };
    assert_eq!(view.watch(none).expect("open").limit, 1);
}
