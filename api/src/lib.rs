//! What travels over HTTPS between `viworks` and its clients: request and response types, problem details,
//! and (feature `client`) a typed client. Compiles to WASM; knows nothing of the bus or of databases.

pub mod bytes;
pub mod json;
pub mod problem;
pub mod token;

// For operators.
pub mod audit;
pub mod feed;
pub mod gateway;
pub mod operator;
pub mod policy;
pub mod session;
pub mod user;

// For the desktop and the phone.
pub mod desktop;
pub mod device;

#[cfg(feature = "client")]
pub mod client;

use serde::{Deserialize, Serialize};
use viworks_domain::ids::{CommandId, CorrelationId};

/// The header with which a client names its request, so that asking again is the same command.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// The header in which every response names the correlation that the log and the audit know it under.
pub const CORRELATION: &str = "viworks-correlation";

/// A command's fate, as `POST` routes answer it (200) and `GET /v1/commands/{id}` repeats it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub command: CommandId,
    pub correlation: CorrelationId,
    /// The decision's sequence: `GET ...?after=<seq>` sees what this changed.
    pub seq: u64,
}

/// 202: the command is durable but its decision is not known yet. Ask `GET /v1/commands/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    pub command: CommandId,
    pub correlation: CorrelationId,
}

/// What was created, and the decision that did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Created<Id> {
    pub id: Id,
    #[serde(flatten)]
    pub accepted: Accepted,
}

/// A page of rows, with where the log stood when they were read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<Row> {
    /// Nothing here is older than this sequence.
    pub seq: u64,
    pub rows: Vec<Row>,
    /// Give it back as `?cursor=` for the next page.
    pub next: Option<String>,
}

/// One row, with where the log stood when it was read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct At<Row> {
    pub seq: u64,
    pub row: Row,
}

/// `<prefix><base64url of JSON>`: how one-use tokens and QR codes carry their fields.
fn token_text<T: Serialize>(prefix: &str, value: &T) -> String {
    let json = serde_json::to_vec(value).unwrap_or_default();
    format!("{prefix}{}", data_encoding::BASE64URL_NOPAD.encode(&json))
}

fn parse_text<T: serde::de::DeserializeOwned>(prefix: &str, text: &str) -> Result<T, token::InvalidToken> {
    let encoded = text.trim().strip_prefix(prefix).ok_or(token::InvalidToken)?;
    let json = data_encoding::BASE64URL_NOPAD.decode(encoded.as_bytes()).map_err(|_| token::InvalidToken)?;
    serde_json::from_slice(&json).map_err(|_| token::InvalidToken)
}
