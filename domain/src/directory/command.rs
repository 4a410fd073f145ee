use crate::ids::UserId;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Claiming one's own name again changes nothing and succeeds: the step may be retried.
    Claim {
        user: UserId,
    },
    Release {
        user: UserId,
    },
}
