//! What is said in passing and goes by itself, and how much of it is kept.

use crate::words::Tone;
use std::time::Duration;

const STAYS: Duration = Duration::from_secs(8);
/// What is bad waits for somebody who has looked away.
const BAD_STAYS: Duration = Duration::from_secs(20);
/// Nobody reads more, and a pointer that rests on them would keep them for days.
const MOST: usize = 50;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toast {
    pub id: u64,
    pub tone: Tone,
    pub text: String,
    pub to: Option<To>,
    left: Duration,
}

/// Where there is more about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct To {
    pub title: &'static str,
    pub address: String,
}

/// Oldest first.
#[derive(Debug, Default)]
pub struct Toasts {
    all: Vec<Toast>,
    last: u64,
}

impl Toasts {
    pub fn add(&mut self, tone: Tone, text: String, to: Option<To>) {
        self.last += 1;
        let left = if tone == Tone::Bad { BAD_STAYS } else { STAYS };
        self.all.push(Toast { id: self.last, tone, text, to, left });
        if self.all.len() > MOST {
            self.all.remove(0);
        }
    }

    /// So much time has passed while nobody kept them. Whether one has gone.
    pub fn pass(&mut self, time: Duration) -> bool {
        let before = self.all.len();
        self.all.retain_mut(|toast| {
            toast.left = toast.left.saturating_sub(time);
            !toast.left.is_zero()
        });
        self.all.len() != before
    }

    pub fn remove(&mut self, id: u64) {
        self.all.retain(|toast| toast.id != id);
    }

    pub fn clear(&mut self) {
        self.all.clear();
    }

    pub fn all(&self) -> &[Toast] {
        &self.all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(toasts: &Toasts) -> Vec<u64> {
        toasts.all().iter().map(|toast| toast.id).collect()
    }

    #[test]
    fn a_toast_goes_when_its_time_is_over_however_seldom_the_clock_is_read() {
        let mut toasts = Toasts::default();
        toasts.add(Tone::Good, "created".into(), None);
        assert!(!toasts.pass(STAYS / 2));
        toasts.add(Tone::Bad, "failed".into(), None);
        toasts.add(Tone::Good, "created".into(), None);
        assert!(toasts.pass(STAYS / 2));
        assert_eq!(ids(&toasts), [2, 3]);
        // A hidden page's timers are woken once a minute.
        assert!(toasts.pass(Duration::from_secs(60)));
        assert!(toasts.all().is_empty());
    }

    #[test]
    fn of_more_toasts_than_anybody_reads_the_newest_are_kept() {
        let mut toasts = Toasts::default();
        (0..MOST + 2).for_each(|_| toasts.add(Tone::Good, "created".into(), None));
        assert_eq!(toasts.all().len(), MOST);
        assert_eq!(ids(&toasts).first(), Some(&3));
        toasts.remove(3);
        assert_eq!(ids(&toasts).first(), Some(&4));
        toasts.clear();
        assert!(toasts.all().is_empty());
    }
}
