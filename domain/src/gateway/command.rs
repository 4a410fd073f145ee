use super::{Endpoint, Health, Identity};
use crate::ids::{Digest, Incarnation};
use serde::{Deserialize, Serialize};

/// Wire and domain alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Inviting again voids the earlier token, as long as nobody enrolled.
    Invite {
        name: String,
        endpoint: Endpoint,
        secret: Digest,
    },
    /// A second claim of a used token voids the first enrolment's standing: it is refused and recorded.
    Enrol {
        secret: Digest,
        identity: Identity,
    },
    SeeIncarnation {
        incarnation: Incarnation,
    },
    AcceptReport {
        report_n: u64,
    },
    RecordHealth {
        health: Health,
    },
    Drain,
    Retire,
}
