//! `VW_EVENTS`: decisions in order, appended only where the writer knew the last one of the aggregate.

use std::{collections::BTreeMap, rc::Rc};
use viworks_domain::{
    Aggregate, Root,
    aggregate::CannotFold,
    decision::{Decision, Outcome, Recorded, RecordedEvent},
    device::Device,
    directory::Directory,
    event::{AggregateKind, AggregateRef, AnyEvent},
    gateway::Gateway,
    ids::{CommandId, DeviceId, GatewayId, PolicyId, SessionId, UserId},
    policy::Policy,
    session::Session,
    user::User,
};

/// An aggregate's fold, whichever it is of.
#[derive(Clone, Debug)]
#[expect(clippy::large_enum_variant, reason = "always behind an Rc")]
pub(super) enum AnyRoot {
    Directory(Root<Directory>),
    User(Root<User>),
    Device(Root<Device>),
    Policy(Root<Policy>),
    Gateway(Root<Gateway>),
    Session(Root<Session>),
}

/// The same expression for whichever root it is.
macro_rules! each_root {
    ($any:expr, $root:ident => $do:expr) => {
        match $any {
            $crate::sim::log::AnyRoot::Directory($root) => $do,
            $crate::sim::log::AnyRoot::User($root) => $do,
            $crate::sim::log::AnyRoot::Device($root) => $do,
            $crate::sim::log::AnyRoot::Policy($root) => $do,
            $crate::sim::log::AnyRoot::Gateway($root) => $do,
            $crate::sim::log::AnyRoot::Session($root) => $do,
        }
    };
}
pub(super) use each_root;

impl AnyRoot {
    /// Operators are not simulated.
    pub fn absent(kind: AggregateKind) -> Self {
        match kind {
            AggregateKind::Directory => Self::Directory(Root::default()),
            AggregateKind::User => Self::User(Root::default()),
            AggregateKind::Device => Self::Device(Root::default()),
            AggregateKind::Policy => Self::Policy(Root::default()),
            AggregateKind::Gateway => Self::Gateway(Root::default()),
            AggregateKind::Session | AggregateKind::Operator => Self::Session(Root::default()),
        }
    }

    pub fn last_seq(&self) -> u64 {
        each_root!(self, root => root.last_seq)
    }

    pub fn apply(&mut self, seq: u64, decision: &Decision) -> Result<(), CannotFold> {
        each_root!(self, root => root.apply(seq, decision))
    }
}

/// The writer's last sequence is not the aggregate's.
#[derive(Debug)]
pub(super) struct Conflict;

#[derive(Default)]
pub(super) struct Log {
    pub entries: Vec<Entry>,
    heads: BTreeMap<AggregateRef, Rc<AnyRoot>>,
    outcomes: BTreeMap<(AggregateRef, CommandId), Outcome>,
}

macro_rules! heads {
    ($($name:ident: $id:ident => $variant:ident $aggregate:ty),+ $(,)?) => {$(
        pub fn $name(&self, id: $id) -> Option<&Root<$aggregate>> {
            match self.heads.get(&id.into()).map(AsRef::as_ref) {
                Some(AnyRoot::$variant(root)) => Some(root),
                _ => None,
            }
        }
    )+};
}

impl Log {
    heads! {
        user: UserId => User User,
        device: DeviceId => Device Device,
        policy: PolicyId => Policy Policy,
        gateway: GatewayId => Gateway Gateway,
        session: SessionId => Session Session,
    }

    pub fn users(&self) -> impl Iterator<Item = (UserId, &Root<User>)> {
        self.heads.iter().filter_map(|(at, root)| match root.as_ref() {
            AnyRoot::User(root) => Some((UserId(at.id), root)),
            _ => None,
        })
    }

    pub fn sessions(&self) -> impl Iterator<Item = (SessionId, &Root<Session>)> {
        self.heads.iter().filter_map(|(at, root)| match root.as_ref() {
            AnyRoot::Session(root) => Some((SessionId(at.id), root)),
            _ => None,
        })
    }

    pub fn head(&self, aggregate: AggregateRef) -> Rc<AnyRoot> {
        self.heads.get(&aggregate).cloned().unwrap_or_else(|| AnyRoot::absent(aggregate.kind).into())
    }

    pub fn outcome(&self, aggregate: AggregateRef, command: CommandId) -> Option<&Outcome> {
        self.outcomes.get(&(aggregate, command))
    }

    /// Stored as the bus stores it, in bytes.
    pub fn append(&mut self, expected: Option<u64>, decision: &Decision) -> Result<u64, Conflict> {
        let aggregate = decision.aggregate;
        let head = self.heads.entry(aggregate).or_insert_with(|| AnyRoot::absent(aggregate.kind).into());
        if expected.is_some_and(|expected| expected != head.last_seq()) {
            return Err(Conflict);
        }
        let seq = self.entries.len() as u64 + 1;
        let mut decision = Decision::from_bytes(&decision.to_bytes()).map_err(|_| Conflict)?;
        if expected.is_none() {
            // A store without optimistic concurrency takes what it is given.
            decision.base_version = each_root!(head.as_ref(), root => root.version);
        }
        Rc::make_mut(head).apply(seq, &decision).map_err(|_| Conflict)?;
        self.outcomes.insert((aggregate, decision.command_id), decision.outcome.clone());
        let recorded = Recorded { seq, decision };
        let events = recorded.events().map_err(|_| Conflict)?.into_iter().map(|event| event.event).collect();
        self.entries.push(Entry { recorded, events });
        Ok(seq)
    }

    pub fn last(&self) -> Option<&Entry> {
        self.entries.last()
    }
}

/// A decision with its events read: once, for all who fold it.
pub(super) struct Entry {
    pub recorded: Recorded,
    events: Vec<AnyEvent>,
}

impl Entry {
    pub fn events(&self) -> impl Iterator<Item = RecordedEvent<'_>> {
        let decision = &self.recorded.decision;
        (0u32..).zip(&self.events).map(move |(n, event)| RecordedEvent {
            seq: self.recorded.seq,
            n,
            version: decision.base_version + u64::from(n) + 1,
            decision,
            event: event.clone(),
        })
    }
}

pub(super) fn state_of<A: Aggregate>(root: Option<&Root<A>>) -> A {
    root.map(|root| root.state.clone()).unwrap_or_default()
}
