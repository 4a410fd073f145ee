//! `GET /v1/feed`: the live feed of the console, a WebSocket of binary messages, one postcard frame each.
//!
//! The client speaks first ([`Request::Open`]); whoever says nothing within [`OPEN_WITHIN`] is closed. A window
//! is a question that stays open: the server answers with [`Frame::Snapshot`]s and from then on sends every row
//! that could concern it as it changes. Rows are sent as they are now, never as a difference: taking the same
//! row twice changes nothing, and a resumed feed that sends one row too many has done no harm.
//!
//! Sequences are the log's. Every [`Frame::Delta`] names the one before it; a client that finds another one
//! there than it has, has missed something and opens anew. Nothing on a screen is older than the last `seq`.

use crate::{
    audit::AuditRow,
    gateway::{GatewayRow, GatewayTelemetry},
    operator::Me,
    policy::PolicySummary,
    session::SessionRow,
    user::UserRow,
};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use viworks_domain::{
    Millis,
    aggregate::LogIdentity,
    gateway_bus::Machine,
    ids::{GatewayId, PolicyId, SessionId, UserId},
};

mod query;
#[cfg(test)]
mod tests;

pub use query::{AuditQuery, Query, SessionQuery, UserQuery};

pub const PATH: &str = "/v1/feed";
/// `Sec-WebSocket-Protocol`: a client of another version is refused instead of misread.
pub const SUBPROTOCOL: &str = "viworks.feed.v1";
pub const OPEN_WITHIN: Duration = Duration::from_secs(10);
/// A head comes at least this often, but not while the server reads for this connection or has a long message on
/// the way: without a window that waits for its rows, silence three times as long means that the connection is gone.
pub const HEAD_EVERY: Duration = Duration::from_secs(1);
/// Requests are small; a longer message is not one.
pub const LARGEST_REQUEST: usize = 16 * 1024;
/// Windows of one connection: a view, its panel, a palette and what the shell keeps.
pub const MOST_WINDOWS: usize = 16;
/// Rows that one window may ask to be sent at once.
pub const MOST_ROWS: u32 = 500;

/// Close codes of the application's range (RFC 6455 section 7.4.2).
pub mod close {
    /// The sign-in has ended: sign in again, then open anew.
    pub const SIGNED_OUT: u16 = 4401;
    /// This was not a request of this protocol.
    pub const NOT_UNDERSTOOD: u16 = 4400;
    /// Too many feeds of one operator, or of all of them together.
    pub const TOO_MANY: u16 = 4429;
    /// The server goes down; come back (RFC 6455: "going away").
    pub const GOING_AWAY: u16 = 1001;
}

/// How far a client has seen, and of which log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    pub log: LogIdentity,
    pub seq: u64,
}

/// The client's own number for a window.
pub type WindowId = u32;

/// What the client says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// The first message, and only the first. With `resume`, everything that changed since comes as deltas if the
    /// server still knows it; otherwise every window gets its snapshot again.
    Open {
        resume: Option<Position>,
        windows: Vec<Window>,
    },
    /// A new window, or another question in an open one.
    Watch(Window),
    Unwatch(WindowId),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub id: WindowId,
    pub query: Query,
    /// Rows of the snapshot, [`MOST_ROWS`] at most; what is beyond is paged over HTTP.
    pub limit: u32,
}

/// What the server says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Frame {
    /// The answer to `Open`. `resumed`: no snapshots follow, what the client holds is good from its position on.
    Welcome { me: Me, at: Position, now: Millis, resumed: bool },
    /// A window's rows, replacing all it had.
    Snapshot { window: WindowId, seq: u64, rows: Rows, next: Option<String> },
    /// Everything that changed in `(prev_seq, seq]` and could concern one of the windows.
    Delta { prev_seq: u64, seq: u64, changes: Vec<Change> },
    /// Every second: how far the screens are (`seq`), and how far the log is.
    Head { seq: u64, log_head: u64, now: Millis },
    /// What a gateway says of itself; not in the log, so without a sequence.
    Telemetry { gateway: GatewayId, telemetry: GatewayTelemetry },
    /// The last minutes of a gateway's machine, oldest first: what a sparkline begins with.
    History { gateway: GatewayId, samples: Vec<Sample> },
    /// This client was too slow and has missed changes: snapshots of all its windows follow.
    Resync,
    /// A window that cannot be answered, with a problem's code ([`crate::problem::code`]).
    Refused { window: WindowId, code: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    pub at: Millis,
    pub machine: Machine,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rows {
    Users(Vec<UserRow>),
    Sessions(Vec<SessionRow>),
    Gateways(Vec<GatewayRow>),
    Policies(Vec<PolicySummary>),
    Audit(Vec<AuditRow>),
}

/// A row as it is now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "a row is moved into its place once; a box each would cost more"
)]
pub enum Change {
    User(UserRow),
    Session(SessionRow),
    /// Without telemetry, which comes in frames of its own.
    Gateway(GatewayRow),
    Policy(PolicySummary),
    Audit(AuditRow),
    /// For every client, whatever it watches.
    Notice(Notice),
}

/// What is worth a word wherever one is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    Provisioned { user: UserId, username: Option<String> },
    ProvisioningFailed { user: UserId, username: Option<String> },
    SessionTerminated { session: SessionId, username: Option<String> },
    GatewayDown { gateway: GatewayId, name: String },
    GatewayUp { gateway: GatewayId, name: String },
}

/// What a row is known by within its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RowId {
    User(UserId),
    Session(SessionId),
    Gateway(GatewayId),
    Policy(PolicyId),
    /// Sequence and position within the decision.
    Audit(u64, u32),
}

impl Change {
    /// None for what is no row.
    pub fn row_id(&self) -> Option<RowId> {
        match self {
            Self::User(row) => Some(RowId::User(row.id)),
            Self::Session(row) => Some(RowId::Session(row.id)),
            Self::Gateway(row) => Some(RowId::Gateway(row.id)),
            Self::Policy(row) => Some(RowId::Policy(row.id)),
            Self::Audit(row) => Some(RowId::Audit(row.seq, row.n)),
            Self::Notice(_) => None,
        }
    }
}
