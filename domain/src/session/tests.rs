//! A session's way, told by its stages; each file takes up where the one before left off.

mod bootstrap;
mod code;
mod end;
mod opening;
mod whatever;

use super::{
    Absence, Admission, Admitted, Bootstrap, BootstrapConsumed, BootstrapIssued, CODE_LIFETIME, CodeIssued,
    Command, Connected, DeadlineKind, DesktopIdentity, EndReason, Ending, EndsBecause, Event, Layer,
    LayerChanged, Opened, PostureRecorded, PreparedCode, RECEIPTS_DUE, ReceiptRecorded, Session, Standing,
    Verified,
};
use crate::{
    Millis,
    given::{Given, START, given},
    ids::{
        AttemptId, BootstrapId, CodeId, DeviceId, Digest, EndId, GatewayId, Incarnation, PolicyId, SessionId,
        UserId,
    },
    lease,
    personal::{DataKey, Personal, Whereabouts},
    policy::{
        CountryRule, Document, Facts, Gate, Grant, KeyProtection, PolicyRef, PostureRule, PostureValues,
        Protocol, Resource, evaluate,
    },
    seal::SealedBox,
};
use std::{net::Ipv4Addr, time::Duration};

pub const USER: UserId = UserId([1; 16]);
pub const DEVICE: DeviceId = DeviceId([2; 16]);
pub const GATEWAY: GatewayId = GatewayId([3; 16]);
pub const OTHER_GATEWAY: GatewayId = GatewayId([33; 16]);
pub const SESSION: SessionId = SessionId([4; 16]);
pub const INCARNATION: Incarnation = Incarnation([5; 16]);
pub const KEY: Digest = Digest([6; 32]);
pub const END: EndId = EndId([7; 16]);
pub const POLICY: PolicyRef = PolicyRef { id: PolicyId([8; 16]), version: 1 };
pub const RIGHT: Digest = Digest([9; 32]);
pub const WRONG: Digest = Digest([10; 32]);
pub const TUNNEL: Ipv4Addr = Ipv4Addr::new(10, 8, 0, 10);

pub fn after(seconds: u64) -> Millis {
    START.plus(Duration::from_secs(seconds))
}

// The policy and what it is asked with.

pub fn document() -> Document {
    Document {
        name: "staff".into(),
        time_zone: "UTC".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule { allow: vec!["AU".parse().expect("a country")], deny: vec![] },
        posture: PostureRule { max_age_seconds: 3600, ..PostureRule::default() },
        resources: vec![Resource {
            label: "page".into(),
            address: Ipv4Addr::new(10, 78, 0, 2),
            port: 80,
            protocol: Protocol::Tcp,
        }],
        image: "page".into(),
        max_minutes: 60,
        lease_seconds: 600,
        concurrent_sessions: 1,
    }
}

pub fn posture(country: &str) -> PostureValues {
    PostureValues {
        reported_at: START,
        os: "android".into(),
        os_version: "16".into(),
        network_country: Some(country.parse().expect("a country")),
        sim_country: None,
        rooted: false,
        emulator: false,
        screen_lock: true,
        key_protection: KeyProtection::File,
    }
}

pub fn standing(now: Millis, posture: Option<PostureValues>) -> Standing {
    let document = document();
    let local = Facts::local_time(&document, now);
    let facts = Facts {
        at: now,
        local,
        user_active: true,
        policy_active: true,
        other_sessions: 0,
        known_desktop: true,
        posture,
    };
    Standing { user: USER, policy: POLICY, document, facts }
}

/// As it stands once the phone has spoken.
pub fn allowed(now: Millis) -> Standing {
    standing(now, Some(posture("AU")))
}

pub fn inactive(now: Millis) -> Standing {
    let mut standing = allowed(now);
    standing.facts.user_active = false;
    standing
}

// The stages.

pub fn desktop() -> DesktopIdentity {
    DesktopIdentity { session_key: KEY, install_key: Digest([11; 32]) }
}

pub fn whereabouts() -> Personal<Whereabouts> {
    let seen = Whereabouts { address: Ipv4Addr::LOCALHOST.into(), desktop_name: "desk".into() };
    Personal::seal(&seen, USER, &DataKey([1; 32]), [1; 24])
}

pub fn open(standing: Standing) -> Command {
    Command::Open {
        session: SESSION,
        user: USER,
        device: DEVICE,
        gateway: GATEWAY,
        desktop: desktop(),
        challenge: [12; 32],
        token: Digest([13; 32]),
        whereabouts: whereabouts(),
        address: Digest([14; 32]),
        standing,
    }
}

pub fn opened() -> Event {
    Opened {
        user: USER,
        device: DEVICE,
        gateway: GATEWAY,
        desktop: desktop(),
        policy: POLICY,
        verdict: evaluate(&document(), standing(START, None).facts, Gate::Login),
        challenge: [12; 32],
        token: Digest([13; 32]),
        whereabouts: whereabouts(),
        address: Digest([14; 32]),
        answer_by: after(300),
    }
    .into()
}

pub fn challenged() -> Given<Session> {
    given([opened()])
}

pub fn prepared(n: u8, now: Millis) -> PreparedCode {
    PreparedCode {
        code: CodeId([n; 16]),
        mac: RIGHT,
        sealed: SealedBox { enc: vec![n], ciphertext: vec![n] },
        expires_at: now.plus(CODE_LIFETIME),
    }
}

pub fn code_issued(n: u8, now: Millis) -> Event {
    let p = prepared(n, now);
    CodeIssued { code: p.code, mac: p.mac, sealed: p.sealed, expires_at: p.expires_at }.into()
}

pub fn posture_recorded() -> Event {
    let verdict = evaluate(&document(), allowed(START).facts, Gate::Posture);
    PostureRecorded { device: DEVICE, policy: POLICY, verdict }.into()
}

/// Waiting for the answer to code 1.
pub fn waiting() -> Given<Session> {
    challenged().and([posture_recorded(), code_issued(1, START)])
}

pub fn answer(code: u8, mac: Digest, now: Millis) -> Command {
    Command::Answer {
        code: CodeId([code; 16]),
        mac,
        attempt: AttemptId([code; 16]),
        attempt_reserved: true,
        standing: allowed(now),
    }
}

pub fn verified_event() -> Event {
    Verified {
        code: CodeId([1; 16]),
        attempt: AttemptId([1; 16]),
        policy: POLICY,
        verdict: evaluate(&document(), allowed(START).facts, Gate::Code),
        ends_at: after(3600),
        because: EndsBecause::MaximumLength,
    }
    .into()
}

pub fn verified() -> Given<Session> {
    waiting().and([verified_event()])
}

pub fn bootstrap(n: u8, now: Millis) -> Bootstrap {
    Bootstrap {
        bootstrap: BootstrapId([n; 16]),
        sealed: SealedBox { enc: vec![n], ciphertext: vec![n] },
        certificate: Digest([15; 32]),
        session_key: KEY,
        address: Digest([16; 32]),
        use_before: now.plus(Duration::from_secs(60)),
    }
}

pub fn issue(n: u8, now: Millis) -> Command {
    Command::IssueBootstrap {
        bootstrap: bootstrap(n, now),
        incarnation: Some(INCARNATION),
        standing: allowed(now),
        end: END,
    }
}

pub fn issued(n: u8, voids: Option<u8>, now: Millis) -> Event {
    let b = bootstrap(n, now);
    BootstrapIssued {
        bootstrap: b.bootstrap,
        voids: voids.map(|n| BootstrapId([n; 16])),
        sealed: b.sealed,
        certificate: b.certificate,
        address: b.address,
        grants: vec![Grant { address: Ipv4Addr::new(10, 78, 0, 2), port: 80, protocol: Protocol::Tcp }],
        labels: vec!["page".into()],
        image: "page".into(),
        policy: POLICY,
        verdict: evaluate(&document(), allowed(now).facts, Gate::Bootstrap),
        incarnation: INCARNATION,
        use_before: b.use_before,
        lease_until: lease::lease_until(now, 600, after(3600)),
    }
    .into()
}

pub fn admission(n: u8, gateway: GatewayId) -> Command {
    Command::RecordAdmitted(Admission {
        bootstrap: BootstrapId([n; 16]),
        gateway,
        address: TUNNEL,
        incarnation: INCARNATION,
    })
}

pub fn admitted(n: u8) -> Event {
    Admitted { bootstrap: BootstrapId([n; 16]), address: TUNNEL, incarnation: INCARNATION }.into()
}

pub fn consume(n: u8) -> Command {
    Command::RecordConsumed { bootstrap: BootstrapId([n; 16]), gateway: GATEWAY }
}

pub fn consumed(n: u8) -> Event {
    BootstrapConsumed { bootstrap: BootstrapId([n; 16]) }.into()
}

pub fn layer(layer: Layer, up: bool) -> Command {
    Command::RecordLayer { layer, up, gateway: GATEWAY }
}

pub fn layer_changed(layer: Layer, up: bool) -> Event {
    LayerChanged { layer, up }.into()
}

/// With the tunnel up on bootstrap 1.
pub fn connected() -> Given<Session> {
    verified().and([
        issued(1, None, START),
        admitted(1),
        consumed(1),
        layer_changed(Layer::Vpn, true),
        Connected { bootstrap: BootstrapId([1; 16]) }.into(),
    ])
}

pub fn terminated() -> EndReason {
    EndReason::Terminated { note: "enough".into() }
}

pub fn request_end() -> Command {
    Command::RequestEnd { reason: terminated(), end: END }
}

pub fn ending(reason: EndReason, now: Millis) -> [Event; 2] {
    [
        Ending { end: END, reason, layers: Layer::ALL.to_vec(), receipts_due: now.plus(RECEIPTS_DUE) }.into(),
        ReceiptRecorded { end: END, layer: Layer::Token, absence: Absence::Gone, incarnation: None }.into(),
    ]
}

pub fn deadline(kind: DeadlineKind, now: Millis) -> Command {
    deadline_with(kind, allowed(now))
}

pub fn deadline_with(kind: DeadlineKind, standing: Standing) -> Command {
    Command::Deadline { kind, generation: 0, standing, end: END }
}
