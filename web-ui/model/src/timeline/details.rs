//! What an entry holds besides its sentence, as screens may show it: findings, labels, reasons. Whatever is not
//! known here is not shown, so that an address or a digest in a document never is.

use crate::format;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use viworks_api::{
    audit::AuditRow,
    user::{StepRow, StepState},
};
use viworks_domain::{
    policy::{CountryRule, Finding, Gate, Standing, Window},
    session::Layer,
    user::{Progress, Step, StepFailure},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// What a policy found.
    Verdict {
        gate: Gate,
        allow: bool,
        findings: Vec<Finding>,
        phone_country: Option<String>,
    },
    /// What one may reach, and what the policy found.
    Resources {
        labels: Vec<String>,
        verdict: Option<Box<Details>>,
    },
    /// Layers whose receipts are missing.
    Missing(Vec<Layer>),
    StepFailed {
        step: Step,
        reason: StepFailure,
    },
    /// A user's steps as they stand now.
    Steps(Vec<StepRow>),
    /// A policy's rules: what it is, and in words.
    Policy(Vec<(&'static str, String)>),
}

/// None where the sentence says it all.
pub fn of(row: &AuditRow) -> Option<Details> {
    let value = &row.details.0;
    match row.kind.as_str() {
        "session.opened" | "session.denied" | "session.posture_recorded" | "session.verified" => {
            verdict(value)
        }
        "session.bootstrap_issued" => {
            let labels = read::<Vec<String>>(value, "resources")?;
            let verdict = value.get("verdict").and_then(verdict).map(Box::new);
            Some(Details::Resources { labels, verdict })
        }
        "session.receipts_overdue" => read(value, "missing").map(Details::Missing),
        "user.step_failed" => {
            Some(Details::StepFailed { step: read(value, "step")?, reason: read(value, "reason")? })
        }
        "user.created" => {
            let steps = read::<Vec<StepNow>>(value, "steps").filter(|steps| !steps.is_empty())?;
            Some(Details::Steps(steps.into_iter().map(StepNow::row).collect()))
        }
        "policy.drafted" | "policy.changed" => policy(value.get("document")?),
        _ => None,
    }
}

/// A step as an entry holds it.
#[derive(Deserialize)]
struct StepNow {
    step: Step,
    progress: Progress,
    attempt: u32,
}

impl StepNow {
    const fn row(self) -> StepRow {
        let state = match self.progress {
            Progress::Pending => StepState::Pending,
            Progress::Done => StepState::Done,
            Progress::Failed(reason) => StepState::Failed { reason },
        };
        StepRow { step: self.step, state, attempt: self.attempt }
    }
}

fn read<T: DeserializeOwned>(value: &Value, name: &str) -> Option<T> {
    T::deserialize(value.get(name)?).ok()
}

fn verdict(value: &Value) -> Option<Details> {
    let findings = read::<Vec<Finding>>(value, "findings")?;
    let phone_country = read::<String>(value, "phone_country");
    let (gate, allow) = (read(value, "gate")?, read(value, "allow")?);
    // Everything in order, and nothing more to say.
    if allow && phone_country.is_none() && findings.iter().all(|f| f.standing == Standing::Holds) {
        return None;
    }
    Some(Details::Verdict { gate, allow, findings, phone_country })
}

/// Of a document, what may be on a screen.
#[derive(Deserialize)]
struct Shown {
    time_zone: String,
    windows: Vec<Window>,
    countries: CountryRule,
    resources: Vec<Label>,
    max_minutes: u32,
    concurrent_sessions: u32,
}

#[derive(Deserialize)]
struct Label {
    label: String,
}

fn policy(document: &Value) -> Option<Details> {
    let shown = Shown::deserialize(document).ok()?;
    let list =
        |texts: Vec<String>, none: &str| if texts.is_empty() { none.to_owned() } else { texts.join(", ") };
    let codes =
        |of: &[viworks_domain::policy::Country]| of.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut rules = vec![
        ("Reaches", list(shown.resources.into_iter().map(|resource| resource.label).collect(), "nothing")),
        ("When", list(shown.windows.iter().map(format::window).collect(), "at any time")),
        ("Time zone", shown.time_zone),
        ("Countries", list(codes(&shown.countries.allow), "every country")),
    ];
    if !shown.countries.deny.is_empty() {
        rules.push(("Not from", codes(&shown.countries.deny).join(", ")));
    }
    rules.push(("Longest session", format::minutes(shown.max_minutes)));
    rules.push(("Sessions at once", shown.concurrent_sessions.to_string()));
    Some(Details::Policy(rules))
}
