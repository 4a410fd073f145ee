//! Rows as queries give them.

use serde::{Deserialize, Serialize};
use std::net::Ipv4Addr;
use viworks_domain::{
    Millis,
    actor::Actor,
    gateway::Health,
    ids::{CorrelationId, DeviceId, GatewayId, OperatorId, PolicyId, SessionId, UserId},
    permission::Role,
    policy::{Document, KeyProtection, Verdict},
    session::{Absence, EndReason, EndsBecause, Layer},
    user::{Progress, Step},
};

/// Plain states with the words that stand in the tables.
macro_rules! states {
    ($($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $variant:ident = $text:literal),+ $(,)? })+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$note])* $variant),+ }

        impl $name {
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }
        }

        impl std::str::FromStr for $name {
            type Err = ();
            fn from_str(text: &str) -> Result<Self, ()> {
                match text { $($text => Ok(Self::$variant),)+ _ => Err(()) }
            }
        }
    )+};
}

states! {
    UserState {
        Provisioning = "provisioning",
        Active = "active",
        Suspended = "suspended",
        Deleting = "deleting",
        Deleted = "deleted",
        Erased = "erased",
    }
    DeviceState { Offered = "offered", Enrolled = "enrolled", Revoked = "revoked" }
    PolicyState { Draft = "draft", Active = "active", Retired = "retired" }
    GatewayState { Invited = "invited", Enrolled = "enrolled", Draining = "draining", Retired = "retired" }
    OperatorState { Invited = "invited", Active = "active", Disabled = "disabled" }
    SessionState {
        Challenged = "challenged",
        CodeIssued = "code_issued",
        Verified = "verified",
        /// A bootstrap is out; the tunnel is not up yet.
        Connecting = "connecting",
        Connected = "connected",
        Ending = "ending",
        Ended = "ended",
        Denied = "denied",
        Expired = "expired",
    }
    AlertKind {
        /// A layer has not promised its absence in time.
        ReceiptsOverdue = "receipts_overdue",
        GatewayDown = "gateway_down",
        StepFailed = "step_failed",
        /// A user has spent a day's answers.
        AttemptsSpent = "attempts_spent",
        /// Somebody used a phone's or a gateway's one-use token a second time.
        TokenUsedTwice = "token_used_twice",
    }
    /// What a change is about; its row id is an id of that kind.
    Topic {
        /// With their steps and phones.
        Users = "users",
        Policies = "policies",
        Gateways = "gateways",
        Sessions = "sessions",
        Operators = "operators",
        Alerts = "alerts",
        /// `<seq>.<n>`.
        Audit = "audit",
        /// No row: something worth a word, as [`Notice`] writes itself.
        Notices = "notices",
        /// A user whose personal values are gone, from every row that had them.
        Erasures = "erasures",
    }
}

impl SessionState {
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Ended | Self::Denied | Self::Expired)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepRow {
    pub step: Step,
    pub progress: Progress,
    pub attempt: u32,
    pub changed_at: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceRow {
    pub id: DeviceId,
    pub user: UserId,
    pub state: DeviceState,
    pub protection: Option<KeyProtection>,
    pub enrolled_at: Option<Millis>,
    pub reported_at: Option<Millis>,
    /// What a policy found in its last report, rule by rule.
    pub verdict: Option<Verdict>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserRow {
    pub id: UserId,
    /// Absent once erased.
    pub username: Option<String>,
    pub state: UserState,
    pub steps: Vec<StepRow>,
    pub policies: Vec<PolicyId>,
    pub gateways: Vec<GatewayId>,
    pub devices: Vec<DeviceRow>,
    pub created_at: Millis,
    pub last_login_at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    pub id: PolicyId,
    pub version: u32,
    pub state: PolicyState,
    pub document: Document,
    pub changed_at: Millis,
}

/// Its address and ports are not here: no screen shows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GatewayRow {
    pub id: GatewayId,
    pub name: String,
    pub state: GatewayState,
    pub health: Option<Health>,
    pub enrolled_at: Option<Millis>,
    /// The agent's last start.
    pub started_at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptRow {
    pub layer: Layer,
    pub absence: Option<Absence>,
    pub at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    pub id: SessionId,
    pub correlation: CorrelationId,
    pub user: UserId,
    pub username: Option<String>,
    /// Absent when denied at the login gate.
    pub gateway: Option<GatewayId>,
    pub gateway_name: Option<String>,
    pub policy: PolicyId,
    pub policy_version: u32,
    pub state: SessionState,
    /// Inside the tunnel.
    pub address: Option<Ipv4Addr>,
    /// Labels of what it may reach.
    pub resources: Vec<String>,
    pub opened_at: Millis,
    pub connected_at: Option<Millis>,
    pub ends_at: Option<Millis>,
    pub ends_because: Option<EndsBecause>,
    pub end_reason: Option<EndReason>,
    pub ended_at: Option<Millis>,
    pub receipts: Vec<ReceiptRow>,
    pub receipts_overdue: bool,
    /// The last one, with every finding: for admins, never for the person.
    pub verdict: Option<Verdict>,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OperatorRow {
    pub id: OperatorId,
    pub name: String,
    pub role: Role,
    pub state: OperatorState,
    pub signed_in_at: Option<Millis>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    pub seq: u64,
    /// Position within the decision, from 0.
    pub n: u32,
    pub at: Millis,
    pub correlation: CorrelationId,
    pub actor: Actor,
    /// The actor's name, of an operator alone.
    pub operator: Option<String>,
    /// `<aggregate>.<past tense>`, or `command.refused` / `command.expired`.
    pub kind: String,
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    /// Shown inside a composite row, not in a list of everything.
    pub part: bool,
    /// One sentence, without personal data, addresses or secrets.
    pub summary: String,
    /// Findings and the like. Of the composite `user.created`: its steps as they stand now.
    pub details: serde_json::Value,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AlertRow {
    pub kind: AlertKind,
    /// The id of what it is about.
    pub subject: String,
    pub raised_at: Millis,
    pub resolved_at: Option<Millis>,
    pub summary: String,
}

/// A row that is not what it was, or something worth a word: for the live feed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    pub seq: u64,
    pub topic: Topic,
    pub row_id: String,
}

/// Worth a word to whoever is looking, whatever they look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Notice {
    /// Every step is done, for the first time.
    Provisioned(UserId),
    ProvisioningFailed(UserId),
    /// Ended because somebody wanted it, and every layer has promised its absence.
    Terminated(SessionId),
    GatewayDown(GatewayId),
    /// After it was down, or for the first time.
    GatewayUp(GatewayId),
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Provisioned(id) => write!(f, "provisioned:{id}"),
            Self::ProvisioningFailed(id) => write!(f, "provisioning_failed:{id}"),
            Self::Terminated(id) => write!(f, "terminated:{id}"),
            Self::GatewayDown(id) => write!(f, "gateway_down:{id}"),
            Self::GatewayUp(id) => write!(f, "gateway_up:{id}"),
        }
    }
}

impl std::str::FromStr for Notice {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (kind, id) = text.split_once(':').ok_or(())?;
        match kind {
            "provisioned" => id.parse().map(Self::Provisioned).map_err(drop),
            "provisioning_failed" => id.parse().map(Self::ProvisioningFailed).map_err(drop),
            "terminated" => id.parse().map(Self::Terminated).map_err(drop),
            "gateway_down" => id.parse().map(Self::GatewayDown).map_err(drop),
            "gateway_up" => id.parse().map(Self::GatewayUp).map_err(drop),
            _ => Err(()),
        }
    }
}
