//! What follows from events: `react(memory, event) -> memory, effects`.
//!
//! A process's memory is a fold of the whole log; only its checkpoint is stored, after what it emitted. After
//! a crash it folds silently up to the checkpoint and emits from there: the ids of what it emits derive from
//! the cause, so emitting twice does nothing. Alarms are folds too: the bus's schedules are only clocks, and
//! [`Process::alarms`] rebuilds any that were lost.

pub mod attempt_refund;
pub mod enforcement;
pub mod provisioning;
pub mod session_deadlines;
pub mod teardown;

use crate::{
    Millis,
    actor::ProcessName,
    command::WireCommand,
    decision::RecordedEvent,
    event::AggregateRef,
    gateway_bus::Order,
    ids::{CorrelationId, GatewayId},
};
use serde::{Deserialize, Serialize};

pub trait Process: Default + Send + 'static {
    const NAME: ProcessName;

    /// Folds one event and says what follows from it. Total and deterministic.
    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect>;

    /// An alarm rang (perhaps early, perhaps twice, perhaps for something long gone).
    fn rang(&mut self, alarm: &Alarm, now: Millis) -> Vec<Effect>;

    /// Every alarm that must be armed now.
    fn alarms(&self) -> Vec<Alarm>;
}

/// What a process asks its shell to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send a command; it never expires unless `not_after` says so.
    Command {
        aggregate: AggregateRef,
        body: WireCommand,
        correlation: CorrelationId,
        not_after: Option<Millis>,
    },
    /// Send an order to a gateway.
    Order {
        gateway: GatewayId,
        order: Order,
        correlation: CorrelationId,
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
