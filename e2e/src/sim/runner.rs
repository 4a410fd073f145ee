//! Process runners: fold the log, emit what follows, store the checkpoint afterwards; and the alarm clocks.

use super::{
    fixtures::LOG,
    log::Entry,
    world::{Event, World},
};
use std::collections::BTreeMap;
use viworks_domain::{
    Millis,
    actor::ProcessName,
    process::{
        Alarm, AlarmKind, Cause, Effect, Process, attempt_refund::AttemptRefund, enforcement::Enforcement,
        gateway_command, provisioning::Provisioning, session_deadlines::SessionDeadlines, teardown::Teardown,
    },
};

/// How often lost alarms are looked for.
const SWEEP: u64 = 30_000;

trait AnyProcess {
    fn name(&self) -> ProcessName;
    fn fold(&mut self, entry: &Entry) -> Vec<Effect>;
    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect>;
    fn alarms(&self) -> Vec<Alarm>;
    fn forget(&mut self);
}

impl<P: Process> AnyProcess for P {
    fn name(&self) -> ProcessName {
        P::NAME
    }
    fn fold(&mut self, entry: &Entry) -> Vec<Effect> {
        entry.events().flat_map(|event| self.react(&event)).collect()
    }
    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect> {
        Process::rang(self, alarm, now)
    }
    fn alarms(&self) -> Vec<Alarm> {
        Process::alarms(self)
    }
    fn forget(&mut self) {
        *self = P::default();
    }
}

pub(super) struct Runner {
    process: Box<dyn AnyProcess>,
    /// Decisions folded.
    cursor: usize,
    /// Stored: decisions whose effects have all been emitted.
    checkpoint: usize,
    pub down: bool,
    polled: bool,
    /// The bus's schedules: one per subject.
    clocks: BTreeMap<([u8; 16], AlarmKind), Alarm>,
}

impl Runner {
    fn new(process: impl Process) -> Self {
        Self {
            process: Box::new(process),
            cursor: 0,
            checkpoint: 0,
            down: false,
            polled: false,
            clocks: BTreeMap::new(),
        }
    }

    pub fn crash(&mut self) {
        self.process.forget();
        self.cursor = 0;
        self.down = true;
    }

    /// As if the stream of schedules had been deleted.
    pub fn lose_clocks(&mut self) {
        self.clocks.clear();
    }
}

pub(super) fn all() -> Vec<Runner> {
    vec![
        Runner::new(Provisioning::default()),
        Runner::new(SessionDeadlines::default()),
        Runner::new(Enforcement::default()),
        Runner::new(Teardown::default()),
        Runner::new(AttemptRefund::default()),
    ]
}

impl World {
    /// There is more in the log.
    pub(super) fn wake_runners(&mut self) {
        for index in 0..self.runners.len() {
            if !self.runners[index].polled {
                self.runners[index].polled = true;
                let delay = self.rng.between(1, 15);
                self.after(delay, Event::Poll { runner: index });
            }
        }
    }

    pub(super) fn poll(&mut self, index: usize) {
        self.runners[index].polled = false;
        if self.rules.silent == Some(self.runners[index].process.name()) {
            return;
        }
        while !self.runners[index].down && self.runners[index].cursor < self.log.entries.len() {
            let cursor = self.runners[index].cursor;
            let entry = &self.log.entries[cursor];
            let seq = entry.recorded.seq;
            let effects = self.runners[index].process.fold(entry);
            self.runners[index].cursor = cursor + 1;
            if cursor < self.runners[index].checkpoint {
                continue;
            }
            if self.emit(index, &Cause::Decision(seq), effects) {
                self.runners[index].checkpoint = cursor + 1;
            }
        }
    }

    /// Whether all of it went out before a crash.
    fn emit(&mut self, index: usize, cause: &Cause, effects: Vec<Effect>) -> bool {
        let name = self.runners[index].process.name();
        let mut n = 0;
        for effect in effects {
            if self.faulty(3) {
                self.crash_runner(index);
                return false;
            }
            match effect {
                Effect::Command { aggregate, body, correlation, not_after } => {
                    let now = Millis(self.now);
                    let command = cause.command(name, n, aggregate, body, correlation, not_after, LOG, now);
                    n += 1;
                    self.publish(command);
                }
                Effect::Order { gateway, order, cause_seq, index, .. } => {
                    let command = gateway_command(gateway, order, cause_seq, index, LOG, Millis(self.now));
                    self.send_order(command);
                }
                Effect::Arm(alarm) => self.arm(index, alarm),
                Effect::Disarm { instance, kind } => {
                    self.runners[index].clocks.remove(&(instance, kind));
                }
            }
        }
        if self.faulty(3) {
            self.crash_runner(index);
            return false;
        }
        true
    }

    fn arm(&mut self, index: usize, alarm: Alarm) {
        self.runners[index].clocks.insert((alarm.instance, alarm.kind), alarm);
        let late = self.rng.between(0, 40);
        self.at(alarm.at.0.saturating_add(late), Event::Ring { runner: index, alarm });
        if self.faulty(50) {
            let early = self.rng.between(0, alarm.at.0.saturating_sub(self.now));
            self.after(early, Event::Ring { runner: index, alarm });
        }
    }

    pub(super) fn ring(&mut self, index: usize, alarm: Alarm) {
        let armed = self.runners[index].clocks.get(&(alarm.instance, alarm.kind));
        if armed != Some(&alarm) {
            return;
        }
        if self.runners[index].down {
            self.after(1_000, Event::Ring { runner: index, alarm });
            return;
        }
        let now = Millis(self.now);
        let effects = self.runners[index].process.rang(&alarm, now);
        if effects.is_empty() {
            self.runners[index].clocks.remove(&(alarm.instance, alarm.kind));
        }
        self.emit(index, &Cause::Alarm(alarm), effects);
    }

    /// Alarms that the fold wants and no clock has.
    pub(super) fn sweep(&mut self, index: usize) {
        if !self.rules.alarms_are_swept {
            return;
        }
        self.after(SWEEP, Event::Sweep { runner: index });
        let caught_up = self.runners[index].cursor == self.log.entries.len();
        if self.runners[index].down || !caught_up {
            return;
        }
        for alarm in self.runners[index].process.alarms() {
            let clock = self.runners[index].clocks.get(&(alarm.instance, alarm.kind));
            // A ring that was lost while it was on its way counts as no clock at all.
            if clock.is_none_or(|clock| clock.at.0 + 1_000 < self.now || *clock != alarm) {
                self.arm(index, alarm);
            }
        }
    }

    pub(super) fn crash_runner(&mut self, index: usize) {
        self.runners[index].crash();
        let delay = self.rng.between(200, 20_000);
        self.after(delay, Event::StartRunner { runner: index });
    }

    pub(super) fn start_runner(&mut self, index: usize) {
        self.runners[index].down = false;
        if !self.runners[index].polled {
            self.runners[index].polled = true;
            self.after(1, Event::Poll { runner: index });
        }
    }
}
