use super::{Endpoint, Health, Identity};
use crate::{
    Millis,
    event::events,
    ids::{Digest, Incarnation},
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    pub name: String,
    pub endpoint: Endpoint,
    /// SHA-256 of the one-use enrolment secret.
    pub secret: Digest,
    pub expires_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    pub identity: Identity,
}

/// The agent has started: widening commands made for an earlier incarnation are void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncarnationSeen {
    pub incarnation: Incarnation,
}

/// The highest report number taken in, at checkpoints: a report with a lower one is a repetition, a gap is a
/// finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportAccepted {
    pub report_n: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthChanged {
    pub health: Health,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draining {}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {}

events! {
    /// What happens to a gateway.
    Event of Gateway {
        1 v 1 "gateway.invited" => Invited,
        2 v 1 "gateway.enrolled" => Enrolled,
        3 v 1 "gateway.incarnation_seen" => IncarnationSeen,
        4 v 1 "gateway.report_accepted" => ReportAccepted,
        5 v 1 "gateway.health_changed" => HealthChanged,
        6 v 1 "gateway.draining" => Draining,
        7 v 1 "gateway.retired" => Retired,
    }
}
