//! One of each event, with every field filled.

use super::Golden;
use crate::{
    Millis, device, directory, gateway,
    gateway_bus::AdmitRefusal,
    ids::{
        AttemptId, BootstrapId, CodeId, DeviceId, Digest, EndId, GatewayId, Incarnation, NameId, OfferId,
        PolicyId, SessionId, UserId,
    },
    operator,
    permission::Role,
    personal::{DataKey, Personal, Profile, Whereabouts},
    policy::{
        self, Country, CountryRule, Document, Facts, Gate, Grant, KeyProtection, PolicyRef, PostureRule,
        PostureValues, Protocol, Resource, Verdict, Weekday, Window, evaluate,
    },
    seal::SealedBox,
    session::{self, Absence, DesktopIdentity, EndReason, EndsBecause, Layer},
    user::{self, PasswordHash, Step, StepFailure},
};
use std::net::Ipv4Addr;

pub const USER: UserId = UserId([1; 16]);
pub const GATEWAY: GatewayId = GatewayId([2; 16]);
pub const DEVICE: DeviceId = DeviceId([3; 16]);
pub const SESSION: SessionId = SessionId([4; 16]);
pub const BOOTSTRAP: BootstrapId = BootstrapId([5; 16]);
pub const CODE: CodeId = CodeId([6; 16]);
pub const ATTEMPT: AttemptId = AttemptId([7; 16]);
pub const END: EndId = EndId([8; 16]);
pub const POLICY: PolicyRef = PolicyRef { id: PolicyId([9; 16]), version: 300 };
pub const INCARNATION: Incarnation = Incarnation([10; 16]);
pub const NAME: NameId = NameId([11; 16]);
pub const OFFER: OfferId = OfferId([12; 16]);
/// 2026-03-02T00:30:00Z.
pub const AT: Millis = Millis(1_772_411_400_000);
pub const VPN: Step = Step::Vpn { gateway: GATEWAY };

pub fn digest(n: u8) -> Digest {
    Digest([n; 32])
}

pub fn sealed() -> SealedBox {
    SealedBox { enc: vec![4; 65], ciphertext: vec![5; 22] }
}

pub fn profile() -> Personal<Profile> {
    Personal::seal(&Profile { username: "ada".into() }, USER, &DataKey([1; 32]), [2; 24])
}

pub fn password() -> Personal<PasswordHash> {
    Personal::seal(&PasswordHash("$argon2id$".into()), USER, &DataKey([1; 32]), [3; 24])
}

pub fn whereabouts() -> Personal<Whereabouts> {
    let seen = Whereabouts { address: Ipv4Addr::LOCALHOST.into(), desktop_name: "desk".into() };
    Personal::seal(&seen, USER, &DataKey([1; 32]), [4; 24])
}

pub fn keys() -> device::DeviceKeys {
    device::DeviceKeys { sign: vec![4; 65], agree: vec![5; 65], protection: KeyProtection::Hardware }
}

pub fn endpoint() -> gateway::Endpoint {
    gateway::Endpoint { address: Ipv4Addr::new(10, 77, 0, 2), spa_port: 62201, tls_port: 443 }
}

pub fn identity() -> gateway::Identity {
    gateway::Identity {
        account: format!("A{}", "B".repeat(55)).parse().expect("an account"),
        bus_user: format!("U{}", "C".repeat(55)),
        opening_key: vec![4; 65],
        report_key: [6; 32],
        server_key: digest(7),
    }
}

pub fn desktop() -> DesktopIdentity {
    DesktopIdentity { session_key: digest(1), install_key: digest(2) }
}

pub fn grants() -> Vec<Grant> {
    vec![Grant { address: Ipv4Addr::new(10, 78, 0, 2), port: 8080, protocol: Protocol::Udp }]
}

pub fn country(text: &str) -> Country {
    text.parse().expect("a country")
}

pub fn document() -> Document {
    Document {
        name: "staff".into(),
        time_zone: "Australia/Sydney".into(),
        windows: vec![Window { days: vec![Weekday::Mon, Weekday::Sun], from_minute: 540, to_minute: 1440 }],
        not_after: Some(Millis(AT.0 + 86_400_000)),
        countries: CountryRule { allow: vec![country("AU")], deny: vec![country("XX")] },
        posture: PostureRule::default(),
        resources: vec![Resource {
            label: "page".into(),
            address: Ipv4Addr::new(10, 78, 0, 2),
            port: 8080,
            protocol: Protocol::Tcp,
        }],
        image: "page".into(),
        max_minutes: 480,
        lease_seconds: 600,
        concurrent_sessions: 2,
    }
}

pub fn posture() -> PostureValues {
    PostureValues {
        reported_at: AT,
        os: "android".into(),
        os_version: "16".into(),
        network_country: Some(country("AU")),
        sim_country: None,
        rooted: false,
        emulator: true,
        screen_lock: true,
        key_protection: KeyProtection::Browser,
    }
}

pub fn verdict(gate: Gate) -> Verdict {
    let facts = Facts {
        at: AT,
        local: Facts::local_time(&document(), AT),
        user_active: true,
        policy_active: true,
        other_sessions: 1,
        known_desktop: false,
        posture: (gate != Gate::Login).then(posture),
    };
    evaluate(&document(), facts, gate)
}

pub fn all() -> Vec<Golden> {
    let mut all = vec![];
    all.extend(directory_events().into_iter().map(Golden::event));
    all.extend(user_events().into_iter().map(Golden::event));
    all.extend(device_events().into_iter().map(Golden::event));
    all.extend(policy_events().into_iter().map(Golden::event));
    all.extend(gateway_events().into_iter().map(Golden::event));
    all.extend(session_events().into_iter().map(Golden::event));
    all.extend(operator_events().into_iter().map(Golden::event));
    all
}

fn directory_events() -> Vec<directory::Event> {
    vec![
        directory::Claimed { user: USER }.into(),
        directory::Released { user: USER }.into(),
        directory::ClaimRefused { user: USER }.into(),
    ]
}

pub fn user_events() -> Vec<user::Event> {
    let steps = || vec![Step::Directory, VPN, Step::Panel { gateway: GATEWAY }];
    vec![
        user::Created {
            name: NAME,
            profile: profile(),
            password: password(),
            policies: vec![POLICY.id],
            gateways: vec![GATEWAY],
            steps: steps(),
        }
        .into(),
        user::StepFinished { step: Step::Directory, attempt: 1 }.into(),
        user::StepFailed { step: VPN, attempt: 1, reason: StepFailure::ScriptTimedOut }.into(),
        user::StepRetried { step: VPN, attempt: 2 }.into(),
        user::PasswordSet { credential_version: 2, password: password() }.into(),
        user::PoliciesAssigned { policies: vec![POLICY.id] }.into(),
        user::GatewaysAssigned { gateways: vec![GATEWAY], steps: steps() }.into(),
        user::DeviceAdded { device: DEVICE }.into(),
        user::LoginFailed { source: digest(1) }.into(),
        user::LoginSucceeded { session: SESSION }.into(),
        user::AttemptReserved { attempt: ATTEMPT, session: SESSION, code: CODE }.into(),
        user::AttemptRefunded { attempt: ATTEMPT }.into(),
        user::Suspended {}.into(),
        user::Resumed {}.into(),
        user::DeletionRequested {}.into(),
        user::Deleted {}.into(),
        user::Erased {}.into(),
    ]
}

fn device_events() -> Vec<device::Event> {
    vec![
        device::Offered { user: USER, offer: OFFER, secret: digest(1), expires_at: AT }.into(),
        device::Enrolled { user: USER, keys: keys(), token: digest(2) }.into(),
        device::PostureSeen { session: SESSION, reported_at: AT }.into(),
        device::Revoked {}.into(),
    ]
}

fn policy_events() -> Vec<policy::Event> {
    vec![
        policy::Drafted { document: document() }.into(),
        policy::Changed { version: 2, document: document() }.into(),
        policy::Activated { version: 2 }.into(),
        policy::Retired {}.into(),
    ]
}

fn gateway_events() -> Vec<gateway::Event> {
    vec![
        gateway::Invited { name: "gw1".into(), endpoint: endpoint(), secret: digest(1), expires_at: AT }
            .into(),
        gateway::Enrolled { identity: identity() }.into(),
        gateway::IncarnationSeen { incarnation: INCARNATION }.into(),
        gateway::ReportAccepted { report_n: 70_000 }.into(),
        gateway::HealthChanged { health: gateway::Health::Degraded }.into(),
        gateway::Draining {}.into(),
        gateway::Retired {}.into(),
    ]
}

pub fn session_events() -> Vec<session::Event> {
    vec![
        session::Opened {
            user: USER,
            device: DEVICE,
            gateway: GATEWAY,
            desktop: desktop(),
            policy: POLICY,
            verdict: verdict(Gate::Login),
            challenge: [9; 32],
            token: digest(3),
            whereabouts: whereabouts(),
            address: digest(4),
            answer_by: AT,
        }
        .into(),
        session::Denied { user: USER, policy: POLICY, verdict: verdict(Gate::Posture) }.into(),
        session::PostureRecorded { device: DEVICE, policy: POLICY, verdict: verdict(Gate::Posture) }.into(),
        session::CodeIssued { code: CODE, mac: digest(5), sealed: sealed(), expires_at: AT }.into(),
        session::CodeExpired { code: CODE }.into(),
        session::AnswerRefused { code: CODE, attempt: ATTEMPT, left: 4 }.into(),
        session::Verified {
            code: CODE,
            attempt: ATTEMPT,
            policy: POLICY,
            verdict: verdict(Gate::Code),
            ends_at: AT,
            because: EndsBecause::MaximumLength,
        }
        .into(),
        session::BootstrapIssued {
            bootstrap: BOOTSTRAP,
            voids: Some(BootstrapId([55; 16])),
            sealed: sealed(),
            certificate: digest(6),
            address: digest(7),
            grants: grants(),
            labels: vec!["page".into()],
            image: "page".into(),
            policy: POLICY,
            verdict: verdict(Gate::Bootstrap),
            incarnation: INCARNATION,
            use_before: AT,
            lease_until: AT,
        }
        .into(),
        session::Admitted {
            bootstrap: BOOTSTRAP,
            address: Ipv4Addr::new(10, 8, 0, 10),
            incarnation: INCARNATION,
        }
        .into(),
        session::AdmissionRefused { bootstrap: BOOTSTRAP, reason: AdmitRefusal::BeyondCeiling }.into(),
        session::BootstrapExpired { bootstrap: BOOTSTRAP }.into(),
        session::BootstrapConsumed { bootstrap: BOOTSTRAP }.into(),
        session::LayerChanged { layer: Layer::Vpn, up: true }.into(),
        session::Connected { bootstrap: BOOTSTRAP }.into(),
        session::LeaseRenewed { lease_until: AT, policy: POLICY, verdict: verdict(Gate::Continuous) }.into(),
        session::EndMoved { ends_at: AT, because: EndsBecause::Window }.into(),
        session::Ending {
            end: END,
            reason: EndReason::Terminated { note: "enough".into() },
            layers: Layer::ALL.to_vec(),
            receipts_due: AT,
        }
        .into(),
        session::ReceiptRecorded {
            end: END,
            layer: Layer::Path,
            absence: Absence::NeverExisted,
            incarnation: Some(INCARNATION),
        }
        .into(),
        session::ReceiptsOverdue { end: END, missing: vec![Layer::Spa, Layer::Container] }.into(),
        session::TrafficCounted { bytes_in: 1 << 40, bytes_out: 5 }.into(),
        session::Ended {}.into(),
        session::Expired {}.into(),
    ]
}

fn operator_events() -> Vec<operator::Event> {
    vec![
        operator::Invited { name: "owner".into(), role: Role::Owner }.into(),
        operator::PasswordSet { credential_version: 1, password: password() }.into(),
        operator::RoleChanged { role: Role::Viewer }.into(),
        operator::SignedIn { token: digest(2), expires_at: AT }.into(),
        operator::SignInFailed { source: digest(3) }.into(),
        operator::SignedOut { token: digest(2) }.into(),
        operator::Disabled {}.into(),
    ]
}
