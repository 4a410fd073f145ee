//! A log to project: one user's whole way, and whatever a test adds.

use std::{
    collections::{BTreeMap, HashMap},
    net::Ipv4Addr,
};
use viworks_domain::{
    Millis,
    actor::{Actor, Origin},
    aggregate::LogIdentity,
    decision::{Decision, Outcome, Recorded, RefusalClass, Refused},
    device,
    event::{AggregateRef, Event},
    gateway::{self, Health},
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
    user::{self, Step},
};

pub const LOG: LogIdentity = LogIdentity { log_id: LogId([1; 16]), epoch: 1 };
pub const START: u64 = 1_772_409_600_000;
pub const OWNER: OperatorId = OperatorId([2; 16]);
pub const USER: UserId = UserId([3; 16]);
pub const GATEWAY: GatewayId = GatewayId([4; 16]);
pub const DEVICE: DeviceId = DeviceId([5; 16]);
pub const POLICY: PolicyRef = PolicyRef { id: PolicyId([6; 16]), version: 1 };
pub const SESSION: SessionId = SessionId([7; 16]);
pub const DENIED: SessionId = SessionId([8; 16]);
pub const BOOTSTRAP: BootstrapId = BootstrapId([9; 16]);
pub const END: EndId = EndId([10; 16]);
pub const INCARNATION: Incarnation = Incarnation([11; 16]);
pub const VPN: Step = Step::Vpn { gateway: GATEWAY };
pub const PANEL: Step = Step::Panel { gateway: GATEWAY };

#[derive(Default)]
pub struct Log {
    pub recorded: Vec<Recorded>,
    versions: BTreeMap<AggregateRef, u64>,
    correlation: u8,
}

pub fn keys() -> HashMap<UserId, DataKey> {
    HashMap::from([(USER, DataKey([1; 32]))])
}

pub fn owner() -> Actor {
    Actor::Operator { id: OWNER, version: 2 }
}

impl Log {
    /// From the first start to a session that ended, and another that was denied.
    pub fn story() -> Self {
        let mut log = Self::default();
        log.ground();
        log.user();
        log.session();
        log.end();
        log.denied();
        log
    }

    /// What follows belongs to one act of a person.
    pub fn act(&mut self) -> CorrelationId {
        self.correlation = self.correlation.wrapping_add(1);
        self.correlation()
    }

    pub fn correlation(&self) -> CorrelationId {
        CorrelationId([self.correlation; 16])
    }

    pub fn add<E: Event>(
        &mut self,
        actor: Actor,
        aggregate: impl Into<AggregateRef>,
        events: impl IntoIterator<Item = E>,
    ) -> u64 {
        let events = events.into_iter().map(|event| event.store()).collect::<Vec<_>>();
        self.decide(actor, aggregate.into(), Outcome::Accepted, events)
    }

    pub fn refuse(&mut self, actor: Actor, aggregate: impl Into<AggregateRef>, code: &str) -> u64 {
        let refused = Refused { class: RefusalClass::Conflict, code: code.into() };
        self.decide(actor, aggregate.into(), Outcome::Refused(refused), vec![])
    }

    pub fn decide(
        &mut self,
        actor: Actor,
        aggregate: AggregateRef,
        outcome: Outcome,
        events: Vec<viworks_domain::event::StoredEvent>,
    ) -> u64 {
        let seq = self.recorded.len() as u64 + 1;
        let base_version = self.versions.get(&aggregate).copied().unwrap_or(0);
        self.versions.insert(aggregate, base_version + events.len() as u64);
        let decision = Decision {
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            aggregate,
            base_version,
            command_id: CommandId(u128::from(seq).to_be_bytes()),
            command_digest: Digest([0; 32]),
            command_expires_at: Millis(START + 3_600_000),
            origin: Origin::Api,
            actor,
            correlation: self.correlation(),
            causation: None,
            at: at(seq),
            outcome,
            events,
        };
        self.recorded.push(Recorded { seq, decision });
        seq
    }

    pub fn ground(&mut self) {
        self.act();
        let invited = operator::Invited { name: "owner".into(), role: Role::Owner };
        let password = operator::PasswordSet { credential_version: 1, password: password() };
        self.add::<operator::Event>(Actor::Machine, OWNER, [invited.into(), password.into()]);
        let signed_in = operator::SignedIn { token: Digest([2; 32]), expires_at: Millis(START + 1) };
        self.add::<operator::Event>(Actor::Stranger, OWNER, [signed_in.into()]);
        self.act();
        self.add::<policy::Event>(owner(), POLICY.id, [policy::Drafted { document: document() }.into()]);
        self.add::<policy::Event>(owner(), POLICY.id, [policy::Activated { version: 1 }.into()]);
        self.act();
        let endpoint = gateway::Endpoint { address: Ipv4Addr::LOCALHOST, spa_port: 1, tls_port: 2 };
        let invited = gateway::Invited {
            name: "gw1".into(),
            endpoint,
            secret: Digest([3; 32]),
            expires_at: Millis(START),
        };
        self.add::<gateway::Event>(owner(), GATEWAY, [invited.into()]);
        let identity = gateway::Identity {
            account: format!("A{}", "B".repeat(55)).parse().expect("an account"),
            bus_user: "U".into(),
            opening_key: vec![4; 65],
            report_key: [5; 32],
            server_key: Digest([6; 32]),
        };
        self.add::<gateway::Event>(Actor::Stranger, GATEWAY, [gateway::Enrolled { identity }.into()]);
        let started = gateway::IncarnationSeen { incarnation: INCARNATION };
        self.add::<gateway::Event>(agent(), GATEWAY, [started.into()]);
        self.health(Health::Up);
    }

    pub fn health(&mut self, health: Health) -> u64 {
        self.add::<gateway::Event>(agent(), GATEWAY, [gateway::HealthChanged { health }.into()])
    }

    /// Created, with a step that fails once.
    pub fn user(&mut self) -> CorrelationId {
        let correlation = self.act();
        self.add::<user::Event>(owner(), USER, [created()]);
        let process = Actor::Process { name: viworks_domain::actor::ProcessName::Provisioning };
        let claimed = viworks_domain::directory::Claimed { user: USER };
        self.add::<viworks_domain::directory::Event>(process.clone(), NameId([1; 16]), [claimed.into()]);
        self.add(process, USER, [finished(Step::Directory, 1)]);
        let failed = user::StepFailed { step: VPN, attempt: 1, reason: user::StepFailure::ScriptFailed };
        self.add::<user::Event>(agent(), USER, [failed.into()]);
        self.add(agent(), USER, [finished(PANEL, 1)]);
        self.act();
        let retried = user::StepRetried { step: VPN, attempt: 2 };
        self.add::<user::Event>(owner(), USER, [retried.into()]);
        self.add(agent(), USER, [finished(VPN, 2)]);
        self.act();
        self.add::<user::Event>(owner(), USER, [user::DeviceAdded { device: DEVICE }.into()]);
        let offered = device::Offered {
            user: USER,
            offer: OfferId([1; 16]),
            secret: Digest([1; 32]),
            expires_at: Millis(START),
        };
        self.add::<device::Event>(owner(), DEVICE, [offered.into()]);
        let keys = device::DeviceKeys { sign: vec![4], agree: vec![5], protection: KeyProtection::File };
        let enrolled = device::Enrolled { user: USER, keys, token: Digest([2; 32]) };
        self.add::<device::Event>(Actor::Stranger, DEVICE, [enrolled.into()]);
        correlation
    }

    /// Up to the connected tunnel.
    pub fn session(&mut self) -> CorrelationId {
        let correlation = self.act();
        let login = user::LoginSucceeded { session: SESSION };
        self.add::<user::Event>(person(), USER, [login.into()]);
        self.add(person(), SESSION, [opened()]);
        let phone = Actor::Device { id: DEVICE };
        let posture = session::PostureRecorded {
            device: DEVICE,
            policy: POLICY,
            verdict: verdict(Gate::Posture, "AU"),
        };
        self.add(phone, SESSION, [posture.into(), code(1)]);
        let wrong = session::AnswerRefused { code: CodeId([1; 16]), attempt: AttemptId([1; 16]), left: 4 };
        self.add::<session::Event>(person(), SESSION, [wrong.into()]);
        let verified = session::Verified {
            code: CodeId([1; 16]),
            attempt: AttemptId([2; 16]),
            policy: POLICY,
            verdict: verdict(Gate::Code, "AU"),
            ends_at: Millis(START + 3_600_000),
            because: EndsBecause::MaximumLength,
        };
        self.add::<session::Event>(person(), SESSION, [verified.into()]);
        self.add(person(), SESSION, [issued()]);
        let admitted = session::Admitted {
            bootstrap: BOOTSTRAP,
            address: Ipv4Addr::new(10, 8, 0, 10),
            incarnation: INCARNATION,
        };
        self.add::<session::Event>(agent(), SESSION, [admitted.into()]);
        let consumed = session::BootstrapConsumed { bootstrap: BOOTSTRAP };
        self.add::<session::Event>(agent(), SESSION, [consumed.into()]);
        let up = session::LayerChanged { layer: Layer::Vpn, up: true };
        let connected = session::Connected { bootstrap: BOOTSTRAP };
        self.add::<session::Event>(agent(), SESSION, [up.into(), connected.into()]);
        correlation
    }

    /// Terminated by the owner, with every receipt.
    pub fn end(&mut self) {
        self.ending();
        let traffic = session::TrafficCounted { bytes_in: 1_000, bytes_out: 2_000 };
        self.add::<session::Event>(agent(), SESSION, [traffic.into()]);
        for layer in Layer::AT_GATEWAY {
            self.receipt(layer);
        }
    }

    pub fn ending(&mut self) {
        let ending = session::Ending {
            end: END,
            reason: EndReason::Terminated { note: "enough".into() },
            layers: Layer::ALL.to_vec(),
            receipts_due: Millis(START),
        };
        let token = session::ReceiptRecorded {
            end: END,
            layer: Layer::Token,
            absence: Absence::Gone,
            incarnation: None,
        };
        self.add::<session::Event>(owner(), SESSION, [ending.into(), token.into()]);
    }

    pub fn receipt(&mut self, layer: Layer) {
        let receipt = session::ReceiptRecorded {
            end: END,
            layer,
            absence: Absence::Gone,
            incarnation: Some(INCARNATION),
        };
        let last = layer == Layer::Path;
        let events =
            std::iter::once(session::Event::from(receipt)).chain(last.then(|| session::Ended {}.into()));
        self.add(agent(), SESSION, events.collect::<Vec<_>>());
    }

    /// Denied at the door.
    pub fn denied(&mut self) {
        self.act();
        let denied = session::Denied { user: USER, policy: POLICY, verdict: verdict(Gate::Posture, "XX") };
        self.add::<session::Event>(person(), DENIED, [denied.into()]);
    }
}

/// One second per decision.
pub fn at(seq: u64) -> Millis {
    Millis(START + seq * 1_000)
}

pub fn person() -> Actor {
    Actor::User { id: USER }
}

pub fn agent() -> Actor {
    Actor::Gateway { id: GATEWAY }
}

pub fn finished(step: Step, attempt: u32) -> user::Event {
    user::StepFinished { step, attempt }.into()
}

pub fn created() -> user::Event {
    let key = DataKey([1; 32]);
    user::Created {
        name: NameId([1; 16]),
        profile: Personal::seal(&Profile { username: "ada".into() }, USER, &key, [1; 24]),
        password: password(),
        policies: vec![POLICY.id],
        gateways: vec![GATEWAY],
        steps: vec![Step::Directory, VPN, PANEL],
    }
    .into()
}

fn password() -> Personal<user::PasswordHash> {
    Personal::seal(&user::PasswordHash("phc".into()), USER, &DataKey([1; 32]), [2; 24])
}

pub fn document() -> Document {
    Document {
        name: "staff".into(),
        time_zone: "UTC".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule { allow: vec!["AU".parse().expect("a country")], deny: vec![] },
        posture: PostureRule::default(),
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

pub fn verdict(gate: Gate, country: &str) -> Verdict {
    let posture = PostureValues {
        reported_at: Millis(START),
        os: "android".into(),
        os_version: "16".into(),
        network_country: Some(country.parse().expect("a country")),
        sim_country: None,
        rooted: false,
        emulator: false,
        screen_lock: true,
        key_protection: KeyProtection::File,
    };
    let facts = Facts {
        at: Millis(START),
        local: Facts::local_time(&document(), Millis(START)),
        user_active: true,
        policy_active: true,
        other_sessions: 0,
        known_desktop: true,
        posture: (gate != Gate::Login).then_some(posture),
    };
    evaluate(&document(), facts, gate)
}

pub fn opened() -> session::Event {
    let seen = Whereabouts { address: Ipv4Addr::LOCALHOST.into(), desktop_name: "desk".into() };
    session::Opened {
        user: USER,
        device: DEVICE,
        gateway: GATEWAY,
        desktop: DesktopIdentity { session_key: Digest([1; 32]), install_key: Digest([2; 32]) },
        policy: POLICY,
        verdict: verdict(Gate::Login, "AU"),
        challenge: [1; 32],
        token: Digest([3; 32]),
        whereabouts: Personal::seal(&seen, USER, &DataKey([1; 32]), [3; 24]),
        address: Digest([4; 32]),
        answer_by: Millis(START),
    }
    .into()
}

pub fn code(n: u8) -> session::Event {
    session::CodeIssued {
        code: CodeId([n; 16]),
        mac: Digest([n; 32]),
        sealed: SealedBox { enc: vec![1], ciphertext: vec![2] },
        expires_at: Millis(START),
    }
    .into()
}

pub fn issued() -> session::Event {
    session::BootstrapIssued {
        bootstrap: BOOTSTRAP,
        voids: None,
        sealed: SealedBox { enc: vec![1], ciphertext: vec![2] },
        certificate: Digest([1; 32]),
        address: Digest([2; 32]),
        grants: vec![],
        labels: vec!["page".into()],
        image: "page".into(),
        policy: POLICY,
        verdict: verdict(Gate::Bootstrap, "AU"),
        incarnation: INCARNATION,
        use_before: Millis(START),
        lease_until: Millis(START),
    }
    .into()
}
