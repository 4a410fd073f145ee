//! The control plane's parts as the bus knows them: one identity and one inbox prefix each.

use viworks_domain::actor::Origin;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BusRole {
    /// HTTP routes: send commands, fold aggregates, keep users' data keys, hear telemetry.
    Api,
    /// Decides commands: alone in writing `vw.evt.>`.
    Worker,
    /// Follows events: sends commands, orders to gateways, alarms.
    Process,
    /// Writes the read models; says that there is more.
    Projector,
    /// Signs tree heads.
    Sealer,
    /// Takes in gateways' reports.
    Intake,
    /// Makes the consumer of a gateway that enrols.
    Admission,
    /// Makes the streams and consumers at start. Nobody deletes any.
    Setup,
    /// Auditors: read the log, write nothing.
    Reader,
}

impl BusRole {
    pub const ALL: [Self; 9] = [
        Self::Api,
        Self::Worker,
        Self::Process,
        Self::Projector,
        Self::Sealer,
        Self::Intake,
        Self::Admission,
        Self::Setup,
        Self::Reader,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Worker => "worker",
            Self::Process => "process",
            Self::Projector => "projector",
            Self::Sealer => "sealer",
            Self::Intake => "intake",
            Self::Admission => "admission",
            Self::Setup => "setup",
            Self::Reader => "reader",
        }
    }

    pub const fn of_origin(origin: Origin) -> Self {
        match origin {
            Origin::Api => Self::Api,
            Origin::Process => Self::Process,
            Origin::Intake => Self::Intake,
        }
    }
}
