//! The world: its clock, its queue, who lives in it, and what is checked after every step.

use super::{
    agent::Agent,
    agent_os::Os,
    faults::Fault,
    fixtures::{self, START},
    log::Log,
    people::{Person, Vault},
    rng::Rng,
    runner::{self, Runner},
    way::Journey,
    witness::Witness,
    worker::{Pending, Queued, Worker},
};
use std::{collections::BTreeMap, net::IpAddr};
use viworks_domain::{
    actor::ProcessName,
    enforcer::{Enforcer, Input},
    event::AggregateKind,
    ids::{BootstrapId, Digest, SessionId},
    policy::{Document, Grant},
    process::Alarm,
    session::Stage,
    user::Progress,
};

/// Defences that a test may take away, to see the simulation turn red without them.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Appends carry the sequence that the fold was at.
    pub appends_are_guarded: bool,
    /// A known command id meets its earlier outcome.
    pub outcomes_are_remembered: bool,
    /// Attempts are paid before a code is judged.
    pub attempts_are_paid: bool,
    /// Digits are compared with what was sent to the phone.
    pub answers_are_checked: bool,
    /// The phone's signature is verified.
    pub reports_are_verified: bool,
    /// The agent's own clock ends sessions.
    pub agents_watch_the_clock: bool,
    /// Grants time out in the kernel.
    pub kernel_forgets: bool,
    /// Receipts are given by the enforcer alone.
    pub receipts_are_honest: bool,
    /// Alarms that were lost are rebuilt from the fold.
    pub alarms_are_swept: bool,
    /// This process does nothing.
    pub silent: Option<ProcessName>,
    pub faults: bool,
}

impl Rules {
    pub const ALL: Self = Self {
        appends_are_guarded: true,
        outcomes_are_remembered: true,
        attempts_are_paid: true,
        answers_are_checked: true,
        reports_are_verified: true,
        agents_watch_the_clock: true,
        kernel_forgets: true,
        receipts_are_honest: true,
        alarms_are_swept: true,
        silent: None,
        faults: true,
    };
}

/// Whose connection something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    pub index: usize,
    pub session: SessionId,
}

pub(super) enum Event {
    Deliver {
        command: usize,
    },
    Append {
        worker: usize,
        life: u32,
        command: usize,
        pending: Box<Pending>,
    },
    Poll {
        runner: usize,
    },
    Ring {
        runner: usize,
        alarm: Alarm,
    },
    Sweep {
        runner: usize,
    },
    StartRunner {
        runner: usize,
    },
    StartWorker {
        worker: usize,
    },
    Order {
        agent: usize,
        index: usize,
    },
    Input {
        agent: usize,
        life: u32,
        input: Box<Input>,
    },
    Tick {
        agent: usize,
        life: u32,
    },
    StartAgent {
        agent: usize,
    },
    Intake {
        agent: usize,
    },
    /// The edge's answer to a knock reaches the desktop.
    Acked {
        agent: usize,
        bootstrap: BootstrapId,
    },
    /// The edge's connection reaches OpenVPN.
    Through {
        agent: usize,
        connection: u64,
    },
    /// Somebody who did not knock tries the open door with this key.
    Intrude {
        agent: usize,
        way: Way,
        key: Digest,
        from: IpAddr,
    },
    Walk {
        way: usize,
    },
    Admin {
        action: u64,
    },
    Retry,
    /// Long after the last change: whoever is let in may still be.
    Inspect,
    Fault(Fault),
}

/// How a history went.
#[derive(Debug, Default)]
pub struct Outcome {
    pub violation: Option<String>,
    pub trace: Vec<String>,
    pub decisions: usize,
    pub sessions: usize,
    pub verified: usize,
    pub connections: usize,
    pub ended: usize,
}

pub struct World {
    pub(super) rng: Rng,
    pub(super) rules: Rules,
    pub(super) now: u64,
    queue: BTreeMap<(u64, u64), Event>,
    next: u64,
    pub(super) log: Log,
    pub(super) vault: Vault,
    pub(super) witness: Witness,
    pub(super) commands: Vec<Queued>,
    pub(super) workers: Vec<Worker>,
    pub(super) runners: Vec<Runner>,
    pub(super) agents: Vec<Agent>,
    pub(super) people: Vec<Person>,
    pub(super) ways: Vec<Journey>,
    /// From here on nothing fails any more.
    pub(super) calm_from: u64,
    /// When everything must have come to its end.
    pub(super) horizon: u64,
    tracing: bool,
    trace: Vec<String>,
}

/// One history. Prints nothing; with `tracing` the outcome tells everything that happened.
pub fn run(seed: u64, rules: Rules, tracing: bool) -> Outcome {
    let mut world = World::new(seed, rules, tracing);
    world.populate();
    world.live();
    world.conclude();
    world.outcome()
}

impl World {
    pub(super) fn new(seed: u64, rules: Rules, tracing: bool) -> Self {
        let mut rng = Rng::new(seed);
        let vault = Vault::new(&mut rng);
        Self {
            rng,
            rules,
            now: START,
            queue: BTreeMap::new(),
            next: 0,
            log: Log::default(),
            vault,
            witness: Witness::default(),
            commands: vec![],
            workers: vec![Worker::default(), Worker::default()],
            runners: runner::all(),
            agents: vec![],
            people: vec![],
            ways: vec![],
            calm_from: START,
            horizon: START,
            tracing,
            trace: vec![],
        }
    }

    pub(super) fn at(&mut self, when: u64, event: Event) {
        self.next += 1;
        self.queue.insert((when.max(self.now), self.next), event);
    }

    pub(super) fn after(&mut self, delay: u64, event: Event) {
        self.at(self.now.saturating_add(delay), event);
    }

    pub(super) fn has_faults(&self) -> bool {
        self.rules.faults && self.now < self.calm_from
    }

    /// So many times in a thousand, while things still fail.
    pub(super) fn faulty(&mut self, permille: u64) -> bool {
        self.has_faults() && self.rng.permille(permille)
    }

    pub(super) fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.tracing {
            let line = format!("{:>10} {}", self.now - START, what());
            self.trace.push(line);
        }
    }

    fn live(&mut self) {
        self.live_until(self.horizon);
    }

    pub(super) fn live_until(&mut self, until: u64) {
        while self.witness.violation.is_none()
            && let Some(next) = self.queue.first_entry()
            && next.key().0 <= until
        {
            let ((when, _), event) = next.remove_entry();
            self.now = when;
            self.happen(event);
            self.check();
        }
        self.now = self.now.max(until);
    }

    pub(super) fn story(&self) -> String {
        self.trace.join("\n")
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Deliver { command } => self.deliver(command),
            Event::Append { worker, life, command, pending } => self.append(worker, life, command, pending),
            Event::Poll { runner } => self.poll(runner),
            Event::Ring { runner, alarm } => self.ring(runner, alarm),
            Event::Sweep { runner } => self.sweep(runner),
            Event::StartRunner { runner } => self.start_runner(runner),
            Event::StartWorker { worker } => self.workers[worker].down = false,
            Event::Order { agent, index } => self.deliver_order(agent, index),
            Event::Input { agent, life, input } => self.agent_input(agent, life, *input),
            Event::Tick { agent, life } => self.tick(agent, life),
            Event::StartAgent { agent } => self.start_agent(agent),
            Event::Intake { agent } => self.intake(agent),
            Event::Acked { agent, bootstrap } => self.acked(agent, bootstrap),
            Event::Through { agent, connection } => self.through(agent, connection),
            Event::Walk { way } => self.walk(way),
            Event::Intrude { agent, way, key, from } => {
                self.connect(agent, way, key, from);
            }
            Event::Admin { action } => self.administer(action),
            Event::Retry => self.retry_failed_steps(),
            Event::Inspect => self.inspect(),
            Event::Fault(fault) => self.fail(fault),
        }
    }

    /// A decision was appended.
    pub(super) fn observe(&mut self) {
        let Some(entry) = self.log.last() else { return };
        let decision = &entry.recorded.decision;
        let events = entry.events().collect::<Vec<_>>();
        self.witness.decided(decision.aggregate, decision.command_id, &decision.outcome, events.len());
        for event in &events {
            self.witness.observe(event, &self.vault);
        }
        if self.tracing {
            let names = events.iter().map(|event| event.event.name()).collect::<Vec<_>>().join(", ");
            let line = format!(
                "{:>10} #{} {} {:?} {}",
                self.now - START,
                entry.recorded.seq,
                decision.aggregate,
                decision.outcome,
                names
            );
            self.trace.push(line);
        }
        let ended = events.iter().any(|event| event.event.name() == "session.ended");
        let id = SessionId(decision.aggregate.id);
        if ended && decision.aggregate.kind == AggregateKind::Session {
            self.nothing_is_left_of(id);
        }
        self.wake_runners();
    }

    /// Every receipt was a promise of absence.
    fn nothing_is_left_of(&mut self, id: SessionId) {
        let left = |os: &Os| {
            os.containers.contains(&id)
                || os.paths.values().any(|session| *session == id)
                || os.tls.values().any(|tls| tls.way.session == id && tls.allowed)
                || os.clients.values().any(|client| client.way.session == id && client.address.is_some())
        };
        if self.agents.iter().any(|agent| left(&agent.os)) {
            self.witness.violate("ended, and something of it still stands at its gateway");
        }
    }

    /// After every step: whoever can send packets may.
    fn check(&mut self) {
        for agent in &self.agents {
            // Two seconds between the workers' clocks and ours, one for the agent's own ticking.
            let slack = 3_500 + agent.behind;
            for client in agent.os.clients.values() {
                if agent.os.flows(client, self.now) {
                    self.witness.flowing(client.way.session, self.now, slack);
                }
            }
        }
    }

    /// A change ends the sessions that it no longer allows, and not only when their time is up.
    fn inspect(&mut self) {
        self.after(15_000, Event::Inspect);
        let stale = self.log.sessions().find(|&(id, root)| {
            let Some(origin) = root.state.origin.as_ref() else { return false };
            let Stage::Verified(v) = &root.state.stage else { return false };
            // A minute for the alarm and its repetitions.
            let leased = v.lease_until.is_none_or(|until| self.now < until.0 + 60_000);
            let user = self.log.user(origin.user);
            let active = user.is_some_and(|user| {
                user.state.is_active() && user.state.policies.contains(&origin.policy.id)
            });
            let phone = self.log.device(origin.device).is_some_and(|device| device.state.is_enrolled());
            let country = root.state.posture.as_ref().and_then(|posture| posture.network_country);
            let policy = self.log.policy(origin.policy.id);
            let document = policy.and_then(|policy| policy.state.active(origin.policy.id)).map(|(_, d)| d);
            let allowed = document.zip(country).is_some_and(|(document, country)| {
                let open = document.not_after.is_none_or(|end| self.now < end.0 + 10_000);
                let granted = |grant: &Grant| document.resources.iter().any(|r| Grant::from(r) == *grant);
                let held = self.agents.iter().filter_map(|agent| agent.enforcer.as_ref());
                let mine = held.flat_map(Enforcer::sessions).filter(|(held, _)| held.session == id);
                let within = mine.flat_map(|(held, _)| &held.grants).all(granted);
                open && document.countries.allow.contains(&country) && within
            });
            !(active && phone && allowed && leased)
        });
        if let Some((id, _)) = stale {
            self.witness.violate(format!("session {id} stands although it is no longer allowed"));
        }
    }

    /// Faults have stopped long ago: everybody has arrived somewhere.
    fn conclude(&mut self) {
        if self.witness.violation.is_some() {
            return;
        }
        let now = self.now;
        let stuck = self.log.sessions().find(|(_, root)| match &root.state.stage {
            Stage::Absent | Stage::Ended(_) | Stage::Denied | Stage::Expired => false,
            Stage::Verified(v) => now >= v.ends_at.0,
            Stage::Challenged | Stage::CodeIssued(_) | Stage::Ending(_) => true,
        });
        if let Some((id, root)) = stuck {
            let what = format!("session {id} never came to an end: {:?}", root.state.stage);
            return self.witness.violate(what);
        }
        let waiting = self
            .log
            .users()
            .find(|(_, root)| root.state.steps.values().any(|step| step.progress == Progress::Pending));
        if let Some((id, root)) = waiting {
            let what = format!("user {id} waits for a step: {:?}", root.state.steps);
            return self.witness.violate(what);
        }
        let unheard = self
            .commands
            .iter()
            .find(|queued| self.log.outcome(queued.command.aggregate, queued.command.id).is_none());
        if let Some(queued) = unheard {
            self.witness.violate(format!("a command has no outcome: {:?}", queued.command.body));
        }
    }

    fn outcome(self) -> Outcome {
        let stories = self.witness.sessions.values();
        Outcome {
            violation: self.witness.violation.clone(),
            decisions: self.log.entries.len(),
            sessions: self.witness.sessions.len(),
            verified: stories.clone().filter(|story| story.verified).count(),
            connections: stories.clone().map(|story| story.connections).sum(),
            ended: stories.filter(|story| story.ended).count(),
            trace: self.trace,
        }
    }

    /// Who lives here, what they will do, and what will go wrong.
    fn populate(&mut self) {
        let long = self.rng.permille(80);
        let minutes = if long { 75 } else { self.rng.between(4, 12) };
        self.calm_from = START + minutes * 60_000;
        let longest = [3, 6, 15][self.rng.below(3) as usize];
        self.horizon = self.calm_from + (u64::from(longest) + 12) * 60_000;
        let lease = [45, 90, 240][self.rng.below(3) as usize];
        let beside = self.rng.between(1, 4) as u32;
        let gateways = self.rng.between(1, 2) as u8;
        self.found(fixtures::document(longest, lease, beside, "AU"), gateways);
        self.invite_people();
        self.schedule_admin();
        if self.rules.faults {
            self.schedule_faults(long);
        }
        self.at(self.calm_from + 60_000, Event::Inspect);
        self.sweep_all();
    }

    fn sweep_all(&mut self) {
        for index in 0..self.runners.len() {
            self.after(1_000, Event::Sweep { runner: index });
        }
    }

    /// Two people, one gateway, and nothing that goes wrong.
    pub(super) fn furnish(&mut self, document: Document) {
        self.found(document, 1);
        for n in 0..2 {
            self.invite(n, n, "AU", false);
        }
        self.sweep_all();
    }
}
