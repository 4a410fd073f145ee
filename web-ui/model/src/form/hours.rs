//! Weekly hours as people type them, and the windows that they mean.

use std::collections::BTreeSet;
use viworks_domain::policy::{Weekday, Window};

pub const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
/// Minutes of a day.
const DAY: u16 = 24 * 60;

/// Days with one beginning and one end. An end that is not after the beginning is on the next day; `00:00` as an
/// end is the day's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours {
    pub days: BTreeSet<Weekday>,
    /// `HH:MM`, as a browser's time field has it.
    pub from: String,
    pub to: String,
}

impl Hours {
    /// What most windows are.
    pub fn working() -> Self {
        Self { days: WEEK.into_iter().take(5).collect(), from: "09:00".into(), to: "17:00".into() }
    }

    /// Working hours on the days that the others leave free.
    pub fn beside(others: &[Self]) -> Self {
        let days = WEEK.into_iter().filter(|day| !others.iter().any(|other| other.days.contains(day)));
        let days = days.collect::<BTreeSet<_>>();
        let working = Self::working();
        if days.is_empty() { working } else { Self { days, ..working } }
    }

    pub fn of(window: &Window) -> Self {
        Self {
            days: window.days.iter().copied().collect(),
            from: clock(window.from_minute),
            to: clock(window.to_minute),
        }
    }

    /// Whether it ends on the day after the one that it begins on.
    pub fn ends_next_day(&self) -> bool {
        matches!((minute(&self.from), minute(&self.to)), (Some(from), Some(to)) if to < from && to != 0)
    }

    /// One window, or two where it goes over midnight.
    fn windows(&self) -> Result<Vec<Window>, &'static str> {
        if self.days.is_empty() {
            return Err("Choose at least one day.");
        }
        let (Some(from), Some(to)) = (minute(&self.from), minute(&self.to)) else {
            return Err("Give the times from and to.");
        };
        let days = |days: &BTreeSet<Weekday>| days.iter().copied().collect::<Vec<_>>();
        let to = if to == 0 { DAY } else { to };
        if from == to {
            return Err("Give two different times; from 00:00 to 00:00 is the whole day.");
        }
        if from < to {
            return Ok(vec![Window { days: days(&self.days), from_minute: from, to_minute: to }]);
        }
        let next = self.days.iter().map(|day| after(*day)).collect();
        Ok(vec![
            Window { days: days(&self.days), from_minute: from, to_minute: DAY },
            Window { days: days(&next), from_minute: 0, to_minute: to },
        ])
    }
}

/// # Errors
/// Which rows cannot be meant, with what to do.
pub fn windows(hours: &[Hours]) -> Result<Vec<Window>, Vec<(usize, &'static str)>> {
    let (mut windows, mut wrong) = (Vec::new(), Vec::new());
    for (row, hours) in hours.iter().enumerate() {
        match hours.windows() {
            Ok(more) => windows.extend(more),
            Err(text) => wrong.push((row, text)),
        }
    }
    if wrong.is_empty() { Ok(windows) } else { Err(wrong) }
}

/// Whether both hold at the same times, however they are written.
pub fn same(one: &[Window], other: &[Window]) -> bool {
    one.is_empty() == other.is_empty() && minutes(one) == minutes(other)
}

/// Every minute of the week that one of them has.
fn minutes(windows: &[Window]) -> Vec<bool> {
    let mut week = vec![false; 7 * usize::from(DAY)];
    for window in windows {
        for day in &window.days {
            let start = WEEK.iter().position(|known| known == day).unwrap_or_default() * usize::from(DAY);
            let to = window.to_minute.min(DAY);
            for minute in window.from_minute.min(to)..to {
                week[start + usize::from(minute)] = true;
            }
        }
    }
    week
}

fn after(day: Weekday) -> Weekday {
    let at = WEEK.iter().position(|known| *known == day).unwrap_or_default();
    WEEK[(at + 1) % WEEK.len()]
}

/// `09:30`; the end of a day is written as the beginning of the next.
fn clock(minute: u16) -> String {
    let minute = minute % DAY;
    format!("{:02}:{:02}", minute / 60, minute % 60)
}

/// `09:30`, and `09:30:00` as some browsers write it.
fn minute(text: &str) -> Option<u16> {
    let mut parts = text.split(':').map(str::parse::<u16>);
    let (Some(Ok(hour)), Some(Ok(minute))) = (parts.next(), parts.next()) else { return None };
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}
