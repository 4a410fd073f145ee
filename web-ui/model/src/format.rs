//! How numbers and times are written. The offset from UTC is an argument: the page knows its zone, and tests choose
//! one.

#[cfg(test)]
mod tests;

use crate::words;
use std::time::Duration;
use viworks_domain::{
    Millis,
    policy::{Weekday, Window},
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The two largest units: "45 s", "3 min 20 s", "2 h 5 min", "3 d 4 h".
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..MINUTE => format!("{seconds} s"),
        MINUTE..HOUR => pair(seconds / MINUTE, "min", seconds % MINUTE, "s"),
        HOUR..DAY => pair(seconds / HOUR, "h", seconds % HOUR / MINUTE, "min"),
        DAY.. => pair(seconds / DAY, "d", seconds % DAY / HOUR, "h"),
    }
}

fn pair(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large} {large_unit}")
    } else {
        format!("{large} {large_unit} {small} {small_unit}")
    }
}

/// Minutes as policies give them: "8 h".
pub fn minutes(minutes: u32) -> String {
    duration(Duration::from_secs(u64::from(minutes) * MINUTE))
}

/// "just now", "12 s ago", "3 min ago", "2 h ago", "5 d ago".
pub fn ago(at: Millis, now: Millis) -> String {
    let seconds = now.since(at).as_secs();
    match seconds {
        0..5 => "just now".into(),
        5..MINUTE => format!("{seconds} s ago"),
        MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        HOUR..DAY => format!("{} h ago", seconds / HOUR),
        DAY.. => format!("{} d ago", seconds / DAY),
    }
}

/// "in 3 min 20 s"; "now" once it is over.
pub fn until(at: Millis, now: Millis) -> String {
    let left = at.since(now);
    if left.as_secs() == 0 { "now".into() } else { format!("in {}", duration(left)) }
}

/// "0 B", "1.5 KiB", "12 MiB": one decimal below ten.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    // What rounds to 1024 is one of the next unit.
    while value >= 1023.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    if value < 9.95 { format!("{value:.1} {unit}") } else { format!("{value:.0} {unit}") }
}

/// "1.5 KiB/s"
pub fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", bytes(bytes_per_second))
}

/// Of one: "37 %". What is not nothing is never shown as nothing, nor what is not all as all.
pub fn percent(part: f32) -> String {
    let part = if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.0 };
    let rounded = (part * 100.0).round();
    match rounded {
        r if r < 1.0 && part > 0.0 => "<1 %".into(),
        r if r > 99.0 && part < 1.0 => ">99 %".into(),
        r => format!("{r:.0} %"),
    }
}

/// How much of the total; nothing of nothing.
pub fn share(used: u64, total: u64) -> f32 {
    if total == 0 { 0.0 } else { (used as f64 / total as f64) as f32 }
}

/// "1 entry", "2 entries", "12,345 entries".
pub fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", number(n as u64)) }
}

/// "12,345"
pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.char_indices() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A moment on a clock and in a calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    pub year: i64,
    /// 1 to 12.
    pub month: usize,
    pub day: i64,
    pub weekday: Weekday,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    offset_minutes: i32,
}

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// `offset_minutes` east of UTC, as it is at that moment.
pub fn local(at: Millis, offset_minutes: i32) -> Local {
    let seconds = (at.0 / 1000) as i64 + i64::from(offset_minutes) * 60;
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let weekday = match (days + 3).rem_euclid(7) {
        0 => Weekday::Mon,
        1 => Weekday::Tue,
        2 => Weekday::Wed,
        3 => Weekday::Thu,
        4 => Weekday::Fri,
        5 => Weekday::Sat,
        _ => Weekday::Sun,
    };
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    Local { year, month, day, weekday, hour, minute, second, offset_minutes }
}

/// The Gregorian date of a day counted from 1970-01-01 (Howard Hinnant's `civil_from_days`: years from March on,
/// so that the leap day is the last one).
const fn civil(days: i64) -> (i64, usize, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month as usize, day)
}

/// RFC 3339 in UTC, as the server's sentences have it: `2026-11-21T23:46:45.123Z`.
pub fn parse_utc(text: &str) -> Option<Millis> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.splitn(3, ':');
    let (hour, minute) = (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
    let seconds = time.next()?;
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let second = second.parse::<i64>().ok()?;
    // The digits alone: a parser of real numbers would bring its tables into every browser.
    let is_fraction = !fraction.is_empty() && fraction.bytes().all(|digit| digit.is_ascii_digit());
    let milli = format!("{fraction:0<3}").get(..3)?.parse::<i64>().ok()?;
    let is_in = |value: i64, from: i64, to: i64| (from..=to).contains(&value);
    let is_moment = is_in(year, 1970, 9999)
        && is_in(month, 1, 12)
        && is_in(day, 1, 31)
        && is_in(hour, 0, 23)
        && is_in(minute, 0, 59)
        && is_in(second, 0, 60)
        && is_fraction;
    let minutes = (days_from_civil(year, month, day) * 24 + hour) * 60 + minute;
    let millis = minutes.checked_mul(60_000)? + second * 1000 + milli;
    is_moment.then(|| u64::try_from(millis).ok().map(Millis)).flatten()
}

/// The other way round of [`civil`].
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

impl Local {
    /// "23:46:45"
    pub fn clock(&self) -> String {
        format!("{:02}:{:02}:{:02}", self.hour, self.minute, self.second)
    }

    /// "23:46"
    pub fn short_clock(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// "21 Nov"
    pub fn day_month(&self) -> String {
        format!("{} {}", self.day, self.month_word())
    }

    /// "21 Nov, 23:46"
    pub fn short(&self) -> String {
        format!("{}, {}", self.day_month(), self.short_clock())
    }

    fn month_word(&self) -> &'static str {
        self.month.checked_sub(1).and_then(|n| MONTHS.get(n)).copied().unwrap_or_default()
    }

    /// "21 Nov 2026"
    pub fn date(&self) -> String {
        format!("{} {} {}", self.day, self.month_word(), self.year)
    }

    /// "Sat 21 Nov 2026, 23:46:45 UTC+10:00"
    pub fn full(&self) -> String {
        let weekday = words::weekday(self.weekday);
        format!("{weekday} {}, {} {}", self.date(), self.clock(), self.zone())
    }

    fn zone(&self) -> String {
        let (sign, minutes) = (if self.offset_minutes < 0 { '-' } else { '+' }, self.offset_minutes.abs());
        if minutes == 0 { "UTC".into() } else { format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60) }
    }

    const fn is_same_day(&self, other: &Self) -> bool {
        self.year == other.year && self.month == other.month && self.day == other.day
    }
}

/// As short as it can be told apart from `now`: "23:46", "21 Nov, 23:46", "21 Nov 2025, 23:46".
pub fn moment(at: Local, now: Local) -> String {
    if at.is_same_day(&now) {
        at.short_clock()
    } else if at.year == now.year {
        at.short()
    } else {
        format!("{}, {}", at.date(), at.short_clock())
    }
}

/// "Mon–Fri 08:00–18:00", "Sat, Sun 10:00–24:00", "every day 00:00–24:00".
pub fn window(window: &Window) -> String {
    format!(
        "{} {}–{}",
        days(&window.days),
        minute_of_day(window.from_minute),
        minute_of_day(window.to_minute)
    )
}

/// "08:00"; the end of a day is "24:00".
pub fn minute_of_day(minute: u16) -> String {
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

fn days(days: &[Weekday]) -> String {
    let is_in = WEEK.map(|day| days.contains(&day));
    if is_in == [true; 7] {
        return "every day".into();
    }
    let mut runs = Vec::new();
    let mut at = 0;
    while at < WEEK.len() {
        let length = is_in.iter().skip(at).take_while(|is_in| **is_in).count();
        let names = WEEK.iter().skip(at).take(length).map(|day| words::weekday(*day)).collect::<Vec<_>>();
        match names.as_slice() {
            [] => {}
            [first, .., last] if names.len() > 2 => runs.push(format!("{first}–{last}")),
            few => runs.extend(few.iter().map(|name| (*name).to_owned())),
        }
        at += length.max(1);
    }
    runs.join(", ")
}
