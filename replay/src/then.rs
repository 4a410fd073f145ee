//! A moment as rows, with ids called by their names. Pure.

use crate::{
    moment::{Moment, Over, SessionThen},
    names::Names,
};
use serde::Serialize;
use std::{fmt, net::Ipv4Addr};
use viworks_domain::{
    Millis,
    event::AggregateRef,
    gateway::Health,
    ids::{CorrelationId, SessionId},
    policy,
    session::{Absence, EndReason, EndsBecause, Layer, Stage},
    user::{Progress, Step},
};
use viworks_projections::{SessionState, telling};

/// An id with what it was called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Called {
    pub id: String,
    pub name: Option<String>,
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name.as_ref().unwrap_or(&self.id))
    }
}

fn called(names: &Names, of: impl Into<AggregateRef>) -> Called {
    let of = of.into();
    Called { id: of.id_text(), name: names.name(of).map(str::to_owned) }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Receipt {
    pub layer: Layer,
    /// None: not given yet.
    pub absence: Option<Absence>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    pub id: SessionId,
    pub state: SessionState,
    pub correlation: Option<CorrelationId>,
    pub user: Option<Called>,
    pub gateway: Option<Called>,
    pub policy: Option<Called>,
    pub policy_version: Option<u32>,
    /// Inside the tunnel.
    pub address: Option<Ipv4Addr>,
    /// Labels of what it may reach.
    pub resources: Vec<String>,
    pub image: Option<String>,
    pub opened_at: Option<String>,
    pub connected_at: Option<String>,
    pub ends_at: Option<String>,
    pub ends_because: Option<EndsBecause>,
    pub lease_until: Option<String>,
    pub end_reason: Option<EndReason>,
    pub over_at: Option<String>,
    pub receipts: Vec<Receipt>,
    pub bytes_in: Option<u64>,
    pub bytes_out: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepRow {
    pub step: Step,
    pub progress: Progress,
    pub attempt: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UserRow {
    #[serde(flatten)]
    pub user: Called,
    pub state: viworks_domain::user::Status,
    pub steps: Vec<StepRow>,
    pub policies: Vec<Called>,
    pub gateways: Vec<Called>,
    pub devices: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GatewayRow {
    #[serde(flatten)]
    pub gateway: Called,
    pub state: viworks_domain::gateway::Phase,
    pub health: Option<Health>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PolicyRow {
    #[serde(flatten)]
    pub policy: Called,
    pub state: policy::Phase,
    pub version: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Then {
    /// The last decision of the prefix.
    pub seq: u64,
    pub at: String,
    /// Those that were not over.
    pub sessions: Vec<SessionRow>,
    /// How many were.
    pub over: Over,
    pub users: Vec<UserRow>,
    pub gateways: Vec<GatewayRow>,
    pub policies: Vec<PolicyRow>,
}

pub fn everything(moment: &Moment) -> Then {
    let names = &moment.names;
    let users = moment.users.iter().filter_map(|(id, root)| {
        let user = &root.state;
        Some(UserRow {
            user: called(names, *id),
            state: user.status()?,
            steps: user
                .steps
                .iter()
                .map(|(step, s)| StepRow { step: *step, progress: s.progress, attempt: s.attempt })
                .collect(),
            policies: user.policies.iter().map(|id| called(names, *id)).collect(),
            gateways: user.gateways.iter().map(|id| called(names, *id)).collect(),
            devices: user.devices.len(),
        })
    });
    Then {
        seq: moment.seq,
        at: moment.at.to_string(),
        sessions: moment.sessions.keys().filter_map(|id| session(moment, *id)).collect(),
        over: moment.over,
        users: users.collect(),
        gateways: moment
            .gateways
            .iter()
            .map(|(id, root)| GatewayRow {
                gateway: called(names, *id),
                state: root.state.phase,
                health: root.state.health,
            })
            .collect(),
        policies: moment
            .policies
            .iter()
            .map(|(id, root)| PolicyRow {
                policy: called(names, *id),
                state: root.state.phase,
                version: root.state.version,
            })
            .collect(),
    }
}

/// None for a session that did not exist then.
pub fn session(moment: &Moment, id: SessionId) -> Option<SessionRow> {
    let then = moment.sessions.get(&id)?;
    let state = then.state()?;
    let origin = then.root.state.origin.as_ref();
    let admissible = match &then.root.state.stage {
        Stage::Verified(admissible) => Some(admissible),
        _ => None,
    };
    let names = &moment.names;
    let text = |at: Millis| at.to_string();
    Some(SessionRow {
        id,
        state,
        correlation: then.root.correlation,
        user: then.user.map(|id| called(names, id)),
        gateway: origin.map(|o| called(names, o.gateway)),
        policy: then.policy.map(|policy| called(names, policy.id)),
        policy_version: then.policy.map(|policy| policy.version),
        address: then.address,
        resources: then.labels.clone(),
        image: then.image.clone(),
        opened_at: then.opened_at.map(text),
        connected_at: then.connected_at.map(text),
        ends_at: admissible.map(|v| text(v.ends_at)),
        ends_because: admissible.map(|v| v.because),
        lease_until: admissible.and_then(|v| v.lease_until).map(text),
        end_reason: then.end_reason.clone(),
        over_at: then.ended_at.map(text),
        receipts: receipts(then),
        bytes_in: then.traffic.map(|(bytes_in, _)| bytes_in),
        bytes_out: then.traffic.map(|(_, bytes_out)| bytes_out),
    })
}

fn receipts(then: &SessionThen) -> Vec<Receipt> {
    then.receipts.iter().map(|(layer, absence)| Receipt { layer: *layer, absence: *absence }).collect()
}

impl fmt::Display for SessionRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {}  {}", self.id, self.state.as_str())?;
        let mut line = |name: &str, value: Option<String>| match value {
            Some(value) => write!(f, "\n    {name:<12}{value}"),
            None => Ok(()),
        };
        line("user", self.user.as_ref().map(Called::to_string))?;
        line("gateway", self.gateway.as_ref().map(Called::to_string))?;
        let policy = self.policy.as_ref().zip(self.policy_version);
        line("policy", policy.map(|(policy, version)| format!("{policy}, version {version}")))?;
        line("address", self.address.map(|address| address.to_string()))?;
        line("reaches", (!self.resources.is_empty()).then(|| self.resources.join(", ")))?;
        line("image", self.image.clone())?;
        line("opened", self.opened_at.clone())?;
        line("connected", self.connected_at.clone())?;
        line("until", self.ends_at.clone())?;
        line("lease until", self.lease_until.clone())?;
        line("ending", self.end_reason.as_ref().map(telling::end_reason))?;
        let given = self.receipts.iter().filter(|receipt| receipt.absence.is_some()).count();
        let of = self.receipts.len();
        line("receipts", (of > 0).then(|| format!("{given} of {of}")))?;
        line("over", self.over_at.clone())
    }
}

impl fmt::Display for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "as of sequence {}, stamped {}", self.seq, self.at)?;
        for session in &self.sessions {
            writeln!(f, "{session}")?;
        }
        let Over { ended, denied, expired } = self.over;
        writeln!(f, "sessions over: {ended} ended, {denied} denied, {expired} expired")?;
        for row in &self.users {
            let open = row.steps.iter().filter(|step| step.progress != Progress::Done).count();
            let steps = if open == 0 { String::new() } else { format!(", {open} steps not done") };
            writeln!(f, "user {}  {}{steps}", row.user, word(&row.state))?;
        }
        for row in &self.gateways {
            let health = row.health.as_ref().map_or_else(|| "not heard of".to_owned(), word);
            writeln!(f, "gateway {}  {}, {health}", row.gateway, word(&row.state))?;
        }
        for row in &self.policies {
            writeln!(f, "policy {}  {}, version {}", row.policy, word(&row.state), row.version)?;
        }
        Ok(())
    }
}

/// A plain state in the word that JSON has for it.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => "unknown".to_owned(),
    }
}
