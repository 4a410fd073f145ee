//! Who causes something. Authority is never believed from here: a worker folds it from the log.

use crate::ids::{DeviceId, GatewayId, OperatorId, UserId};
use serde::{Deserialize, Serialize};

/// Which part of the control plane put a command on the bus; each signs with a key of its own and may send
/// only the commands of its row in [`crate::permission::origin_may_send`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Api,
    Process,
    Intake,
}

/// On whose behalf.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// `version` is the operator's aggregate version that the route saw: a role changed since is noticed.
    Operator {
        id: OperatorId,
        version: u64,
    },
    User {
        id: UserId,
    },
    Device {
        id: DeviceId,
    },
    Gateway {
        id: GatewayId,
    },
    Process {
        name: ProcessName,
    },
    /// The machine's own administrator: first start, `viworks operator recover`.
    Machine,
    /// Somebody who has not proven anything yet (a failed sign-in).
    Stranger,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProcessName {
    Provisioning,
    SessionDeadlines,
    Enforcement,
    Teardown,
    AttemptRefund,
}

impl ProcessName {
    pub const ALL: [Self; 5] =
        [Self::Provisioning, Self::SessionDeadlines, Self::Enforcement, Self::Teardown, Self::AttemptRefund];

    /// As a subject token and a durable's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::SessionDeadlines => "session_deadlines",
            Self::Enforcement => "enforcement",
            Self::Teardown => "teardown",
            Self::AttemptRefund => "attempt_refund",
        }
    }
}
