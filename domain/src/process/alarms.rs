//! A process's alarm clocks: at most one per instance and kind, rebuilt by folding.

use super::{Alarm, AlarmKind, Effect};
use crate::Millis;
use std::{collections::BTreeMap, time::Duration};

/// After a ringing that must be followed by an event: how long to wait before asking again. Doubles up to
/// [`LONGEST_WAIT`].
const FIRST_WAIT: Duration = Duration::from_secs(2);
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub struct Alarms(BTreeMap<([u8; 16], AlarmKind), Alarm>);

/// What a ringing means to the fold.
#[derive(Debug, PartialEq, Eq)]
pub enum Rang {
    /// Nobody waits for it any more.
    Gone,
    /// The clock was ahead, or the deadline has moved: armed once more.
    Early(Effect),
    /// It is time; armed for the next attempt, should nothing come of this one.
    Due(Alarm, Effect),
}

impl Alarms {
    /// Sets the one alarm of this instance and kind; nothing follows when it stands like this already.
    pub fn set(&mut self, instance: [u8; 16], kind: AlarmKind, at: Millis, seq: u64) -> Option<Effect> {
        let alarm = Alarm { instance, kind, at, generation: seq, attempt: 1 };
        let before = self.0.insert((instance, kind), alarm);
        (before != Some(alarm)).then_some(Effect::Arm(alarm))
    }

    pub fn clear(&mut self, instance: [u8; 16], kind: AlarmKind) -> Option<Effect> {
        self.0.remove(&(instance, kind)).map(|_| Effect::Disarm { instance, kind })
    }

    pub fn clear_all(&mut self, instance: [u8; 16]) -> Vec<Effect> {
        AlarmKind::ALL.into_iter().filter_map(|kind| self.clear(instance, kind)).collect()
    }

    pub fn get(&self, instance: [u8; 16], kind: AlarmKind) -> Option<&Alarm> {
        self.0.get(&(instance, kind))
    }

    /// What the fold says counts: the alarm that rang only tells which one to look at.
    pub fn rang(&mut self, rung: &Alarm, now: Millis) -> Rang {
        let Some(alarm) = self.0.get_mut(&(rung.instance, rung.kind)) else { return Rang::Gone };
        if now < alarm.at {
            return Rang::Early(Effect::Arm(*alarm));
        }
        let due = *alarm;
        alarm.at = now.plus(wait_after(due.attempt));
        alarm.attempt = due.attempt.saturating_add(1);
        Rang::Due(due, Effect::Arm(*alarm))
    }

    pub fn all(&self) -> Vec<Alarm> {
        self.0.values().copied().collect()
    }
}

fn wait_after(attempt: u32) -> Duration {
    FIRST_WAIT.saturating_mul(1 << attempt.saturating_sub(1).min(5)).min(LONGEST_WAIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSTANCE: [u8; 16] = [1; 16];

    fn armed() -> (Alarms, Alarm) {
        let mut alarms = Alarms::default();
        alarms.set(INSTANCE, AlarmKind::Code, Millis(1_000), 7).expect("new");
        let alarm = *alarms.get(INSTANCE, AlarmKind::Code).expect("armed");
        (alarms, alarm)
    }

    #[test]
    fn an_early_ring_arms_the_same_alarm_again() {
        let (mut alarms, alarm) = armed();
        assert_eq!(alarms.rang(&alarm, Millis(999)), Rang::Early(Effect::Arm(alarm)));
    }

    #[test]
    fn a_due_ring_names_its_attempt_and_arms_the_next_a_little_later() {
        let (mut alarms, alarm) = armed();
        let next = Alarm { at: Millis(3_000), attempt: 2, ..alarm };
        assert_eq!(alarms.rang(&alarm, Millis(1_000)), Rang::Due(alarm, Effect::Arm(next)));
        assert_eq!(alarms.all(), vec![next]);
    }

    #[test]
    fn a_ring_for_a_cleared_alarm_is_nothing() {
        let (mut alarms, alarm) = armed();
        alarms.clear_all(INSTANCE);
        assert_eq!(alarms.rang(&alarm, Millis(5_000)), Rang::Gone);
    }

    #[test]
    fn waiting_grows_to_a_minute_and_no_further() {
        assert_eq!(wait_after(1), Duration::from_secs(2));
        assert_eq!(wait_after(6), LONGEST_WAIT);
        assert_eq!(wait_after(u32::MAX), LONGEST_WAIT);
    }
}
