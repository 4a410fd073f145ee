//! What follows from events: `react(memory, event) -> memory, effects`.
//!
//! A process's memory is a fold of the whole log; only its checkpoint is stored, after what it emitted. After
//! a crash it folds silently up to the checkpoint and emits from there: the ids of what it emits derive from
//! the cause, so emitting twice does nothing. Alarms are folds too: the bus's schedules are only clocks, and
//! [`Process::alarms`] rebuilds any that were lost.
//!
//! A shell drives a process with [`react_all`] and [`Process::rang`], and names what it emits with
//! [`Cause::command`] and [`gateway_command`].

mod alarms;
pub mod attempt_refund;
pub mod enforcement;
pub mod provisioning;
pub mod session_deadlines;
#[cfg(test)]
mod story;
pub mod teardown;

pub use alarms::{Alarms, Rang};

use crate::{
    Millis,
    actor::{Actor, Origin, ProcessName},
    aggregate::LogIdentity,
    command::{Command, WireCommand},
    decision::{Recorded, RecordedEvent},
    event::{AggregateRef, Unreadable},
    gateway_bus::{GatewayCommand, Order},
    ids::{CommandId, CorrelationId, GatewayId},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A command without an expiry of its own outlives any outage that somebody will come and mend.
pub const COMMAND_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

pub trait Process: Default + Send + 'static {
    const NAME: ProcessName;

    /// Folds one event and says what follows from it. Total and deterministic.
    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect>;

    /// An alarm rang (perhaps early, perhaps twice, perhaps for something long gone).
    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect>;

    /// Every alarm that must be armed now.
    fn alarms(&self) -> Vec<Alarm>;
}

/// Folds one decision; the effects in order. [`Cause::command`] counts the commands among them.
pub fn react_all<P: Process>(process: &mut P, recorded: &Recorded) -> Result<Vec<Effect>, Unreadable> {
    Ok(recorded.events()?.iter().flat_map(|event| process.react(event)).collect())
}

/// What a process asks its shell to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a command; it lives for [`COMMAND_LIFETIME`] unless `not_after` says otherwise.
    Command {
        aggregate: AggregateRef,
        body: WireCommand,
        correlation: CorrelationId,
        not_after: Option<Millis>,
    },
    /// Send an order to a gateway. `(cause_seq, index)` numbers it: repeated, it has the same number.
    Order {
        gateway: GatewayId,
        order: Order,
        correlation: CorrelationId,
        /// The decision that this order carries out, also when something else repeats it.
        cause_seq: u64,
        /// Below 16; tells the orders of one decision to one gateway apart.
        index: u8,
    },
    Arm(Alarm),
    Disarm {
        instance: [u8; 16],
        kind: AlarmKind,
    },
}

/// One alarm clock. `(process, instance, kind)` has at most one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Alarm {
    pub instance: [u8; 16],
    pub kind: AlarmKind,
    pub at: Millis,
    /// The sequence of the decision that armed it: with `attempt` it names what follows from its ringing.
    pub generation: u64,
    /// From 1. A ringing that changed nothing yet is followed by the next attempt.
    pub attempt: u32,
}

/// Subject token and stored byte; append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    Challenge,
    Code,
    Bootstrap,
    Lease,
    End,
    Receipts,
    /// A provisioning step that got no answer.
    Step,
}

impl AlarmKind {
    pub const ALL: [Self; 7] =
        [Self::Challenge, Self::Code, Self::Bootstrap, Self::Lease, Self::End, Self::Receipts, Self::Step];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::Code => "code",
            Self::Bootstrap => "bootstrap",
            Self::Lease => "lease",
            Self::End => "end",
            Self::Receipts => "receipts",
            Self::Step => "step",
        }
    }
}

/// What an effect follows from; its commands are named after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A decision, by its sequence.
    Decision(u64),
    Alarm(Alarm),
}

impl Cause {
    pub const fn seq(&self) -> u64 {
        match self {
            Self::Decision(seq) => *seq,
            Self::Alarm(alarm) => alarm.generation,
        }
    }

    /// The id of the command at position `n` among the commands of this cause. Alarms are not counted: whether
    /// one is armed anew depends on what rang since the start.
    pub fn command_id(&self, process: ProcessName, n: u32) -> CommandId {
        match self {
            Self::Decision(seq) => CommandId::of_consequence(process.as_str(), *seq, n, 0),
            Self::Alarm(a) => CommandId::of_alarm(process.as_str(), a, n),
        }
    }

    /// The whole command for [`Effect::Command`] at position `n`; the shell signs and sends it.
    #[expect(clippy::too_many_arguments, reason = "the fields of one effect, and its place")]
    pub fn command(
        &self,
        process: ProcessName,
        n: u32,
        aggregate: AggregateRef,
        body: WireCommand,
        correlation: CorrelationId,
        not_after: Option<Millis>,
        log: LogIdentity,
        now: Millis,
    ) -> Command {
        Command {
            id: self.command_id(process, n),
            digest: body.digest(&aggregate),
            log_id: log.log_id,
            epoch: log.epoch,
            origin: Origin::Process,
            actor: Actor::Process { name: process },
            correlation,
            causation: Some(self.seq()),
            issued_at: now,
            expires_at: not_after.unwrap_or(now.plus(COMMAND_LIFETIME)),
            aggregate,
            body,
        }
    }
}

/// The order of [`Effect::Order`] as the gateway receives it.
pub fn gateway_command(
    recipient: GatewayId,
    order: Order,
    cause_seq: u64,
    index: u8,
    log: LogIdentity,
    now: Millis,
) -> GatewayCommand {
    GatewayCommand {
        log_id: log.log_id,
        epoch: log.epoch,
        recipient,
        n: cause_seq * 16 + u64::from(index % 16),
        cause_seq,
        issued_at: now,
        order,
    }
}
