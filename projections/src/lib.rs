//! What people see: read models folded from the log into SQLite or PostgreSQL, and the queries on them.
//!
//! A projector writes rows, the changes a live feed reads, and its checkpoint in one transaction; queries only
//! read. Everything here can be dropped and rebuilt from the log, and a rebuilt projection is equal to the one
//! that grew. This crate never sends a command, never touches the bus, never reads a clock, and holds personal
//! values only as long as their user's data key exists.

mod batch;
mod column;
mod compare;
mod database;
mod dump;
mod error;
mod personal;
mod projector;
mod queries;
mod rows;
mod tables;
pub mod telling;
#[cfg(test)]
mod tests;

pub use compare::Frozen;
pub use database::{Checkpoint, Database};
pub use dump::{Difference, Dump};
pub use error::{OpenError, ProjectError, QueryError};
pub use personal::{KeyFault, NoKeys, PersonalReader};
pub use projector::{BATCH, Projector};
pub use queries::{
    AuditFilter, Changed, ChangedRow, Moment, Page, PageRequest, Queries, Row, SessionFilter, UserFilter,
};
pub use rows::{
    AlertKind, AlertRow, AuditRow, Change, DeviceRow, DeviceState, GatewayRow, GatewayState, Notice,
    OperatorRow, OperatorState, PolicyRow, PolicyState, ReceiptRow, SessionRow, SessionState, StepRow, Topic,
    UserRow, UserState,
};
