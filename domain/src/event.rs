//! How events are stored: `(type, version, bytes)`, the type a number that is never reused.
//!
//! Enums are append-only. Changing an event means a new version beside a frozen module under `history/` and
//! a typed upcaster; an unknown type or version stops the reader, it is never skipped.

use crate::{device, directory, gateway, operator, policy, session, user};
use serde::{Deserialize, Serialize};
use std::fmt;

/// The kinds of aggregate, as subject tokens and in the stored bytes. Append-only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AggregateKind {
    Directory,
    User,
    Device,
    Policy,
    Gateway,
    Session,
    Operator,
}

impl AggregateKind {
    pub const ALL: [Self; 7] = [
        Self::Directory,
        Self::User,
        Self::Device,
        Self::Policy,
        Self::Gateway,
        Self::Session,
        Self::Operator,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "directory",
            Self::User => "user",
            Self::Device => "device",
            Self::Policy => "policy",
            Self::Gateway => "gateway",
            Self::Session => "session",
            Self::Operator => "operator",
        }
    }
}

/// One aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AggregateRef {
    pub kind: AggregateKind,
    pub id: [u8; 16],
}

macro_rules! aggregate_refs {
    ($($id:ident => $kind:ident),+ $(,)?) => {$(
        impl From<crate::ids::$id> for AggregateRef {
            fn from(id: crate::ids::$id) -> Self { Self { kind: AggregateKind::$kind, id: id.0 } }
        }
    )+};
}

aggregate_refs! {
    NameId => Directory, UserId => User, DeviceId => Device, PolicyId => Policy,
    GatewayId => Gateway, SessionId => Session, OperatorId => Operator,
}

impl AggregateRef {
    /// The id as people and subjects see it.
    pub fn id_text(&self) -> String {
        crate::ids::SessionId(self.id).to_string()
    }
}

impl fmt::Display for AggregateRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.kind.as_str(), self.id_text())
    }
}

/// One event as the log holds it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEvent {
    pub kind: u16,
    pub version: u8,
    pub bytes: Vec<u8>,
}

/// The reader met something that this build cannot read; it must stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("{} event {kind} version {version} is not known to this build", .aggregate.as_str())]
    UnknownVersion { aggregate: AggregateKind, kind: u16, version: u8 },
    #[error("{} event {kind} version {version} does not decode", .aggregate.as_str())]
    Corrupt { aggregate: AggregateKind, kind: u16, version: u8 },
}

/// A typed event of one aggregate.
pub trait Event: Clone + PartialEq + fmt::Debug + Send + Sync + 'static {
    const AGGREGATE: AggregateKind;
    /// Every `(type, version)` ever written, with its name: what the golden bytes must cover.
    const WRITTEN: &'static [(u16, u8, &'static str)];

    /// `<aggregate>.<past tense>`, for people.
    fn name(&self) -> &'static str;
    fn store(&self) -> StoredEvent;
    fn load(stored: &StoredEvent) -> Result<Self, Unreadable>;
}

/// Declares an aggregate's event enum with its stored types and versions.
macro_rules! events {
    ($(#[$doc:meta])* $name:ident of $kind:ident { $($code:literal v $version:literal $text:literal => $variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($variant($variant)),+ }

        impl $crate::event::Event for $name {
            const AGGREGATE: $crate::event::AggregateKind = $crate::event::AggregateKind::$kind;
            const WRITTEN: &'static [(u16, u8, &'static str)] = &[$(($code, $version, $text)),+];

            fn name(&self) -> &'static str {
                match self { $(Self::$variant(_) => $text),+ }
            }

            fn store(&self) -> $crate::event::StoredEvent {
                match self {
                    $(Self::$variant(event) => $crate::event::StoredEvent {
                        kind: $code,
                        version: $version,
                        bytes: $crate::bytes::encode(event),
                    }),+
                }
            }

            fn load(stored: &$crate::event::StoredEvent) -> Result<Self, $crate::event::Unreadable> {
                let (aggregate, kind, version) = (Self::AGGREGATE, stored.kind, stored.version);
                match (kind, version) {
                    $(($code, $version) => $crate::bytes::decode(&stored.bytes)
                        .map(Self::$variant)
                        .map_err(|_| $crate::event::Unreadable::Corrupt { aggregate, kind, version }),)+
                    _ => Err($crate::event::Unreadable::UnknownVersion { aggregate, kind, version }),
                }
            }
        }

        $(impl From<$variant> for $name {
            fn from(event: $variant) -> Self { Self::$variant(event) }
        })+
    };
}
pub(crate) use events;

macro_rules! any_event {
    ($($variant:ident($module:ident)),+ $(,)?) => {
        /// An event of any aggregate: what processes and projections fold.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum AnyEvent { $($variant($module::Event)),+ }

        impl AnyEvent {
            pub fn load(aggregate: AggregateKind, stored: &StoredEvent) -> Result<Self, Unreadable> {
                match aggregate {
                    $(AggregateKind::$variant => $module::Event::load(stored).map(Self::$variant)),+
                }
            }

            pub fn name(&self) -> &'static str {
                match self { $(Self::$variant(event) => event.name()),+ }
            }
        }

        $(impl From<$module::Event> for AnyEvent {
            fn from(event: $module::Event) -> Self { Self::$variant(event) }
        })+
    };
}

any_event! {
    Directory(directory), User(user), Device(device), Policy(policy),
    Gateway(gateway), Session(session), Operator(operator),
}
