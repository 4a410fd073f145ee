//! Tests of processes: decisions in, effects out. After every decision a second process that has only read the
//! log must wait for the same alarms: memory is a fold.

use super::{Alarm, AlarmKind, Effect, Process, react_all};
use crate::{
    Millis,
    actor::{Actor, Origin},
    command::WireCommand,
    decision::{Decision, Outcome, Recorded},
    device::{self, DeviceKeys},
    event::{AggregateRef, Event},
    gateway,
    gateway_bus::Order,
    ids::{
        AttemptId, BootstrapId, BusAccount, CodeId, CommandId, CorrelationId, DeviceId, Digest, EndId,
        GatewayId, Incarnation, LogId, NameId, OfferId, PolicyId, SessionId, UserId,
    },
    personal::{DataKey, Personal, Profile, Whereabouts},
    policy::{
        self, CountryRule, Document, Facts, Gate, KeyProtection, PolicyRef, PostureRule, PostureValues,
        evaluate,
    },
    seal::SealedBox,
    session::{self, DesktopIdentity, EndReason, EndsBecause, Layer},
    user::{self, PasswordHash, Step},
};
use std::{collections::BTreeMap, net::Ipv4Addr};

pub const USER: UserId = UserId([1; 16]);
pub const NAME: NameId = NameId([3; 16]);
pub const DEVICE: DeviceId = DeviceId([4; 16]);
pub const POLICY: PolicyId = PolicyId([5; 16]);
pub const GATEWAY: GatewayId = GatewayId([6; 16]);
pub const SESSION: SessionId = SessionId([7; 16]);
pub const ATTEMPT: AttemptId = AttemptId([8; 16]);
pub const CODE: CodeId = CodeId([9; 16]);
pub const BOOTSTRAP: BootstrapId = BootstrapId([10; 16]);
pub const END: EndId = EndId([11; 16]);
pub const INCARNATION: Incarnation = Incarnation([12; 16]);
pub const CORRELATION: CorrelationId = CorrelationId([13; 16]);
pub const CLIENT_KEY: Digest = Digest([14; 32]);

/// Every decision happens at this moment unless [`Story::at`] says otherwise.
pub const NOW: Millis = Millis(1_800_000_000_000);

pub const fn later(millis: u64) -> Millis {
    Millis(NOW.0 + millis)
}

pub struct Story<P> {
    pub process: P,
    log: Vec<Recorded>,
    versions: BTreeMap<AggregateRef, u64>,
    now: Millis,
}

impl<P: Process> Default for Story<P> {
    fn default() -> Self {
        Self { process: P::default(), log: vec![], versions: BTreeMap::new(), now: NOW }
    }
}

impl<P: Process> Story<P> {
    pub fn at(&mut self, now: Millis) -> &mut Self {
        self.now = now;
        self
    }

    /// The sequence of the last decision.
    pub fn seq(&self) -> u64 {
        self.log.len() as u64
    }

    pub fn decision<E: Event>(&mut self, aggregate: impl Into<AggregateRef>, events: Vec<E>) -> Vec<Effect> {
        let aggregate = aggregate.into();
        let version = self.versions.entry(aggregate).or_default();
        let base_version = *version;
        *version += events.len() as u64;
        let decision = Decision {
            log_id: LogId([0; 16]),
            epoch: 1,
            aggregate,
            base_version,
            command_id: CommandId([0; 16]),
            command_digest: Digest([0; 32]),
            command_expires_at: Millis::MAX,
            origin: Origin::Api,
            actor: Actor::Machine,
            correlation: CORRELATION,
            causation: None,
            at: self.now,
            outcome: Outcome::Accepted,
            events: events.iter().map(Event::store).collect(),
        };
        self.log.push(Recorded { seq: self.log.len() as u64 + 1, decision });
        let effects = react_all(&mut self.process, &self.log[self.log.len() - 1]).expect("readable");
        self.is_a_fold();
        effects
    }

    pub fn session(&mut self, event: impl Into<session::Event>) -> Vec<Effect> {
        self.decision(SESSION, vec![event.into()])
    }

    pub fn rings(&mut self, kind: AlarmKind, now: Millis) -> Vec<Effect> {
        let instance = if kind == AlarmKind::Step { USER.0 } else { SESSION.0 };
        self.process.rang(&Alarm { instance, kind, at: now, generation: 0, attempt: 1 }, now)
    }

    /// The alarm of this kind, as `(when, attempt)`.
    pub fn alarm(&self, kind: AlarmKind) -> Option<(Millis, u32)> {
        self.process.alarms().iter().find(|a| a.kind == kind).map(|a| (a.at, a.attempt))
    }

    /// A second process that reads the same log says the same and waits for the same.
    fn is_a_fold(&self) {
        let mut other = P::default();
        let kinds = |p: &P| p.alarms().iter().map(|a| (a.instance, a.kind)).collect::<Vec<_>>();
        for recorded in &self.log {
            react_all(&mut other, recorded).expect("readable");
        }
        assert_eq!(kinds(&other), kinds(&self.process));
    }
}

pub fn command(aggregate: AggregateRef, body: WireCommand) -> Effect {
    Effect::Command { aggregate, body, correlation: CORRELATION, not_after: None }
}

pub fn deadline(kind: session::DeadlineKind, generation: u64) -> Effect {
    command(SESSION.into(), WireCommand::Session(session::WireCommand::Deadline { kind, generation }))
}

pub fn request_end(reason: EndReason) -> Effect {
    command(SESSION.into(), WireCommand::Session(session::WireCommand::RequestEnd { reason }))
}

pub fn order(order: Order, cause_seq: u64, index: u8) -> Effect {
    Effect::Order { gateway: GATEWAY, order, correlation: CORRELATION, cause_seq, index }
}

pub fn arm(kind: AlarmKind, at: Millis, generation: u64) -> Effect {
    Effect::Arm(Alarm { instance: SESSION.0, kind, at, generation, attempt: 1 })
}

pub fn disarm(kind: AlarmKind) -> Effect {
    Effect::Disarm { instance: SESSION.0, kind }
}

pub fn document() -> Document {
    Document {
        name: "office".into(),
        time_zone: "Australia/Sydney".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule { allow: vec!["AU".parse().expect("a country")], deny: vec![] },
        posture: PostureRule::default(),
        resources: vec![],
        image: "page".into(),
        max_minutes: 60,
        lease_seconds: 600,
        concurrent_sessions: 1,
    }
}

pub fn posture(country: &str) -> PostureValues {
    PostureValues {
        reported_at: NOW,
        os: "android".into(),
        os_version: "16".into(),
        network_country: Some(country.parse().expect("a country")),
        sim_country: None,
        rooted: false,
        emulator: false,
        screen_lock: true,
        key_protection: KeyProtection::Hardware,
    }
}

pub fn verdict(gate: Gate, country: &str) -> policy::Verdict {
    let facts = Facts {
        at: NOW,
        local: Facts::local_time(&document(), NOW),
        user_active: true,
        policy_active: true,
        other_sessions: 0,
        known_desktop: true,
        posture: (gate != Gate::Login).then(|| posture(country)),
    };
    evaluate(&document(), facts, gate)
}

fn sealed() -> SealedBox {
    SealedBox { enc: vec![1], ciphertext: vec![2] }
}

pub const fn policy_ref() -> PolicyRef {
    PolicyRef { id: POLICY, version: 1 }
}

pub fn opened() -> session::Opened {
    session::Opened {
        user: USER,
        device: DEVICE,
        gateway: GATEWAY,
        desktop: DesktopIdentity { session_key: CLIENT_KEY, install_key: Digest([15; 32]) },
        policy: policy_ref(),
        verdict: verdict(Gate::Login, "AU"),
        challenge: [16; 32],
        token: Digest([17; 32]),
        whereabouts: Personal::seal(
            &Whereabouts { address: Ipv4Addr::LOCALHOST.into(), desktop_name: "desk".into() },
            USER,
            &DataKey([18; 32]),
            [19; 24],
        ),
        address: Digest([20; 32]),
        answer_by: later(300_000),
    }
}

pub fn code_issued() -> session::CodeIssued {
    session::CodeIssued { code: CODE, mac: Digest([21; 32]), sealed: sealed(), expires_at: later(120_000) }
}

pub fn answer_refused() -> session::AnswerRefused {
    session::AnswerRefused { code: CODE, attempt: ATTEMPT, left: 4 }
}

/// Ends so many milliseconds from [`NOW`].
pub fn verified(ends_in: u64) -> session::Verified {
    session::Verified {
        code: CODE,
        attempt: ATTEMPT,
        policy: policy_ref(),
        verdict: verdict(Gate::Code, "AU"),
        ends_at: later(ends_in),
        because: EndsBecause::MaximumLength,
    }
}

pub fn bootstrap_issued() -> session::BootstrapIssued {
    session::BootstrapIssued {
        bootstrap: BOOTSTRAP,
        voids: None,
        sealed: sealed(),
        certificate: Digest([22; 32]),
        address: Digest([20; 32]),
        grants: vec![],
        labels: vec![],
        image: "page".into(),
        policy: policy_ref(),
        verdict: verdict(Gate::Bootstrap, "AU"),
        incarnation: INCARNATION,
        use_before: later(60_000),
        lease_until: later(600_000),
    }
}

pub fn lease_renewed(until: u64) -> session::LeaseRenewed {
    session::LeaseRenewed {
        lease_until: later(until),
        policy: policy_ref(),
        verdict: verdict(Gate::Continuous, "AU"),
    }
}

pub fn ending() -> session::Ending {
    session::Ending {
        end: END,
        reason: EndReason::SignedOut,
        layers: Layer::ALL.to_vec(),
        receipts_due: later(10_000),
    }
}

pub fn created(gateways: &[GatewayId]) -> user::Created {
    let steps = gateways.iter().flat_map(|g| [Step::Vpn { gateway: *g }, Step::Panel { gateway: *g }]);
    user::Created {
        name: NAME,
        profile: Personal::seal(&Profile { username: "ada".into() }, USER, &DataKey([18; 32]), [1; 24]),
        password: Personal::seal(&PasswordHash("phc".into()), USER, &DataKey([18; 32]), [2; 24]),
        policies: vec![POLICY],
        gateways: gateways.to_vec(),
        steps: std::iter::once(Step::Directory).chain(steps).collect(),
    }
}

pub fn step_finished(step: Step, attempt: u32) -> user::Event {
    user::StepFinished { step, attempt }.into()
}

/// An active user with a phone, an active policy and an enrolled gateway that has started.
pub fn world<P: Process>() -> Story<P> {
    let mut story = Story::<P>::default();
    let account = format!("A{}", "B".repeat(55)).parse::<BusAccount>().expect("an account");
    let identity = gateway::Identity {
        account,
        bus_user: "U".into(),
        opening_key: vec![4; 65],
        report_key: [5; 32],
        server_key: Digest([6; 32]),
    };
    story.decision::<gateway::Event>(
        GATEWAY,
        vec![
            gateway::Enrolled { identity }.into(),
            gateway::IncarnationSeen { incarnation: INCARNATION }.into(),
        ],
    );
    story.decision::<policy::Event>(
        POLICY,
        vec![policy::Drafted { document: document() }.into(), policy::Activated { version: 1 }.into()],
    );
    story.decision::<user::Event>(USER, vec![created(&[GATEWAY]).into()]);
    let steps = [Step::Directory, Step::Vpn { gateway: GATEWAY }, Step::Panel { gateway: GATEWAY }];
    story.decision(USER, steps.map(|step| step_finished(step, 1)).to_vec());
    let keys = DeviceKeys { sign: vec![4; 65], agree: vec![4; 65], protection: KeyProtection::Hardware };
    story.decision::<device::Event>(
        DEVICE,
        vec![
            device::Offered {
                user: USER,
                offer: OfferId([0; 16]),
                secret: Digest([0; 32]),
                expires_at: later(1),
            }
            .into(),
            device::Enrolled { user: USER, keys, token: Digest([0; 32]) }.into(),
        ],
    );
    story
}

/// [`world`], with a session that is verified and ends in an hour.
pub fn verified_session<P: Process>() -> Story<P> {
    let mut story = world();
    story.session(opened());
    story.session(session::PostureRecorded {
        device: DEVICE,
        policy: policy_ref(),
        verdict: verdict(Gate::Posture, "AU"),
    });
    story.session(code_issued());
    story.session(verified(3_600_000));
    story
}
