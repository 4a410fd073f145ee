use super::*;
use viworks_api::feed::{Change, Notice, Query, Rows, SessionQuery};
use viworks_domain::{
    aggregate::LogIdentity,
    ids::{GatewayId, LogId, OperatorId},
    permission::Role,
};

const T0: Millis = Millis(1_000_000);

fn at(seq: u64) -> Position {
    Position { log: LogIdentity { log_id: LogId([1; 16]), epoch: 1 }, seq }
}

fn me() -> Me {
    Me {
        operator: OperatorId([2; 16]),
        name: "owner".into(),
        role: Role::Owner,
        may: vec![],
        expires_at: Millis(u64::MAX),
    }
}

fn welcome(seq: u64, resumed: bool) -> Frame {
    Frame::Welcome { me: me(), at: at(seq), now: T0, resumed }
}

fn snapshot(window: WindowId, seq: u64) -> Frame {
    Frame::Snapshot { window, seq, rows: Rows::Sessions(vec![]), next: None }
}

fn delta(prev_seq: u64, seq: u64) -> Frame {
    let down = Notice::GatewayDown { gateway: GatewayId([3; 16]), name: "sydney".into() };
    Frame::Delta { prev_seq, seq, changes: vec![Change::Notice(down)] }
}

const fn head(seq: u64) -> Frame {
    Frame::Head { seq, log_head: seq, now: T0 }
}

impl Feed {
    fn hears(&mut self, frame: &Frame) -> Result<Option<Frame>, Broken> {
        self.message(&bytes::encode(frame), T0)
    }

    fn opens(&mut self) -> Request {
        bytes::decode(&self.connected(T0)).expect("a request")
    }

    fn watches(&mut self) -> WindowId {
        let id = self.new_window();
        self.asks(id);
        id
    }

    fn asks(&mut self, id: WindowId) {
        let _ = self.watch(Window { id, query: Query::Sessions(SessionQuery::default()), limit: 100 });
    }

    fn shows(&mut self, frame: &Frame) -> bool {
        self.hears(frame).expect("a frame").is_some()
    }
}

fn resume_of(request: &Request) -> Option<u64> {
    match request {
        Request::Open { resume, .. } => resume.map(|position| position.seq),
        other => panic!("not an opening: {other:?}"),
    }
}

/// A feed that is live at 10 with one window.
fn live() -> Feed {
    let mut feed = Feed::default();
    let window = feed.watches();
    feed.opens();
    feed.hears(&welcome(10, false)).expect("welcome");
    assert_eq!(feed.mark(), Mark::CatchingUp { seq: 10 });
    feed.hears(&snapshot(window, 10)).expect("snapshot");
    assert_eq!(feed.mark(), Mark::Live { seq: 10 });
    feed.hears(&head(10)).expect("head");
    feed
}

#[test]
fn a_broken_connection_resumes_from_the_last_sequence_seen() {
    let mut feed = live();
    feed.hears(&delta(10, 12)).expect("delta");
    assert!(matches!(feed.closed(1006, Millis(2_000_000), 0.5), Next::Retry(_)));
    assert_eq!(feed.mark(), Mark::Offline { seq: 12, since: Millis(2_000_000) });
    assert_eq!(resume_of(&feed.opens()), Some(12));
    feed.hears(&welcome(15, true)).expect("welcome");
    assert!(!feed.has_reached(15), "the deltas are still on their way");
    feed.hears(&delta(12, 15)).expect("delta");
    assert!(feed.has_reached(15));
}

#[test]
fn what_was_never_answered_is_not_resumed() {
    let mut feed = live();
    feed.watches();
    feed.closed(1006, T0, 0.5);
    assert_eq!(resume_of(&feed.opens()), None);
}

#[test]
fn a_gap_breaks_the_connection_and_what_is_known_already_says_nothing() {
    let mut feed = live();
    assert_eq!(feed.hears(&delta(11, 12)), Err(Broken::Gap { expected: 10, found: 11 }));
    let mut feed = live();
    assert_eq!(feed.hears(&delta(8, 10)), Ok(None));
    assert!(feed.hears(&delta(8, 11)).expect("overlapping").is_some());
    assert!(feed.has_reached(11));
}

#[test]
fn bytes_that_are_no_frame_and_frames_before_the_welcome_break_the_connection() {
    let mut feed = live();
    assert_eq!(feed.message(&[250, 1, 2], T0), Err(Broken::NotUnderstood));
    feed.closed(1006, T0, 0.0);
    feed.opens();
    assert_eq!(feed.hears(&delta(10, 11)), Err(Broken::OutOfTurn));
}

#[test]
fn silence_is_noticed_and_any_word_ends_it() {
    let mut feed = live();
    let later = T0.plus(SILENCE);
    assert!(!feed.is_silent(later));
    assert!(feed.is_silent(later.plus(Duration::from_millis(1))));
    feed.message(&bytes::encode(&head(10)), later).expect("head");
    assert!(!feed.is_silent(later.plus(Duration::from_millis(1))));
}

#[test]
fn a_server_that_reads_for_this_page_may_be_silent_for_as_long_as_it_may_take() {
    let (heads, reading) = (T0.plus(SILENCE), T0.plus(SILENCE_WHILE_READING));
    let after = |at: Millis| at.plus(Duration::from_millis(1));
    let waits = |feed: &Feed| !feed.is_silent(reading) && feed.is_silent(after(reading));
    // Opening: before the welcome, before the rows, and before what a resumed feed has missed.
    let mut feed = Feed::default();
    let window = feed.watches();
    feed.opens();
    assert!(waits(&feed));
    feed.hears(&welcome(10, false)).expect("welcome");
    assert!(waits(&feed));
    feed.hears(&snapshot(window, 10)).expect("snapshot");
    feed.hears(&head(10)).expect("head");
    assert!(feed.is_silent(after(heads)));
    feed.closed(1006, T0, 0.5);
    feed.opens();
    feed.hears(&welcome(10, true)).expect("welcome");
    assert!(waits(&feed));
    feed.hears(&head(10)).expect("head");
    assert!(feed.is_silent(after(heads)));
    // Another question, and everything anew.
    let other = feed.watches();
    assert!(waits(&feed));
    feed.hears(&head(10)).expect("head");
    assert!(waits(&feed), "it waits for its turn");
    feed.hears(&snapshot(other, 10)).expect("snapshot");
    assert!(feed.is_silent(after(heads)));
    feed.hears(&Frame::Resync).expect("resync");
    assert!(waits(&feed));
}

#[test]
fn a_log_that_runs_ahead_is_said_to_be_caught_up_with() {
    let mut feed = live();
    feed.hears(&Frame::Head { seq: 10, log_head: 1_000, now: T0 }).expect("head");
    assert_eq!(feed.mark(), Mark::CatchingUp { seq: 10 });
    feed.hears(&Frame::Head { seq: 1_000, log_head: 1_000, now: T0 }).expect("head");
    assert_eq!(feed.mark(), Mark::Live { seq: 1_000 });
}

#[test]
fn an_ended_sign_in_is_not_tried_again_and_anything_else_is_ever_more_slowly() {
    let mut feed = live();
    assert_eq!(feed.closed(close::SIGNED_OUT, T0, 0.5), Next::SignIn);
    let mut feed = live();
    let pauses = (0..12).map(|_| match feed.closed(1006, T0, 1.0) {
        Next::Retry(pause) => pause,
        other => panic!("not a pause: {other:?}"),
    });
    let pauses = pauses.collect::<Vec<_>>();
    assert!(pauses.is_sorted(), "{pauses:?}");
    assert_eq!((pauses[0], pauses[11]), (FIRST_PAUSE, LONGEST_PAUSE));
    feed.opens();
    feed.hears(&welcome(10, true)).expect("welcome");
    assert_eq!(feed.closed(1006, T0, 1.0), Next::Retry(FIRST_PAUSE));
}

#[test]
fn whoever_signs_in_next_is_shown_nothing_of_the_one_before() {
    let mut feed = live();
    feed.closed(close::SIGNED_OUT, T0, 0.0);
    feed.forget();
    assert_eq!((feed.me(), feed.mark()), (None, Mark::Connecting));
    let opening = feed.opens();
    assert_eq!(resume_of(&opening), None);
    assert!(matches!(opening, Request::Open { windows, .. } if windows.len() == 1));
}

#[test]
fn a_window_that_is_opened_before_the_welcome_is_asked_for_too() {
    let mut feed = live();
    feed.closed(1006, T0, 0.0);
    feed.opens();
    let id = feed.new_window();
    assert!(feed.watch(Window { id, query: Query::Gateways, limit: 100 }).is_some());
}

#[test]
fn an_answer_to_a_closed_window_is_dropped() {
    let mut feed = live();
    let window = feed.watches();
    feed.unwatch(window);
    assert_eq!(feed.hears(&snapshot(window, 11)), Ok(None));
}

#[test]
fn countdowns_follow_the_servers_clock() {
    let mut feed = live();
    feed.hears(&Frame::Head { seq: 10, log_head: 10, now: Millis(T0.0 - 5_000) }).expect("head");
    assert_eq!(feed.server_time(Millis(T0.0 + 1_000)), Millis(T0.0 - 4_000));
}

#[test]
fn a_server_of_another_version_is_not_asked_again_until_the_page_is_another_one() {
    let mut feed = live();
    assert_eq!(feed.closed(close::NOT_UNDERSTOOD, T0, 0.5), Next::Reload);
    assert_eq!(feed.mark(), Mark::Outdated { seq: 10 });
    assert!(!feed.is_silent(Millis(T0.0 + 3_600_000)));
}

#[test]
fn a_frame_of_another_version_says_the_same_as_the_server_would() {
    let mut feed = live();
    let broken = feed.message(&[0xff; 8], T0).expect_err("no frame");
    assert_eq!(broken, Broken::NotUnderstood);
    assert_eq!(feed.closed(broken.code(), T0, 0.5), Next::Reload);
    assert_eq!(feed.mark(), Mark::Outdated { seq: 10 });
}

#[test]
fn a_gap_is_mended_by_connecting_again_and_not_by_another_page() {
    let mut feed = live();
    let broken = feed.hears(&delta(12, 13)).expect_err("a gap");
    assert!(matches!(feed.closed(broken.code(), T0, 0.5), Next::Retry(_)));
    assert_eq!(feed.mark(), Mark::Offline { seq: 10, since: T0 });
}

fn refused(window: WindowId) -> Frame {
    Frame::Refused { window, code: "forbidden".into() }
}

#[test]
fn an_answer_to_the_question_before_is_not_the_answer() {
    let mut feed = live();
    let window = feed.watches();
    feed.asks(window);
    feed.asks(window);
    assert!(!feed.shows(&snapshot(window, 11)));
    assert!(!feed.shows(&refused(window)), "the second question was refused, not the third");
    assert!(!feed.has_reached(10));
    assert!(feed.shows(&snapshot(window, 12)));
    assert!(feed.has_reached(10));
}

#[test]
fn a_connection_answers_what_it_was_asked_and_no_more() {
    let mut feed = live();
    let window = feed.watches();
    feed.asks(window);
    feed.closed(1006, T0, 0.5);
    feed.asks(window);
    assert_eq!(resume_of(&feed.opens()), None);
    // The opening had one question, and this is another.
    feed.asks(window);
    feed.hears(&welcome(20, false)).expect("welcome");
    assert!(!feed.shows(&snapshot(window, 20)));
    assert!(feed.shows(&snapshot(window, 20)));
    assert_eq!(feed.mark(), Mark::CatchingUp { seq: 20 }, "the other window waits");
}

#[test]
fn an_opening_that_cannot_resume_answers_every_window_that_it_had() {
    let mut feed = live();
    let early = feed.watches();
    feed.hears(&snapshot(early, 10)).expect("snapshot");
    feed.closed(1006, T0, 0.5);
    assert_eq!(resume_of(&feed.opens()), Some(10));
    feed.asks(early);
    let late = feed.watches();
    feed.hears(&welcome(20, false)).expect("welcome");
    assert!(!feed.shows(&snapshot(early, 20)));
    assert!(feed.shows(&snapshot(early, 20)));
    assert!(feed.shows(&snapshot(late, 20)), "it was asked for once");
}

#[test]
fn reading_everything_anew_may_be_the_answer_that_is_waited_for() {
    let mut feed = live();
    let window = feed.watches();
    feed.hears(&Frame::Resync).expect("resync");
    assert!(feed.shows(&snapshot(window, 11)));
    assert!(!feed.has_reached(10), "the other window is read anew too");
    // It was not: then the answer follows.
    assert!(feed.shows(&snapshot(window, 12)));
}

#[test]
fn what_was_heard_before_another_question_is_known_as_an_answer_to_that_window() {
    assert!(is_answer(&snapshot(1, 10), 1) && is_answer(&refused(1), 1));
    assert!(!is_answer(&snapshot(1, 10), 2) && !is_answer(&delta(10, 11), 1));
}
