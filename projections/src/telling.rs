//! An event in one sentence, and what an auditor may want to know besides. Never personal data, addresses,
//! digests or secrets: these sentences are listed, exported and mailed.

use crate::column::word;
use serde_json::{Value, json};
use viworks_domain::{
    device, directory,
    event::AnyEvent,
    gateway, operator, policy,
    policy::{Document, Resource, Standing, Verdict},
    session::{self, EndReason},
    user::{self, Step},
};

pub fn summary(event: &AnyEvent) -> String {
    match event {
        AnyEvent::Directory(e) => of_directory(e),
        AnyEvent::User(e) => of_user(e),
        AnyEvent::Device(e) => of_device(e),
        AnyEvent::Policy(e) => of_policy(e),
        AnyEvent::Gateway(e) => of_gateway(e),
        AnyEvent::Session(e) => of_session(e),
        AnyEvent::Operator(e) => of_operator(e),
    }
}

/// `Value::Null` where the sentence says it all.
pub fn details(event: &AnyEvent) -> Value {
    use session::Event as S;
    match event {
        AnyEvent::Session(S::Opened(e)) => verdict(&e.verdict),
        AnyEvent::Session(S::Denied(e)) => verdict(&e.verdict),
        AnyEvent::Session(S::PostureRecorded(e)) => verdict(&e.verdict),
        AnyEvent::Session(S::Verified(e)) => verdict(&e.verdict),
        AnyEvent::Session(S::BootstrapIssued(e)) => {
            json!({ "resources": e.labels, "image": e.image, "verdict": verdict(&e.verdict) })
        }
        AnyEvent::Session(S::Ending(e)) => json!({ "reason": e.reason }),
        AnyEvent::Session(S::ReceiptsOverdue(e)) => json!({ "missing": e.missing }),
        AnyEvent::Session(S::TrafficCounted(e)) => {
            json!({ "bytes_in": e.bytes_in, "bytes_out": e.bytes_out })
        }
        AnyEvent::User(user::Event::StepFailed(e)) => json!({ "step": e.step, "reason": e.reason }),
        AnyEvent::Policy(policy::Event::Drafted(e)) => json!({ "document": document(&e.document) }),
        AnyEvent::Policy(policy::Event::Changed(e)) => json!({ "document": document(&e.document) }),
        _ => Value::Null,
    }
}

/// What a policy says, and of its resources what they are called: where they stand is for whoever manages policies.
fn document(document: &Document) -> Value {
    // Exhaustive: what a document has, is told or left out here.
    let Document {
        name,
        time_zone,
        windows,
        not_after,
        countries,
        posture,
        resources,
        image,
        max_minutes,
        lease_seconds,
        concurrent_sessions,
    } = document;
    let label = |Resource { label, address: _, port: _, protocol: _ }: &Resource| json!({ "label": label });
    json!({
        "name": name,
        "time_zone": time_zone,
        "windows": windows,
        "not_after": not_after,
        "countries": countries,
        "posture": posture,
        "resources": resources.iter().map(label).collect::<Vec<_>>(),
        "image": image,
        "max_minutes": max_minutes,
        "lease_seconds": lease_seconds,
        "concurrent_sessions": concurrent_sessions,
    })
}

/// Every finding that is not simply in order, and what the phone said of its country.
fn verdict(verdict: &Verdict) -> Value {
    let findings = verdict
        .findings
        .iter()
        .filter(|f| matches!(f.standing, Standing::Violated | Standing::Noted))
        .collect::<Vec<_>>();
    let country = verdict.facts.posture.as_ref().and_then(|p| p.network_country);
    json!({ "gate": verdict.gate, "allow": verdict.allow, "findings": findings, "phone_country": country })
}

fn of_directory(event: &directory::Event) -> String {
    match event {
        directory::Event::Claimed(_) => "the name was entered in the directory".into(),
        directory::Event::Released(_) => "the name was taken out of the directory".into(),
        directory::Event::ClaimRefused(_) => "the name is another user's".into(),
    }
}

fn of_user(event: &user::Event) -> String {
    use user::Event as E;
    match event {
        E::Created(_) => "user created".into(),
        E::StepFinished(e) => format!("{} done", step(e.step)),
        E::StepFailed(e) => format!("{} failed: {}", step(e.step), word(&e.reason)),
        E::StepRetried(e) => format!("{} is tried again", step(e.step)),
        E::PasswordSet(_) => "password set".into(),
        E::PoliciesAssigned(_) => "policies assigned".into(),
        E::GatewaysAssigned(_) => "gateways assigned".into(),
        E::DeviceAdded(_) => "phone added".into(),
        E::LoginFailed(_) => "wrong password".into(),
        E::LoginSucceeded(_) => "right password".into(),
        E::AttemptReserved(_) => "an answer was announced".into(),
        E::AttemptRefunded(_) => "the answer's attempt was given back".into(),
        E::Suspended(_) => "user suspended".into(),
        E::Resumed(_) => "user resumed".into(),
        E::DeletionRequested(_) => "user is being deleted".into(),
        E::Deleted(_) => "user deleted".into(),
        E::Erased(_) => "user's personal data erased".into(),
    }
}

/// `directory`, `vpn` or `panel`.
pub const fn step(step: Step) -> &'static str {
    match step {
        Step::Directory => "directory",
        Step::Vpn { .. } => "vpn",
        Step::Panel { .. } => "panel",
    }
}

fn of_device(event: &device::Event) -> String {
    match event {
        device::Event::Offered(_) => "phone enrolment offered".into(),
        device::Event::Enrolled(e) => format!("phone enrolled, keys in {}", word(&e.keys.protection)),
        device::Event::PostureSeen(_) => "phone reported".into(),
        device::Event::Revoked(_) => "phone revoked".into(),
    }
}

fn of_policy(event: &policy::Event) -> String {
    match event {
        policy::Event::Drafted(e) => format!("policy {} drafted", e.document.name),
        policy::Event::Changed(e) => {
            format!("policy {} changed to version {}", e.document.name, e.version)
        }
        policy::Event::Activated(e) => format!("policy version {} activated", e.version),
        policy::Event::Retired(_) => "policy retired".into(),
    }
}

fn of_gateway(event: &gateway::Event) -> String {
    use gateway::Event as E;
    match event {
        E::Invited(e) => format!("gateway {} invited", e.name),
        E::Enrolled(_) => "gateway enrolled".into(),
        E::IncarnationSeen(_) => "gateway started".into(),
        E::ReportAccepted(e) => format!("reports taken in up to {}", e.report_n),
        E::HealthChanged(e) => format!("gateway is {}", word(&e.health)),
        E::Draining(_) => "gateway is draining".into(),
        E::Retired(_) => "gateway retired".into(),
    }
}

fn of_session(event: &session::Event) -> String {
    use session::Event as E;
    match event {
        E::Opened(_) => "session opened, waiting for the phone".into(),
        E::Denied(e) => format!("denied by policy at the {} gate", word(&e.verdict.gate)),
        E::PostureRecorded(e) if e.verdict.allow => "phone's report allowed".into(),
        E::PostureRecorded(_) => "phone's report not allowed".into(),
        E::CodeIssued(_) => "code issued to the phone".into(),
        E::CodeExpired(_) => "code expired".into(),
        E::AnswerRefused(e) => format!("wrong code, {} left", e.left),
        E::Verified(e) => format!("verified, until {} ({})", e.ends_at, word(&e.because)),
        E::BootstrapIssued(e) if e.voids.is_some() => "bootstrap issued, voiding the one before".into(),
        E::BootstrapIssued(_) => "bootstrap issued".into(),
        E::Admitted(_) => "gateway ready to admit".into(),
        E::AdmissionRefused(e) => format!("gateway refused to admit: {}", word(&e.reason)),
        E::BootstrapExpired(_) => "bootstrap expired unused".into(),
        E::BootstrapConsumed(_) => "bootstrap used, TLS stands".into(),
        E::LayerChanged(e) => format!("{} {}", word(&e.layer), if e.up { "up" } else { "down" }),
        E::Connected(_) => "connected".into(),
        E::LeaseRenewed(e) => format!("lease renewed until {}", e.lease_until),
        E::EndMoved(e) => format!("end moved closer, to {} ({})", e.ends_at, word(&e.because)),
        E::Ending(e) => format!("ending: {}", end_reason(&e.reason)),
        E::ReceiptRecorded(e) => format!("{} {}", word(&e.layer), word(&e.absence).replace('_', " ")),
        E::ReceiptsOverdue(e) => {
            format!("receipts overdue: {}", e.missing.iter().map(word).collect::<Vec<_>>().join(", "))
        }
        E::TrafficCounted(e) => format!("{} bytes in, {} bytes out", e.bytes_in, e.bytes_out),
        E::Ended(_) => "ended, every receipt in".into(),
        E::Expired(_) => "expired".into(),
    }
}

pub fn end_reason(reason: &EndReason) -> String {
    match reason {
        EndReason::Terminated { note } => format!("terminated by administrator: {note}"),
        EndReason::SignedOut => "signed out".into(),
        EndReason::WindowClosed => "the policy's window closed".into(),
        EndReason::MaximumLength => "the maximum length is over".into(),
        EndReason::LeaseLost => "the lease was not renewed".into(),
        EndReason::PolicyChanged => "the policy no longer allows it".into(),
        EndReason::UserNotActive => "the user is not active".into(),
        EndReason::TooManyWrongAnswers => "too many wrong answers".into(),
        EndReason::DeniedOnPhone => "denied on the phone".into(),
        EndReason::EpochRaised => "the log was restored".into(),
        EndReason::SignedInAgain => "signed in again on the same desktop".into(),
    }
}

fn of_operator(event: &operator::Event) -> String {
    use operator::Event as E;
    match event {
        E::Invited(e) => format!("operator {} invited as {}", e.name, word(&e.role)),
        E::PasswordSet(_) => "operator's password set".into(),
        E::RoleChanged(e) => format!("operator's role changed to {}", word(&e.role)),
        E::SignedIn(_) => "operator signed in".into(),
        E::SignInFailed(_) => "operator's sign-in failed".into(),
        E::SignedOut(_) => "operator signed out".into(),
        E::Disabled(_) => "operator disabled".into(),
    }
}
