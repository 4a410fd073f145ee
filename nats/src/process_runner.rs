//! Runs a process: folds the log, emits what follows, keeps the alarms, writes the checkpoint.
//!
//! The checkpoint is written after what was emitted, so a crash between the two emits again: ids and numbers
//! derive from the cause, and doing it twice does nothing. Alarms are rebuilt from the fold; the schedules on
//! the bus are only clocks, and losing them all loses nothing.

mod alarm_clock;
mod emit;

pub use alarm_clock::AlarmError;

use crate::{
    Clock,
    bus::Bus,
    command_bus::CommandSender,
    event_store::{self, EventStore, ReadError},
    gateway_bus::orders::OrderSender,
    key_value::{Checkpoint, Checkpoints, KeyValueError},
    pull::Closed,
};
use alarm_clock::{AlarmClock, Heard};
use emit::Emitter;
use std::{future::Future, time::Duration};
use tokio::time::MissedTickBehavior;
use viworks_domain::{
    Millis,
    aggregate::LogIdentity,
    decision::Recorded,
    event::AnyEvent,
    gateway,
    ids::{GatewayId, LogId},
    process::{Cause, Process},
};

/// How often the fold is asked which alarms are overdue. The bus's schedules ring on time; this is for those
/// it lost.
const SWEEP: Duration = Duration::from_millis(1000);
/// An alarm that the bus has not rung by then is rung here.
const GRACE: Duration = Duration::from_millis(1000);
/// How often the schedules on the bus are compared with the fold, in sweeps.
const SWEEPS_PER_COMPARISON: u32 = 15;
/// Decisions from which nothing followed move the checkpoint only now and then.
const QUIET_DECISIONS: u64 = 256;

/// What a process works with, all on the connection of the role `Process`.
#[derive(Clone)]
pub struct ProcessRunner {
    pub bus: Bus,
    pub store: EventStore,
    pub commands: CommandSender,
    pub orders: OrderSender,
    pub log: LogIdentity,
    pub clock: Clock,
}

#[derive(Debug, thiserror::Error)]
pub enum RunnerStopped {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Checkpoint(#[from] KeyValueError),
    #[error(transparent)]
    Closed(#[from] Closed),
    #[error("the checkpoint is of log {0}, not of this one")]
    OtherLog(LogId),
}

impl ProcessRunner {
    /// Until `shutdown`, or until the log cannot be read.
    pub async fn run<P: Process>(
        self,
        shutdown: impl Future<Output = ()> + Send,
    ) -> Result<(), RunnerStopped> {
        let checkpoints = Checkpoints::open(&self.bus).await?;
        let done = match checkpoints.get(P::NAME).await? {
            None => 0,
            Some(checkpoint) if checkpoint.log.log_id == self.log.log_id => checkpoint.seq,
            Some(checkpoint) => return Err(RunnerStopped::OtherLog(checkpoint.log.log_id)),
        };
        let head = self.store.last_sequence().await?;
        // A restored log may be behind the checkpoint.
        let done = done.min(head);
        let alarm_clock = AlarmClock::open(self.bus.clone(), P::NAME).await?;
        let mut running = Running::<P> {
            process: P::default(),
            emitter: Emitter::new(&self, P::NAME, alarm_clock.setter()),
            clock: self.clock,
            checkpoints,
            log: self.log,
            done,
            written: done,
        };
        let mut reader = self.store.read_from(1).await?;
        tokio::pin!(shutdown);
        while reader.expected() <= head {
            tokio::select! {
                biased;
                () = &mut shutdown => return Ok(()),
                recorded = reader.next() => running.take(&recorded?).await?,
            }
        }
        running.write_checkpoint().await;
        tracing::info!(process = P::NAME.as_str(), seq = head, "caught up");
        running.follow(reader, alarm_clock, shutdown).await
    }
}

struct Running<P> {
    process: P,
    emitter: Emitter,
    clock: Clock,
    checkpoints: Checkpoints,
    log: LogIdentity,
    /// Everything up to here has been emitted.
    done: u64,
    /// What the stored checkpoint says.
    written: u64,
}

impl<P: Process> Running<P> {
    async fn follow(
        mut self,
        mut reader: crate::event_store::Reader,
        mut alarm_clock: AlarmClock,
        mut shutdown: std::pin::Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> Result<(), RunnerStopped> {
        let mut sweeps = tokio::time::interval(SWEEP);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut sweep, mut compare) = (0u32, true);
        loop {
            tokio::select! {
                biased;
                () = &mut shutdown => {
                    self.write_checkpoint().await;
                    return Ok(());
                }
                recorded = reader.next() => self.take(&recorded?).await?,
                heard = alarm_clock.next() => match heard? {
                    Heard::Rang(alarm, delivery) => {
                        if let Some(alarm) = alarm {
                            let now = (self.clock)();
                            let effects = self.process.rang(&alarm, now);
                            self.emitter.emit(Cause::Alarm(alarm), effects, now).await;
                        }
                        // Rung again otherwise, which changes nothing.
                        if let Err(error) = delivery.ack().await {
                            tracing::debug!(%error, "a ringing was not acknowledged");
                        }
                    }
                    Heard::Nothing => compare = true,
                },
                _ = sweeps.tick() => {
                    compare |= sweep.is_multiple_of(SWEEPS_PER_COMPARISON);
                    compare &= !self.sweep(&alarm_clock, compare).await;
                    sweep = sweep.wrapping_add(1);
                    self.write_checkpoint().await;
                }
            }
        }
    }

    /// Folds one decision; emits what follows unless that was done before.
    async fn take(&mut self, recorded: &Recorded) -> Result<(), ReadError> {
        let seq = recorded.seq;
        let events = event_store::events(recorded)?;
        let mut effects = Vec::new();
        for event in &events {
            if let AnyEvent::Gateway(gateway::Event::Enrolled(enrolled)) = &event.event {
                let gateway = GatewayId(recorded.decision.aggregate.id);
                self.emitter.enrolled(gateway, enrolled.identity.account.clone());
            }
            effects.extend(self.process.react(event));
        }
        if seq <= self.done {
            return Ok(());
        }
        let quiet = effects.is_empty();
        self.emitter.emit(Cause::Decision(seq), effects, (self.clock)()).await;
        self.done = seq;
        if !quiet || self.done - self.written >= QUIET_DECISIONS {
            self.write_checkpoint().await;
        }
        Ok(())
    }

    /// Rings what is overdue; now and then arms what the bus has lost. Whether they were compared.
    async fn sweep(&mut self, alarm_clock: &AlarmClock, compare: bool) -> bool {
        let now: Millis = (self.clock)();
        let (overdue, ahead): (Vec<_>, Vec<_>) =
            self.process.alarms().into_iter().partition(|alarm| alarm.at.plus(GRACE) <= now);
        for alarm in overdue {
            let effects = self.process.rang(&alarm, now);
            self.emitter.emit(Cause::Alarm(alarm), effects, now).await;
        }
        if !compare || ahead.is_empty() {
            return compare;
        }
        let armed = match alarm_clock.armed().await {
            Ok(armed) => armed,
            Err(error) => {
                // They are rung from here when they are due.
                tracing::warn!(%error, "the armed alarms cannot be listed");
                return false;
            }
        };
        let lost: Vec<_> = ahead.into_iter().filter(|a| !armed.contains(&(a.instance, a.kind))).collect();
        if !lost.is_empty() {
            tracing::info!(count = lost.len(), "setting alarms that the bus does not have");
            self.emitter.arm_quickly(lost).await;
        }
        true
    }

    /// A checkpoint that was not written costs emitting again, nothing else.
    async fn write_checkpoint(&mut self) {
        if self.written == self.done {
            return;
        }
        let checkpoint = Checkpoint { log: self.log, seq: self.done };
        match self.checkpoints.put(P::NAME, checkpoint).await {
            Ok(()) => self.written = self.done,
            Err(error) => tracing::warn!(process = P::NAME.as_str(), %error, "checkpoint"),
        }
    }
}
