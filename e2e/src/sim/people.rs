//! Who lives here: users with their phones, and what only they and their gateways can open.

use super::{
    agent::Agent,
    fixtures::{self, LOG, OFFER_SECRET, START, fixtures},
    rng::Rng,
    way::Journey,
    world::{Event, World},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use viworks_domain::{
    Millis,
    actor::{Actor, Origin},
    bootstrap::Secrets,
    command::{Command, WireCommand},
    device,
    event::AggregateRef,
    gateway,
    ids::{
        AttemptId, BootstrapId, CodeId, CommandId, CorrelationId, DeviceId, GatewayId, NameId, OfferId,
        OperatorId, PolicyId, SessionId, UserId,
    },
    otp::{Digits, OtpKey},
    policy::{self, Document},
    user,
};

pub(super) const POLICY: PolicyId = PolicyId([1; 16]);
/// Before anybody walks, the house is furnished.
const FURNISHED: u64 = 4_000;

/// What a sealed box would hide: the codes that only a phone reads, the secrets that only a gateway reads.
pub(super) struct Vault {
    pub otp: OtpKey,
    pub codes: BTreeMap<CodeId, Digits>,
    pub bootstraps: BTreeMap<BootstrapId, Secrets>,
    phones: u64,
    /// Attempts that came with the digits that the phone had shown for this very session.
    pub right: BTreeSet<AttemptId>,
    /// Reports that a phone made of itself, by session.
    pub honest: BTreeSet<(SessionId, Vec<u8>)>,
}

impl Vault {
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            otp: OtpKey(rng.bytes()),
            codes: BTreeMap::new(),
            bootstraps: BTreeMap::new(),
            phones: rng.next(),
            right: BTreeSet::new(),
            honest: BTreeSet::new(),
        }
    }

    /// Stands for the phone's signature; nobody else calls it.
    pub fn sign(&self, device: DeviceId, input: &[u8]) -> Vec<u8> {
        let mut hash = self.phones ^ 0xcbf2_9ce4_8422_2325;
        for byte in device.0.iter().chain(input) {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
        hash.to_be_bytes().to_vec()
    }
}

pub(super) struct Person {
    pub user: UserId,
    pub device: DeviceId,
    pub name: NameId,
    /// Where the phone says it is.
    pub country: &'static str,
    /// Types codes at random.
    pub guesses: bool,
}

impl World {
    /// A command, in the words of whoever asks.
    pub(super) fn ask(
        &mut self,
        actor: Actor,
        aggregate: impl Into<AggregateRef>,
        body: WireCommand,
    ) -> Command {
        let aggregate = aggregate.into();
        let now = Millis(self.now);
        let command = Command {
            id: CommandId(self.rng.bytes()),
            digest: body.digest(&aggregate),
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            origin: Origin::Api,
            actor,
            correlation: CorrelationId(self.rng.bytes()),
            causation: None,
            issued_at: now,
            expires_at: now.plus(Duration::from_secs(3_600)),
            aggregate,
            body,
        };
        self.publish(command.clone());
        command
    }

    /// As the owner.
    pub(super) fn order(&mut self, aggregate: impl Into<AggregateRef>, body: WireCommand) {
        let owner = Actor::Operator { id: OperatorId([1; 16]), version: 1 };
        self.ask(owner, aggregate, body);
    }

    /// The policy and the gateways.
    pub(super) fn found(&mut self, document: Document, gateways: u8) {
        for n in 0..gateways {
            let id = GatewayId([n + 1; 16]);
            self.agents.push(Agent::new(id));
            let invite = gateway::Command::Invite {
                name: format!("gw{n}"),
                endpoint: fixtures::endpoint(),
                secret: fixtures::GATEWAY_SECRET,
            };
            self.order(id, WireCommand::Gateway(invite));
            let agent = self.agents.len() - 1;
            self.at(START + 1_200, Event::StartAgent { agent });
        }
        self.order(POLICY, WireCommand::Policy(policy::Command::Draft { document }));
        self.at(START + 600, Event::Admin { action: super::admin::ENROL });
    }

    pub(super) fn enrol_everything(&mut self) {
        let gateways: Vec<GatewayId> = self.agents.iter().map(|agent| agent.id).collect();
        for id in gateways {
            let enrol =
                gateway::Command::Enrol { secret: fixtures::GATEWAY_SECRET, identity: fixtures::identity() };
            self.ask(Actor::Stranger, id, WireCommand::Gateway(enrol));
        }
        self.order(POLICY, WireCommand::Policy(policy::Command::Activate));
        for person in 0..self.people.len() {
            let (user, device) = (self.people[person].user, self.people[person].device);
            let enrol = device::Command::Enrol {
                offer: OfferId([person as u8; 16]),
                secret: OFFER_SECRET,
                keys: fixtures().keys.clone(),
                signature: fixtures().enrolment(OfferId([person as u8; 16])),
                token: viworks_domain::ids::Digest([1; 32]),
            };
            self.ask(Actor::Stranger, device, WireCommand::Device(enrol));
            self.order(user, WireCommand::User(user::Command::AddDevice { device }));
        }
    }

    /// The people, and when each of them sets out.
    pub(super) fn invite_people(&mut self) {
        let people = self.rng.between(2, 3) as u8;
        for n in 0..people {
            // The last one sometimes wants a name that is taken.
            let name = if n == 2 && self.rng.permille(300) { 0 } else { n };
            let country = if self.rng.permille(150) { "NZ" } else { "AU" };
            let guesses = self.rng.permille(150);
            self.invite(n, name, country, guesses);
        }
        let span = self.calm_from - START;
        for person in 0..self.people.len() {
            let journeys = if self.people[person].guesses { 9 } else { self.rng.between(1, 4) };
            for _ in 0..journeys {
                let when = START + FURNISHED + self.rng.below(span.min(900_000));
                let journey = Journey::new(&mut self.rng, person, self.people[person].guesses);
                self.ways.push(journey);
                let way = self.ways.len() - 1;
                self.at(when, Event::Walk { way });
            }
        }
    }

    pub(super) fn invite(&mut self, n: u8, name: u8, country: &'static str, guesses: bool) {
        let id = [n + 1; 16];
        let person =
            Person { user: UserId(id), device: DeviceId(id), name: NameId([name + 1; 16]), country, guesses };
        self.create(&person);
        self.people.push(person);
        let offer =
            device::Command::Offer { user: UserId(id), offer: OfferId([n; 16]), secret: OFFER_SECRET };
        self.order(DeviceId(id), WireCommand::Device(offer));
    }

    fn create(&mut self, person: &Person) {
        let gateways = self.agents.iter().map(|agent| agent.id).collect();
        let create = user::Command::Create {
            name: person.name,
            profile: fixtures().profile.clone(),
            password: fixtures().password.clone(),
            policies: vec![POLICY],
            gateways,
        };
        self.order(person.user, WireCommand::User(create));
    }
}
