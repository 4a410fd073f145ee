use super::*;

fn seconds(n: u64) -> String {
    duration(Duration::from_secs(n))
}

#[test]
fn durations_have_their_two_largest_units() {
    assert_eq!([0, 45, 60, 200].map(seconds), ["0 s", "45 s", "1 min", "3 min 20 s"]);
    assert_eq!([3600, 7500, 86_400, 273_600].map(seconds), ["1 h", "2 h 5 min", "1 d", "3 d 4 h"]);
    assert_eq!(minutes(480), "8 h");
}

#[test]
fn what_lies_in_the_past_is_ago_and_what_comes_is_in() {
    let now = Millis(1_000_000_000);
    let before = |s: u64| ago(now.minus(Duration::from_secs(s)), now);
    assert_eq!([0, 12, 200, 7_200].map(before), ["just now", "12 s ago", "3 min ago", "2 h ago"]);
    assert_eq!(ago(now.plus(Duration::from_secs(9)), now), "just now");
    assert_eq!(until(now.plus(Duration::from_secs(200)), now), "in 3 min 20 s");
    assert_eq!(until(now.minus(Duration::from_secs(1)), now), "now");
}

#[test]
fn sizes_step_up_where_they_would_round_to_the_next_unit() {
    assert_eq!([0, 1023, 1024, 1536].map(bytes), ["0 B", "1023 B", "1.0 KiB", "1.5 KiB"]);
    assert_eq!([12 << 20, (1 << 20) - 1, 16 << 30].map(bytes), ["12 MiB", "1.0 MiB", "16 GiB"]);
    assert_eq!(bytes(u64::MAX), "16 EiB");
    assert_eq!(rate(2048), "2.0 KiB/s");
}

#[test]
fn percents_do_not_round_to_nothing_nor_to_all() {
    let parts = [0.0, 0.001, 0.374, 0.999, 1.0, 7.0, f32::NAN];
    assert_eq!(parts.map(percent), ["0 %", "<1 %", "37 %", ">99 %", "100 %", "100 %", "0 %"]);
    assert_eq!((share(1, 4), share(1, 0)), (0.25, 0.0));
}

#[test]
fn counts_are_grouped_and_one_is_singular() {
    assert_eq!(count(1, "entry", "entries"), "1 entry");
    assert_eq!(count(12_345, "entry", "entries"), "12,345 entries");
    assert_eq!([0, 999, 1_000, 1_234_567].map(number), ["0", "999", "1,000", "1,234,567"]);
}

#[test]
fn a_moment_is_told_on_the_local_clock() {
    // 2026-11-21T23:46:45Z, a Saturday.
    let at = Millis(1_795_304_805_000);
    assert_eq!(local(at, 0).full(), "Sat 21 Nov 2026, 23:46:45 UTC");
    assert_eq!(local(at, 600).full(), "Sun 22 Nov 2026, 09:46:45 UTC+10:00");
    assert_eq!(local(at, -210).full(), "Sat 21 Nov 2026, 20:16:45 UTC-03:30");
    assert_eq!(local(Millis(0), 0).full(), "Thu 1 Jan 1970, 00:00:00 UTC");
    // A leap day.
    assert_eq!(local(Millis(1_709_164_800_000), 0).date(), "29 Feb 2024");
}

#[test]
fn a_moment_is_as_short_as_it_can_be() {
    let now = local(Millis(1_795_304_805_000), 0);
    let before = |days: u64| {
        let at = Millis(1_795_304_805_000).minus(Duration::from_secs(days * 86_400));
        moment(local(at, 0), now)
    };
    assert_eq!([0, 1, 400].map(before), ["23:46", "20 Nov, 23:46", "17 Oct 2025, 23:46"]);
}

#[test]
fn weekly_windows_run_together() {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    let on = |days: &[Weekday]| window(&Window { days: days.to_vec(), from_minute: 480, to_minute: 1080 });
    assert_eq!(on(&[Mon, Tue, Wed, Thu, Fri]), "Mon–Fri 08:00–18:00");
    assert_eq!(on(&[Sun, Sat]), "Sat, Sun 08:00–18:00");
    assert_eq!(on(&[Mon, Wed, Thu, Fri, Sun]), "Mon, Wed–Fri, Sun 08:00–18:00");
    assert_eq!(on(&WEEK), "every day 08:00–18:00");
    assert_eq!(minute_of_day(1440), "24:00");
}

#[test]
fn a_moment_in_utc_is_read_as_it_is_printed() {
    for at in [0, 951_782_399_999, 1_709_164_800_000, 1_795_304_805_123] {
        assert_eq!(parse_utc(&Millis(at).to_string()), Some(Millis(at)));
    }
    let second = parse_utc("2026-11-21T23:46:45Z").expect("a moment").0;
    for (text, millis) in [("45.5", 500), ("45.05", 50), ("45.123456", 123), ("45.000", 0)] {
        assert_eq!(parse_utc(&format!("2026-11-21T23:46:{text}Z")), Some(Millis(second + millis)), "{text}");
    }
    for text in [
        "2026-11-21T23:46:45.Z",
        "2026-11-21T23:46:45.1xZ",
        "2026-11-21T23:46:61Z",
        "2026-11-21T23:46:45.1.2Z",
    ] {
        assert_eq!(parse_utc(text), None, "{text}");
    }
    for text in ["", "Z", "2026-11-21", "2026-13-01T00:00:00Z", "2026-11-21T23:46Z", "9-9-9T99:99:99Z"] {
        assert_eq!(parse_utc(text), None, "{text}");
    }
}
