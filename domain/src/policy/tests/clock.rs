//! Windows are read on the policy's own clock, also where that clock is put forward or back.

use super::{document, window};
use crate::{
    Millis,
    policy::{Document, Facts, LocalTime, Weekday, Window, window_end},
};
use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

const EVERY_DAY: [Weekday; 7] = [Mon, Tue, Wed, Thu, Fri, Sat, Sun];

#[test]
fn local_time_is_the_policys_not_the_servers() {
    // 2026-03-02 00:30 UTC is 11:30 in Sydney (summer time, +11).
    assert_eq!(
        Facts::local_time(&document(), at("2026-03-02T00:30:00Z")),
        LocalTime { weekday: Mon, minute: 690, offset_seconds: 39_600 }
    );
    // 2026-06-01 00:30 UTC is 10:30 (standard time, +10).
    assert_eq!(
        Facts::local_time(&document(), at("2026-06-01T00:30:00Z")),
        LocalTime { weekday: Mon, minute: 630, offset_seconds: 36_000 }
    );
}

#[test]
fn a_session_ends_with_the_window_it_began_in() {
    let office = in_sydney(vec![window(&[Mon, Tue, Wed, Thu, Fri], 9 * 60, 17 * 60)]);
    // Monday 11:30 in Sydney; the window closes at 17:00, 06:00 UTC.
    check(&office, "2026-03-02T00:30:00Z", Some("2026-03-02T06:00:00Z"));
}

#[test]
fn windows_that_touch_across_midnight_run_on() {
    let late = in_sydney(vec![window(&[Fri], 22 * 60, 1440), window(&[Sat], 0, 2 * 60)]);
    // Friday 23:00 in Sydney (+11) until Saturday 02:00.
    check(&late, "2026-03-06T12:00:00Z", Some("2026-03-06T15:00:00Z"));
}

#[test]
fn a_window_that_never_closes_ends_nothing() {
    check(&in_sydney(vec![window(&EVERY_DAY, 0, 1440)]), "2026-03-02T00:30:00Z", None);
    check(&in_sydney(vec![]), "2026-03-02T00:30:00Z", None);
}

#[test]
fn outside_every_window_the_end_is_now() {
    check(&in_sydney(vec![window(&[Sun], 0, 60)]), "2026-03-02T00:30:15Z", Some("2026-03-02T00:30:15Z"));
}

#[test]
fn not_after_ends_earlier_than_the_window() {
    let document = Document {
        not_after: Some(at("2026-03-02T03:00:00.500Z")),
        ..in_sydney(vec![window(&[Mon], 9 * 60, 17 * 60)])
    };
    check(&document, "2026-03-02T00:30:00Z", Some("2026-03-02T03:00:00.500Z"));
}

#[test]
fn where_clocks_go_forward_a_window_loses_the_hour_that_is_not() {
    // Berlin, 2026-03-29: 02:00 becomes 03:00. A window 01:30 to 03:30 lasts one hour of real time.
    let night = Document { time_zone: "Europe/Berlin".into(), ..in_sydney(vec![window(&[Sun], 90, 210)]) };
    check(&night, "2026-03-29T00:30:00Z", Some("2026-03-29T01:30:00Z"));
    // A window that closes inside the missing hour closes when the clock jumps past its end.
    let gap = Document { time_zone: "Europe/Berlin".into(), ..in_sydney(vec![window(&[Sun], 90, 150)]) };
    check(&gap, "2026-03-29T00:30:00Z", Some("2026-03-29T01:00:00Z"));
}

#[test]
fn where_clocks_go_back_a_window_closes_at_its_end_the_first_time() {
    // Berlin, 2026-10-25: 03:00 becomes 02:00. A window 01:30 to 02:30 ends at 02:30 summer time.
    let night = Document { time_zone: "Europe/Berlin".into(), ..in_sydney(vec![window(&[Sun], 90, 150)]) };
    check(&night, "2026-10-24T23:45:00Z", Some("2026-10-25T00:30:00Z"));
    // One over the repeated hour lasts an hour longer: 01:30 (+2) to 04:00 (+1).
    let long = Document { time_zone: "Europe/Berlin".into(), ..in_sydney(vec![window(&[Sun], 90, 240)]) };
    check(&long, "2026-10-24T23:45:00Z", Some("2026-10-25T03:00:00Z"));
}

#[test]
fn the_end_is_never_before_the_question_and_the_window_holds_until_then() {
    let windows = vec![window(&[Mon, Wed], 480, 720), window(&[Mon], 720, 800), window(&[Sat], 0, 1440)];
    let document = in_sydney(windows);
    // Every 97 minutes of two weeks around a change of offset (2026-04-05 in Sydney).
    let start = at("2026-03-30T00:00:00Z").0;
    for n in 0..(14 * 24 * 60 / 97) {
        let now = Millis(start + n * 97 * 60_000 + 31_000);
        let end = window_end(&document, now).expect("these windows close");
        assert!(end >= now);
        let open = window_end(&document, Millis(end.0)) != Some(end);
        assert!(!open, "at its end the window is closed");
    }
}

#[test]
fn the_end_is_where_a_look_at_every_minute_finds_it() {
    let zones = ["Australia/Lord_Howe", "America/New_York", "Europe/Berlin", "UTC", "Asia/Kathmandu"];
    let weeks = [
        vec![window(&[Mon, Wed], 480, 720), window(&[Mon], 700, 800), window(&[Sat, Sun], 0, 1440)],
        vec![window(&EVERY_DAY, 0, 1439)],
        vec![window(&[Sun], 60, 180), window(&[Sun], 180, 200), window(&[Mon], 0, 1)],
    ];
    for zone in zones {
        for windows in &weeks {
            let document = Document { time_zone: zone.into(), windows: windows.clone(), ..document() };
            // Around the changes of offset of 2026 in these zones, and far from any.
            for start in ["2026-03-07", "2026-03-28", "2026-04-04", "2026-06-01", "2026-10-03", "2026-10-31"]
            {
                let start = at(&format!("{start}T00:00:00Z")).0;
                for n in 0..24 {
                    let now = Millis(start + n * 131 * 60_000 + 7_000);
                    assert_eq!(window_end(&document, now), minute_by_minute(&document, now), "{zone} {now}");
                }
            }
        }
    }
}

fn minute_by_minute(document: &Document, now: Millis) -> Option<Millis> {
    let first = now.0 / 60_000;
    (first..first + 7 * 24 * 60 + 120)
        .map(|minute| Millis(minute * 60_000))
        .find(|minute| {
            let local = Facts::local_time(document, *minute);
            let open = |w: &Window| {
                w.days.contains(&local.weekday) && (w.from_minute..w.to_minute).contains(&local.minute)
            };
            !document.windows.iter().any(open)
        })
        .map(|end| end.max(now))
}

// What the tests speak of.

fn at(text: &str) -> Millis {
    Millis(text.parse::<jiff::Timestamp>().expect("a time").as_millisecond().unsigned_abs())
}

fn in_sydney(windows: Vec<Window>) -> Document {
    Document { windows, ..document() }
}

fn check(document: &Document, now: &str, end: Option<&str>) {
    assert_eq!(window_end(document, at(now)).map(|t| t.to_string()), end.map(|t| at(t).to_string()), "{now}");
}
