//! One of each command, as the command bus and `VW_PARKED` hold it.

use super::{Golden, events as e};
use crate::{
    Millis,
    actor::{Actor, Origin},
    command::{Command, WireCommand},
    device, directory, gateway,
    gateway_bus::AdmitRefusal,
    ids::{CommandId, CorrelationId, LogId, OperatorId},
    operator,
    permission::Role,
    policy,
    session::{self, Absence, Admission, Bootstrap, DeadlineKind, EndReason, Layer, WireCommand as S},
    user::{self, Step, StepFailure},
};
use std::net::Ipv4Addr;

pub fn all() -> Vec<Golden> {
    let mut all = bodies()
        .into_iter()
        .map(|(name, body)| Golden::of(format!("commands/{name}"), body))
        .collect::<Vec<_>>();
    all.push(Golden::of(
        "commands/command",
        Command {
            id: CommandId([1; 16]),
            digest: e::digest(2),
            log_id: LogId([3; 16]),
            epoch: 1,
            origin: Origin::Api,
            actor: Actor::Operator { id: OperatorId([4; 16]), version: 7 },
            correlation: CorrelationId([5; 16]),
            causation: Some(6),
            issued_at: e::AT,
            expires_at: Millis(e::AT.0 + 30_000),
            aggregate: e::USER.into(),
            body: WireCommand::User(user::Command::Suspend),
        },
    ));
    all
}

pub fn bodies() -> Vec<(&'static str, WireCommand)> {
    let mut all = vec![];
    all.extend(people());
    all.extend(places());
    all.extend(sessions().into_iter().map(|(name, c)| (name, WireCommand::Session(c))));
    all
}

fn people() -> Vec<(&'static str, WireCommand)> {
    use WireCommand::{Device, Directory, Operator, User};
    vec![
        ("directory.claim", Directory(directory::Command::Claim { user: e::USER })),
        ("directory.release", Directory(directory::Command::Release { user: e::USER })),
        (
            "user.create",
            User(user::Command::Create {
                name: e::NAME,
                profile: e::profile(),
                password: e::password(),
                policies: vec![e::POLICY.id],
                gateways: vec![e::GATEWAY],
            }),
        ),
        (
            "user.record_step",
            User(user::Command::RecordStep {
                step: Step::Panel { gateway: e::GATEWAY },
                attempt: 2,
                result: Err(StepFailure::ScriptTooLoud),
            }),
        ),
        (
            "user.record_step_done",
            User(user::Command::RecordStep { step: e::VPN, attempt: 1, result: Ok(()) }),
        ),
        ("user.retry_step", User(user::Command::RetryStep { step: e::VPN })),
        ("user.set_password", User(user::Command::SetPassword { password: e::password() })),
        ("user.assign_policies", User(user::Command::AssignPolicies { policies: vec![e::POLICY.id] })),
        ("user.assign_gateways", User(user::Command::AssignGateways { gateways: vec![e::GATEWAY] })),
        ("user.add_device", User(user::Command::AddDevice { device: e::DEVICE })),
        ("user.record_failed_login", User(user::Command::RecordFailedLogin { source: e::digest(1) })),
        (
            "user.record_login",
            User(user::Command::RecordLogin { session: e::SESSION, credential_version: 3 }),
        ),
        (
            "user.reserve_attempt",
            User(user::Command::ReserveAttempt { attempt: e::ATTEMPT, session: e::SESSION, code: e::CODE }),
        ),
        ("user.refund_attempt", User(user::Command::RefundAttempt { attempt: e::ATTEMPT })),
        ("user.suspend", User(user::Command::Suspend)),
        ("user.resume", User(user::Command::Resume)),
        ("user.delete", User(user::Command::Delete)),
        ("user.erase", User(user::Command::Erase)),
        (
            "device.offer",
            Device(device::Command::Offer { user: e::USER, offer: e::OFFER, secret: e::digest(1) }),
        ),
        (
            "device.enrol",
            Device(device::Command::Enrol {
                offer: e::OFFER,
                secret: e::digest(1),
                keys: e::keys(),
                signature: vec![6; 64],
                token: e::digest(2),
            }),
        ),
        (
            "device.see_posture",
            Device(device::Command::SeePosture { session: e::SESSION, reported_at: e::AT }),
        ),
        ("device.revoke", Device(device::Command::Revoke)),
        ("operator.invite", Operator(operator::Command::Invite { name: "eve".into(), role: Role::Viewer })),
        ("operator.set_password", Operator(operator::Command::SetPassword { password: e::password() })),
        ("operator.change_role", Operator(operator::Command::ChangeRole { role: Role::Owner })),
        (
            "operator.sign_in",
            Operator(operator::Command::SignIn { credential_version: 1, token: e::digest(2) }),
        ),
        (
            "operator.record_failed_sign_in",
            Operator(operator::Command::RecordFailedSignIn { source: e::digest(3) }),
        ),
        ("operator.sign_out", Operator(operator::Command::SignOut { token: e::digest(2) })),
        ("operator.disable", Operator(operator::Command::Disable)),
    ]
}

fn places() -> Vec<(&'static str, WireCommand)> {
    use WireCommand::{Gateway, Policy};
    vec![
        ("policy.draft", Policy(policy::Command::Draft { document: e::document() })),
        ("policy.change", Policy(policy::Command::Change { document: e::document() })),
        ("policy.activate", Policy(policy::Command::Activate)),
        ("policy.retire", Policy(policy::Command::Retire)),
        (
            "gateway.invite",
            Gateway(gateway::Command::Invite {
                name: "gw1".into(),
                endpoint: e::endpoint(),
                secret: e::digest(1),
            }),
        ),
        ("gateway.enrol", Gateway(gateway::Command::Enrol { secret: e::digest(1), identity: e::identity() })),
        (
            "gateway.see_incarnation",
            Gateway(gateway::Command::SeeIncarnation { incarnation: e::INCARNATION }),
        ),
        ("gateway.accept_report", Gateway(gateway::Command::AcceptReport { report_n: 70_000 })),
        ("gateway.record_health", Gateway(gateway::Command::RecordHealth { health: gateway::Health::Down })),
        ("gateway.drain", Gateway(gateway::Command::Drain)),
        ("gateway.retire", Gateway(gateway::Command::Retire)),
    ]
}

fn sessions() -> Vec<(&'static str, session::WireCommand)> {
    vec![
        (
            "session.open",
            S::Open {
                user: e::USER,
                credential_version: 3,
                desktop: e::desktop(),
                token: e::digest(1),
                whereabouts: e::whereabouts(),
                address: e::digest(2),
            },
        ),
        (
            "session.record_posture",
            S::RecordPosture {
                device: e::DEVICE,
                report: crate::bytes::encode(&e::posture()),
                signature: vec![7; 64],
            },
        ),
        ("session.issue_code", S::IssueCode { device: e::DEVICE }),
        ("session.answer", S::Answer { code: e::CODE, mac: e::digest(3), attempt: e::ATTEMPT }),
        (
            "session.issue_bootstrap",
            S::IssueBootstrap(Bootstrap {
                bootstrap: e::BOOTSTRAP,
                sealed: e::sealed(),
                certificate: e::digest(4),
                session_key: e::digest(5),
                address: e::digest(6),
                use_before: e::AT,
            }),
        ),
        (
            "session.record_admitted",
            S::RecordAdmitted(Admission {
                bootstrap: e::BOOTSTRAP,
                gateway: e::GATEWAY,
                address: Ipv4Addr::new(10, 8, 0, 10),
                incarnation: e::INCARNATION,
            }),
        ),
        (
            "session.record_admission_refused",
            S::RecordAdmissionRefused {
                bootstrap: e::BOOTSTRAP,
                gateway: e::GATEWAY,
                reason: AdmitRefusal::NoAddressLeft,
            },
        ),
        ("session.record_consumed", S::RecordConsumed { bootstrap: e::BOOTSTRAP, gateway: e::GATEWAY }),
        ("session.record_layer", S::RecordLayer { layer: Layer::Tls, up: false, gateway: e::GATEWAY }),
        ("session.record_traffic", S::RecordTraffic { bytes_in: 1, bytes_out: 1 << 33, gateway: e::GATEWAY }),
        ("session.record_local_end", S::RecordLocalEnd { reason: EndReason::LeaseLost, gateway: e::GATEWAY }),
        ("session.deadline", S::Deadline { kind: DeadlineKind::Receipts, generation: 300 }),
        ("session.request_end", S::RequestEnd { reason: EndReason::Terminated { note: "enough".into() } }),
        (
            "session.record_receipt",
            S::RecordReceipt {
                end: e::END,
                layer: Layer::Container,
                absence: Absence::Gone,
                gateway: e::GATEWAY,
                incarnation: e::INCARNATION,
            },
        ),
    ]
}
