//! Commands on their way: senders sign them and wait for the outcome, workers verify them.

mod receiver;
mod sender;

pub(crate) use receiver::park;
pub use receiver::{Incoming, OriginKeys, ParkError, Receiver};
pub use sender::{CommandSender, SendError, Sent};

use serde::{Deserialize, Serialize};
use viworks_domain::{
    bytes::{self, Malformed},
    decision::Outcome,
    ids::CommandId,
};

/// `"VR", version`.
const PREFIX: [u8; 3] = *b"VR\x01";

/// What a worker tells the sender, once the outcome stands in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub command: CommandId,
    pub answer: Answer,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// `seq` is the decision's place in the log (0 if the id was reused for another body: such a refusal has
    /// no place of its own), `version` the aggregate's after it.
    Decided { outcome: Outcome, seq: u64, version: u64 },
    /// Put aside: made for another log or epoch, not allowed to its origin, or given up.
    Parked,
}

impl Reply {
    fn to_bytes(&self) -> Vec<u8> {
        [PREFIX.as_slice(), &bytes::encode(self)].concat()
    }

    /// Anything else that the server may have been made to write into an inbox is no reply.
    fn from_bytes(received: &[u8]) -> Result<Self, Malformed> {
        bytes::decode(received.strip_prefix(&PREFIX).ok_or(Malformed::Undecodable)?)
    }
}
