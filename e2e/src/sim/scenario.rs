//! One history on purpose: no accident happens that the test does not ask for.

use super::{
    fixtures::{self, START},
    people::POLICY,
    way::Journey,
    world::{Event, Rules, Way, World},
};
use viworks_domain::{
    Millis,
    actor::{Actor, Origin},
    command::{Command, WireCommand},
    decision::Outcome,
    enforcer::Input,
    gateway_bus::Order,
    ids::{OperatorId, SessionId, UserId},
    policy::{Document, Facts, Window},
    session::{EndReason, Session, WireCommand as S},
    user,
};

/// The house of a test: one gateway, people with phones in the right country, nobody on the way yet.
pub struct Scenario(World);

/// Somebody on the way.
#[derive(Clone, Copy, Debug)]
pub struct Desk(usize);

impl Scenario {
    pub fn new(max_minutes: u32, lease_seconds: u32) -> Self {
        Self::with(fixtures::document(max_minutes, lease_seconds, 64, "AU"))
    }

    /// A policy whose window closes so many minutes from now.
    pub fn closing_in(minutes: u16) -> Self {
        let mut document = fixtures::document(60, 3_600, 64, "AU");
        let now = Facts::local_time(&document, Millis(START));
        let window = Window {
            days: vec![now.weekday],
            from_minute: 0,
            to_minute: (now.minute + minutes).min(24 * 60),
        };
        document.windows = vec![window];
        Self::with(document)
    }

    fn with(document: Document) -> Self {
        let mut world = World::new(1, Rules { faults: false, ..Rules::ALL }, true);
        world.horizon = u64::MAX;
        world.furnish(document);
        let mut scenario = Self(world);
        scenario.run_for(5_000);
        scenario
    }

    pub fn run_for(&mut self, millis: u64) {
        self.0.live_until(self.0.now + millis);
        assert_eq!(self.0.witness.violation, None, "{}", self.0.story());
    }

    /// Sets out; gives so many wrong answers before the right one.
    pub fn sign_in(&mut self, person: usize, wrong: u32) -> Desk {
        let journey = Journey::honest(&mut self.0.rng, person, wrong);
        self.0.ways.push(journey);
        let way = self.0.ways.len() - 1;
        self.0.after(1, Event::Walk { way });
        Desk(way)
    }

    pub fn session(&self, desk: Desk) -> SessionId {
        self.0.ways[desk.0].session()
    }

    pub fn state(&self, desk: Desk) -> Session {
        self.0.log.session(self.session(desk)).map(|root| root.state.clone()).unwrap_or_default()
    }

    pub fn user(&self, person: usize) -> user::User {
        self.0.log.user(self.person(person)).map(|root| root.state.clone()).unwrap_or_default()
    }

    pub fn person(&self, person: usize) -> UserId {
        self.0.people[person].user
    }

    /// Whether packets of this session reach anything.
    pub fn flows(&self, desk: Desk) -> bool {
        let mine = Way { index: desk.0, session: self.session(desk) };
        self.0.agents.iter().any(|agent| {
            agent.os.clients.values().any(|client| client.way == mine && agent.os.flows(client, self.0.now))
        })
    }

    /// As the owner; the answer, once there is one.
    pub fn order(
        &mut self,
        aggregate: impl Into<viworks_domain::event::AggregateRef>,
        body: WireCommand,
    ) -> Command {
        let owner = Actor::Operator { id: OperatorId([1; 16]), version: 1 };
        let command = self.0.ask(owner, aggregate, body);
        self.run_for(1_000);
        command
    }

    /// The same command id again, with this body.
    pub fn order_again(&mut self, command: &Command, body: WireCommand) {
        let digest = body.digest(&command.aggregate);
        self.0.publish(Command { body, digest, origin: Origin::Api, ..command.clone() });
        self.run_for(1_000);
    }

    pub fn outcome(&self, command: &Command) -> Option<Outcome> {
        self.0.log.outcome(command.aggregate, command.id).cloned()
    }

    pub fn terminate(&mut self, desk: Desk) {
        let reason = EndReason::Terminated { note: "enough".into() };
        self.order(self.session(desk), WireCommand::Session(S::RequestEnd { reason }));
    }

    pub fn change_policy(&mut self, change: impl FnOnce(&mut Document)) {
        let Some(mut document) = self.0.log.policy(POLICY).and_then(|p| p.state.document.clone()) else {
            return;
        };
        change(&mut document);
        let change = viworks_domain::policy::Command::Change { document };
        self.order(POLICY, WireCommand::Policy(change));
    }

    /// The gateway is away from the bus.
    pub fn partition(&mut self, millis: u64) {
        self.0.agents[0].partitioned_until = self.0.now + millis;
    }

    /// Every process of the agent is gone; OpenVPN and the kernel go on.
    pub fn stop_agent(&mut self) {
        self.0.agents[0].crash();
    }

    pub fn start_agent(&mut self) {
        self.0.start_agent(0);
    }

    pub fn stop_control_plane(&mut self) {
        self.0.workers.iter_mut().for_each(super::worker::Worker::crash);
        self.0.runners.iter_mut().for_each(super::runner::Runner::crash);
    }

    pub fn start_control_plane(&mut self) {
        for worker in 0..self.0.workers.len() {
            self.0.after(1, Event::StartWorker { worker });
        }
        for runner in 0..self.0.runners.len() {
            self.0.after(1, Event::StartRunner { runner });
        }
    }

    pub fn lose_every_schedule(&mut self) {
        self.0.runners.iter_mut().for_each(super::runner::Runner::lose_clocks);
    }

    /// Every admit that ever was, made out as freshly as a thief of the signing key could: for this start,
    /// for ever.
    pub fn replay_admits_made_fresh(&mut self) {
        let incarnation =
            self.0.agents[0].enforcer.as_ref().map(viworks_domain::enforcer::Enforcer::incarnation);
        let Some(incarnation) = incarnation else { return };
        for (n, mut command) in (1 << 40..).zip(self.0.agents[0].orders()) {
            let Order::Admit(admit) = &mut command.order else { continue };
            admit.incarnation = incarnation;
            let for_ever = Millis(self.0.now + 3_600_000);
            (admit.not_after, admit.use_before) = (for_ever, for_ever);
            (admit.ends_at, admit.lease_until) = (for_ever, for_ever);
            command.n = n;
            let secrets = self.0.vault.bootstraps.get(&admit.bootstrap).cloned();
            let life = self.0.agents[0].life;
            self.0.agent_input(0, life, Input::Order { command: Box::new(command), secrets });
        }
    }

    /// Bootstraps that the gateway holds a key for.
    pub fn keys_at_the_edge(&self) -> usize {
        self.0.agents[0].os.keys.len()
    }
}
