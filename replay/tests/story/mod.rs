//! A little log for the tests: an owner, a gateway, a policy, two users; one is admitted, cut off and ends, the
//! other is denied. Every decision is as a worker would have written it.

use std::{collections::HashMap, net::Ipv4Addr, time::Duration};
use viworks_domain::{
    Millis,
    actor::{Actor, Origin, ProcessName},
    decision::{Decision, Outcome, Recorded, RefusalClass, Refused},
    device,
    event::{AggregateRef, Event, StoredEvent},
    gateway,
    ids::{
        AttemptId, BootstrapId, CodeId, CommandId, CorrelationId, DeviceId, Digest, EndId, GatewayId,
        Incarnation, LogId, NameId, OfferId, OperatorId, PolicyId, SessionId, UserId,
    },
    operator,
    permission::Role,
    personal::{DataKey, Personal, Profile, Whereabouts},
    policy::{
        self, CountryRule, Document, Facts, Gate, KeyProtection, PolicyRef, PostureRule, PostureValues,
        Protocol, Resource, Verdict, evaluate,
    },
    seal::SealedBox,
    session::{self, Absence, DesktopIdentity, EndReason, EndsBecause, Layer},
    user::{self, PasswordHash, Step},
};

/// 2026-01-01T00:00:00Z; each decision is one second after the one before.
pub const START: Millis = Millis(1_767_225_600_000);
pub const LOG_ID: LogId = LogId([1; 16]);

pub const OWNER: OperatorId = OperatorId([10; 16]);
pub const GATEWAY: GatewayId = GatewayId([20; 16]);
pub const POLICY: PolicyId = PolicyId([30; 16]);
pub const ADA: UserId = UserId([40; 16]);
pub const ADAS_KEY: [u8; 32] = [9; 32];
pub const BOB: UserId = UserId([41; 16]);
pub const PHONE: DeviceId = DeviceId([50; 16]);
pub const SESSION: SessionId = SessionId([60; 16]);
pub const DENIED: SessionId = SessionId([61; 16]);

pub const BY_MACHINE: CorrelationId = CorrelationId([100; 16]);
pub const BY_OWNER: CorrelationId = CorrelationId([101; 16]);
pub const ADA_MADE: CorrelationId = CorrelationId([102; 16]);
pub const ADAS_SESSION: CorrelationId = CorrelationId([103; 16]);
pub const BOBS_SIGN_IN: CorrelationId = CorrelationId([104; 16]);

#[derive(Default)]
pub struct Log {
    pub decisions: Vec<Recorded>,
    versions: HashMap<AggregateRef, u64>,
}

impl Log {
    /// The time of the last decision.
    pub fn now(&self) -> Millis {
        after(self.decisions.len().saturating_sub(1))
    }

    pub fn decide(
        &mut self,
        of: impl Into<AggregateRef>,
        actor: &Actor,
        correlation: CorrelationId,
        outcome: Outcome,
        events: Vec<StoredEvent>,
    ) -> u64 {
        let aggregate = of.into();
        let n = self.decisions.len();
        let version = self.versions.entry(aggregate).or_default();
        let base_version = *version;
        *version += events.len() as u64;
        let seq = n as u64 + 1;
        let at = after(n);
        let decision = Decision {
            log_id: LOG_ID,
            epoch: 1,
            aggregate,
            base_version,
            command_id: CommandId::of_consequence("test", seq, 0, 0),
            command_digest: Digest([0; 32]),
            command_expires_at: at.plus(Duration::from_secs(60)),
            origin: Origin::Api,
            actor: actor.clone(),
            correlation,
            causation: None,
            at,
            outcome,
            events,
        };
        self.decisions.push(Recorded { seq, decision });
        seq
    }

    fn add<E: Event>(
        &mut self,
        of: impl Into<AggregateRef>,
        actor: &Actor,
        correlation: CorrelationId,
        events: impl IntoIterator<Item = E>,
    ) -> u64 {
        let events = events.into_iter().map(|event| event.store()).collect();
        self.decide(of, actor, correlation, Outcome::Accepted, events)
    }
}

fn after(n: usize) -> Millis {
    START.plus(Duration::from_secs(n as u64))
}

/// Up to the moment at which Ada's session is connected.
pub fn connected() -> Log {
    let mut log = Log::default();
    let owner = Actor::Operator { id: OWNER, version: 1 };
    let ada = Actor::User { id: ADA };
    let phone = Actor::Device { id: PHONE };
    let at_gateway = Actor::Gateway { id: GATEWAY };
    let provisioning = Actor::Process { name: ProcessName::Provisioning };

    let invited = operator::Invited { name: "olga".into(), role: Role::Owner };
    log.add::<operator::Event>(OWNER, &Actor::Machine, BY_MACHINE, [invited.into()]);
    log.add::<gateway::Event>(GATEWAY, &owner, BY_OWNER, [gateway_invited().into()]);
    let up = gateway::HealthChanged { health: gateway::Health::Up };
    log.add::<gateway::Event>(GATEWAY, &at_gateway, BY_OWNER, [up.into()]);
    let drafted = policy::Drafted { document: document() };
    log.add::<policy::Event>(POLICY, &owner, BY_OWNER, [drafted.into()]);
    log.add::<policy::Event>(POLICY, &owner, BY_OWNER, [policy::Activated { version: 1 }.into()]);

    log.add::<user::Event>(ADA, &owner, ADA_MADE, [created(ADA, "ada").into()]);
    for step in steps() {
        let done = user::StepFinished { step, attempt: 1 };
        log.add::<user::Event>(ADA, &provisioning, ADA_MADE, [done.into()]);
    }
    let enrolled = device::Enrolled {
        user: ADA,
        keys: device::DeviceKeys { sign: vec![4], agree: vec![4], protection: KeyProtection::File },
        token: Digest([2; 32]),
    };
    let offered = device::Offered {
        user: ADA,
        offer: OfferId([3; 16]),
        secret: Digest([3; 32]),
        expires_at: log.now().plus(Duration::from_secs(600)),
    };
    log.add::<device::Event>(PHONE, &owner, CorrelationId([110; 16]), [offered.into()]);
    log.add::<device::Event>(PHONE, &Actor::Stranger, CorrelationId([111; 16]), [enrolled.into()]);

    let story = ADAS_SESSION;
    let signed_in = user::LoginSucceeded { session: SESSION };
    log.add::<user::Event>(ADA, &ada, story, [signed_in.into()]);
    log.add::<session::Event>(SESSION, &ada, story, [opened().into()]);
    log.add::<session::Event>(SESSION, &phone, story, [posture("AU").into(), code().into()]);
    let paid = user::AttemptReserved { attempt: AttemptId([1; 16]), session: SESSION, code: CodeId([1; 16]) };
    log.add::<user::Event>(ADA, &ada, story, [paid.into()]);
    let wrong = session::AnswerRefused { code: CodeId([1; 16]), attempt: AttemptId([1; 16]), left: 4 };
    log.add::<session::Event>(SESSION, &ada, story, [wrong.into()]);
    log.add::<session::Event>(SESSION, &ada, story, [verified().into()]);
    // The right code a second time.
    let refused = Refused { class: RefusalClass::Conflict, code: "session.not_now".into() };
    log.decide(SESSION, &ada, story, Outcome::Refused(refused), vec![]);
    log.add::<session::Event>(SESSION, &ada, story, [bootstrap().into()]);
    let admitted = session::Admitted {
        bootstrap: BootstrapId([1; 16]),
        address: Ipv4Addr::new(10, 8, 0, 10),
        incarnation: Incarnation([1; 16]),
    };
    log.add::<session::Event>(SESSION, &at_gateway, story, [admitted.into()]);
    let consumed = session::BootstrapConsumed { bootstrap: BootstrapId([1; 16]) };
    log.add::<session::Event>(SESSION, &at_gateway, story, [consumed.into()]);
    let vpn = session::LayerChanged { layer: Layer::Vpn, up: true };
    let connected = session::Connected { bootstrap: BootstrapId([1; 16]) };
    log.add::<session::Event>(SESSION, &at_gateway, story, [vpn.into(), connected.into()]);
    log
}

/// And then to the end: Bob is denied, Ada is cut off.
pub fn whole() -> Log {
    let mut log = connected();
    let owner = Actor::Operator { id: OWNER, version: 1 };
    let bob = Actor::User { id: BOB };
    log.add::<user::Event>(BOB, &owner, CorrelationId([112; 16]), [created(BOB, "bob").into()]);
    let signed_in = user::LoginSucceeded { session: DENIED };
    log.add::<user::Event>(BOB, &bob, BOBS_SIGN_IN, [signed_in.into()]);
    let denied =
        session::Denied { user: BOB, policy: policy_ref(), verdict: verdict(Some("NZ"), Gate::Posture) };
    log.add::<session::Event>(DENIED, &bob, BOBS_SIGN_IN, [denied.into()]);

    let ending = session::Ending {
        end: EndId([1; 16]),
        reason: EndReason::Terminated { note: "end of the visit".into() },
        layers: Layer::ALL.to_vec(),
        receipts_due: log.now().plus(Duration::from_secs(10)),
    };
    let token = receipt(Layer::Token, None);
    log.add::<session::Event>(SESSION, &owner, ADAS_SESSION, [ending.into(), token.into()]);
    let at_gateway = Actor::Gateway { id: GATEWAY };
    for layer in Layer::AT_GATEWAY {
        let receipt = receipt(layer, Some(Incarnation([1; 16]))).into();
        let ended = (layer == Layer::Path).then(|| session::Ended {}.into());
        log.add::<session::Event>(
            SESSION,
            &at_gateway,
            ADAS_SESSION,
            std::iter::once::<session::Event>(receipt).chain(ended),
        );
    }
    log
}

fn steps() -> Vec<Step> {
    vec![Step::Directory, Step::Vpn { gateway: GATEWAY }, Step::Panel { gateway: GATEWAY }]
}

fn created(id: UserId, name: &str) -> user::Created {
    let key = DataKey(ADAS_KEY);
    user::Created {
        name: NameId(id.0),
        profile: Personal::seal(&Profile { username: name.into() }, id, &key, [1; 24]),
        password: Personal::seal(&PasswordHash("$argon2id$".into()), id, &key, [2; 24]),
        policies: vec![POLICY],
        gateways: vec![GATEWAY],
        steps: steps(),
    }
}

fn gateway_invited() -> gateway::Invited {
    gateway::Invited {
        name: "gw1".into(),
        endpoint: gateway::Endpoint { address: Ipv4Addr::new(10, 77, 0, 2), spa_port: 62201, tls_port: 443 },
        secret: Digest([5; 32]),
        expires_at: START.plus(Duration::from_secs(600)),
    }
}

fn document() -> Document {
    Document {
        name: "staff".into(),
        time_zone: "UTC".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule { allow: vec!["AU".parse().expect("a country")], deny: vec![] },
        posture: PostureRule { max_age_seconds: 3600, ..PostureRule::default() },
        resources: vec![Resource {
            label: "intranet".into(),
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

fn policy_ref() -> PolicyRef {
    PolicyRef { id: POLICY, version: 1 }
}

fn verdict(country: Option<&str>, gate: Gate) -> Verdict {
    let document = document();
    let facts = Facts {
        at: START,
        local: Facts::local_time(&document, START),
        user_active: true,
        policy_active: true,
        other_sessions: 0,
        known_desktop: true,
        posture: country.map(|country| PostureValues {
            reported_at: START,
            os: "android".into(),
            os_version: "16".into(),
            network_country: Some(country.parse().expect("a country")),
            sim_country: None,
            rooted: false,
            emulator: false,
            screen_lock: true,
            key_protection: KeyProtection::File,
        }),
    };
    evaluate(&document, facts, gate)
}

fn opened() -> session::Opened {
    let seen = Whereabouts { address: Ipv4Addr::new(10, 77, 0, 11).into(), desktop_name: "desk".into() };
    session::Opened {
        user: ADA,
        device: PHONE,
        gateway: GATEWAY,
        desktop: DesktopIdentity { session_key: Digest([6; 32]), install_key: Digest([7; 32]) },
        policy: policy_ref(),
        verdict: verdict(None, Gate::Login),
        challenge: [8; 32],
        token: Digest([9; 32]),
        whereabouts: Personal::seal(&seen, ADA, &DataKey(ADAS_KEY), [3; 24]),
        address: Digest([10; 32]),
        answer_by: START.plus(Duration::from_secs(300)),
    }
}

fn posture(country: &str) -> session::PostureRecorded {
    let verdict = verdict(Some(country), Gate::Posture);
    session::PostureRecorded { device: PHONE, policy: policy_ref(), verdict }
}

fn code() -> session::CodeIssued {
    session::CodeIssued {
        code: CodeId([1; 16]),
        mac: Digest([11; 32]),
        sealed: SealedBox { enc: vec![1], ciphertext: vec![1] },
        expires_at: START.plus(Duration::from_secs(120)),
    }
}

fn verified() -> session::Verified {
    session::Verified {
        code: CodeId([1; 16]),
        attempt: AttemptId([2; 16]),
        policy: policy_ref(),
        verdict: verdict(Some("AU"), Gate::Code),
        ends_at: START.plus(Duration::from_secs(3600)),
        because: EndsBecause::MaximumLength,
    }
}

fn bootstrap() -> session::BootstrapIssued {
    session::BootstrapIssued {
        bootstrap: BootstrapId([1; 16]),
        voids: None,
        sealed: SealedBox { enc: vec![2], ciphertext: vec![2] },
        certificate: Digest([12; 32]),
        address: Digest([13; 32]),
        grants: document().resources.iter().map(Into::into).collect(),
        labels: vec!["intranet".into()],
        image: "page".into(),
        policy: policy_ref(),
        verdict: verdict(Some("AU"), Gate::Bootstrap),
        incarnation: Incarnation([1; 16]),
        use_before: START.plus(Duration::from_secs(60)),
        lease_until: START.plus(Duration::from_secs(600)),
    }
}

fn receipt(layer: Layer, incarnation: Option<Incarnation>) -> session::ReceiptRecorded {
    session::ReceiptRecorded { end: EndId([1; 16]), layer, absence: Absence::Gone, incarnation }
}
