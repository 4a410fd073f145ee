//! A gateway: the real enforcer, in a shell that carries its effects out on a made-up machine.

use super::{
    agent_os::{Client, Disk, Os, Tls},
    fixtures::{self, LOG, fixtures},
    world::{Event, Way, World},
};
use std::{net::IpAddr, time::Duration};
use viworks_domain::{
    Millis,
    enforcer::{Charter, Effect, Enforcer, Input, Outcome, SpaKey, Ticket},
    event::AggregateRef,
    gateway,
    gateway_bus::{GatewayCommand, News, Order},
    ids::{BootstrapId, CommandId, Digest, GatewayId, Incarnation, SessionId},
    lease::Clocks,
    session::{Absence, Layer},
    user::StepFailure,
};

/// An order that was not settled comes again after this long.
const ORDER_WAIT: u64 = 4_000;

pub(super) struct Agent {
    pub id: GatewayId,
    pub enforcer: Option<Enforcer>,
    pub life: u32,
    pub disk: Disk,
    pub os: Os,
    /// The wall clock, off the true time.
    pub skew: i64,
    /// The furthest behind that the wall clock was while it took in something that widens.
    pub behind: u64,
    boot_id: u8,
    booted: u64,
    pub partitioned_until: u64,
    /// `VW_GATEWAY`, and which of it is settled.
    orders: Vec<(GatewayCommand, bool)>,
    /// Reports taken in; commands of the next one that are waited for.
    pub taken: usize,
    pub waited: Vec<(AggregateRef, CommandId)>,
    pub looking: bool,
    writes: u64,
    next_connection: u64,
}

impl Agent {
    pub fn new(id: GatewayId) -> Self {
        Self {
            id,
            enforcer: None,
            life: 0,
            disk: Disk::default(),
            os: Os::default(),
            skew: 0,
            behind: 0,
            boot_id: 0,
            booted: fixtures::START,
            partitioned_until: 0,
            orders: vec![],
            taken: 0,
            waited: vec![],
            looking: false,
            writes: 0,
            next_connection: 1,
        }
    }

    pub fn clocks(&self, now: u64) -> Clocks {
        Clocks {
            wall: Millis(now.saturating_add_signed(self.skew)),
            boot: now - self.booted,
            boot_id: [self.boot_id; 16],
        }
    }

    /// Its children and the kernel stay.
    pub fn crash(&mut self) {
        self.enforcer = None;
        self.life += 1;
    }

    pub fn power_cut(&mut self, now: u64) {
        self.crash();
        self.os.reboot();
        self.boot_id = self.boot_id.wrapping_add(1);
        self.booted = now;
    }
}

impl Agent {
    /// All that it was ever told.
    pub fn orders(&self) -> Vec<GatewayCommand> {
        self.orders.iter().map(|(order, _)| order.clone()).collect()
    }
}

impl World {
    pub(super) fn agent_index(&self, id: GatewayId) -> Option<usize> {
        self.agents.iter().position(|agent| agent.id == id)
    }

    pub(super) fn send_order(&mut self, command: GatewayCommand) {
        let Some(agent) = self.agent_index(command.recipient) else { return };
        if self.faulty(20) {
            // The stream keeps so many for each gateway, and this one fell out.
            return;
        }
        let index = self.agents[agent].orders.len();
        self.agents[agent].orders.push((command, false));
        let within = if self.faulty(20) {
            60_000
        } else if self.faulty(100) {
            2_000
        } else {
            10
        };
        let delay = self.rng.between(1, within);
        self.after(delay, Event::Order { agent, index });
    }

    pub(super) fn deliver_order(&mut self, agent: usize, index: usize) {
        if self.agents[agent].orders[index].1 && !self.faulty(100) {
            return;
        }
        let again = ORDER_WAIT.max(self.agents[agent].partitioned_until.saturating_sub(self.now));
        self.after(again, Event::Order { agent, index });
        let party = &self.agents[agent];
        if self.now < party.partitioned_until || party.enforcer.is_none() {
            return;
        }
        let command = party.orders[index].0.clone();
        let secrets = match &command.order {
            Order::Admit(admit) => self.vault.bootstraps.get(&admit.bootstrap).cloned(),
            Order::Renew(_) | Order::End(_) | Order::Provision(_) | Order::Keys(_) => None,
        };
        if matches!(command.order, Order::Admit(_) | Order::Renew(_)) {
            let party = &mut self.agents[agent];
            party.behind = party.behind.max(party.skew.min(0).unsigned_abs());
        }
        if let (Order::End(end), false) = (&command.order, self.rules.receipts_are_honest) {
            self.agents[agent].orders[index].1 = true;
            for layer in Layer::AT_GATEWAY {
                let (session, end) = (end.session, end.end);
                self.report(agent, News::Receipt { session, end, layer, absence: Absence::Gone });
            }
            return;
        }
        self.handle(agent, Input::Order { command: Box::new(command), secrets });
    }

    pub(super) fn start_agent(&mut self, agent: usize) {
        if self.agents[agent].enforcer.is_some() {
            return;
        }
        let charter = Charter {
            gateway: self.agents[agent].id,
            log_id: LOG.log_id,
            epoch: LOG.epoch,
            incarnation: Incarnation(self.rng.bytes()),
            root: fixtures().root,
            keys: fixtures().key_set.clone(),
            ceiling: fixtures::ceiling(),
            pool: fixtures::pool(),
        };
        let party = &mut self.agents[agent];
        party.enforcer = Some(Enforcer::new(charter, party.disk.memory.clone()));
        // What the edge had was the old one's.
        party.os.tls.clear();
        party.os.keys.clear();
        let containers = party.os.containers.iter().copied().collect();
        let clients = party.os.clients.keys().copied().collect();
        self.handle(agent, Input::Start);
        self.handle(agent, Input::EdgeBack);
        self.handle(agent, Input::RunnerBack { containers });
        self.handle(agent, Input::VpnBack { clients });
        self.report(agent, News::Health { health: gateway::Health::Up });
        let life = self.agents[agent].life;
        self.after(1_000, Event::Tick { agent, life });
    }

    pub(super) fn tick(&mut self, agent: usize, life: u32) {
        let party = &self.agents[agent];
        let Some(enforcer) = party.enforcer.as_ref().filter(|_| party.life == life) else { return };
        // Nothing that a tick could change: look again later.
        let idle = enforcer.sessions().next().is_none() && party.os.clients.is_empty();
        if !idle && self.rules.agents_watch_the_clock {
            self.handle(agent, Input::Tick);
        }
        self.after(if idle { 10_000 } else { 1_000 }, Event::Tick { agent, life });
    }

    /// For an agent that lives still.
    pub(super) fn agent_input(&mut self, agent: usize, life: u32, input: Input) {
        if self.agents[agent].life == life {
            self.handle(agent, input);
        }
    }

    fn soon(&mut self, agent: usize, from: u64, to: u64, input: Input) {
        let life = self.agents[agent].life;
        let delay = self.rng.between(from, to);
        self.after(delay, Event::Input { agent, life, input: Box::new(input) });
    }

    fn handle(&mut self, agent: usize, input: Input) {
        let clocks = self.agents[agent].clocks(self.now);
        let Some(enforcer) = self.agents[agent].enforcer.as_mut() else { return };
        let effects = enforcer.handle(input, clocks);
        for effect in effects {
            if self.agents[agent].enforcer.is_none() {
                return;
            }
            if self.faulty(1) {
                self.crash_agent(agent);
                return;
            }
            self.carry_out(agent, effect);
        }
    }

    /// Whether the machine does as it is told.
    fn works(&mut self) -> Outcome {
        if self.faulty(15) { Outcome::Failed } else { Outcome::Ok }
    }

    fn done(&mut self, agent: usize, ticket: Ticket, outcome: Outcome, from: u64, to: u64) {
        self.soon(agent, from, to, Input::Done { ticket, outcome });
    }

    /// Durable at some moment before its `Done`; a crash in between finds it written or not.
    fn written(&mut self, agent: usize, ticket: Ticket, write: impl FnOnce(&mut Disk)) {
        let outcome = self.works();
        if outcome == Outcome::Failed {
            return self.done(agent, ticket, outcome, 1, 5);
        }
        let life = self.agents[agent].life;
        if self.faulty(1) {
            // The power goes while it is being written.
            if self.rng.permille(500) {
                write(&mut self.agents[agent].disk);
            }
            return self.crash_agent(agent);
        }
        write(&mut self.agents[agent].disk);
        let delay = self.rng.between(1, 20);
        let done = Input::Done { ticket, outcome };
        self.after(delay, Event::Input { agent, life, input: Box::new(done) });
    }

    fn carry_out(&mut self, agent: usize, effect: Effect) {
        use Effect as E;
        let now = self.now;
        let until = |ttl: Duration| now + u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX / 2);
        match effect {
            E::SaveState { ticket, state } => {
                self.agents[agent].writes += 1;
                let number = self.agents[agent].writes;
                self.written(agent, ticket, |disk| {
                    if disk.state_written < number {
                        disk.state_written = number;
                        disk.memory.state = state;
                    }
                });
            }
            E::SaveTombstone { ticket, tombstone } => self.written(agent, ticket, |disk| {
                disk.memory.tombstones.retain(|t| t.session != tombstone.session);
                disk.memory.tombstones.push(tombstone);
            }),
            E::SaveNonce { ticket, nonce } => {
                self.written(agent, ticket, |disk| disk.memory.nonces.push(nonce));
            }
            E::Report(news) => self.report(agent, news),
            E::Settled { n } => {
                for (order, settled) in &mut self.agents[agent].orders {
                    *settled |= order.n == n;
                }
            }
            E::ResetKernel { ticket } => self.kernel(agent, ticket, |os| {
                os.doors.clear();
                os.grants.clear();
            }),
            E::OpenDoor { ticket, address, ttl } => {
                let until = until(ttl);
                self.kernel(agent, ticket, |os| {
                    os.doors.insert(address, until);
                });
                self.neighbours(agent, address);
            }
            E::CloseDoor { ticket, address } => self.kernel(agent, ticket, |os| {
                os.doors.remove(&address);
            }),
            E::AddGrants { ticket, address, ttl, .. } => {
                let until = if self.rules.kernel_forgets { until(ttl) } else { u64::MAX };
                self.kernel(agent, ticket, |os| {
                    os.grants.insert(address, until);
                });
            }
            E::RemoveGrants { ticket, address, page, .. } => self.kernel(agent, ticket, |os| {
                if page {
                    os.grants.remove(&address);
                }
            }),
            E::FlushConntrack { ticket, .. } => self.kernel(agent, ticket, |_| {}),
            E::VpnAllow { cid, address, .. } => self.vpn_allowed(agent, cid, address),
            E::VpnStillAllowed { .. } => {}
            E::VpnDeny { cid, .. } | E::VpnKill { cid, .. } => self.drop_client(agent, cid),
            E::GiveSpaKey { ticket, bootstrap, key, .. } => {
                self.give_key(agent, bootstrap, key);
                self.done(agent, ticket, Outcome::Ok, 1, 5);
            }
            E::TakeSpaKey { ticket, bootstrap } => {
                self.agents[agent].os.keys.remove(&bootstrap);
                self.done(agent, ticket, Outcome::Ok, 1, 5);
            }
            E::AckKnock { bootstrap, .. } => {
                let delay = self.rng.between(1, 20);
                self.after(delay, Event::Acked { agent, bootstrap });
            }
            E::TlsAllow { connection } => self.tls_allowed(agent, connection),
            E::TlsClose { connection } => {
                self.agents[agent].os.tls.remove(&connection);
                self.soon(agent, 0, 5, Input::TlsDown { connection });
            }
            E::StartContainer { ticket, session, .. } => {
                let outcome = self.works();
                if outcome == Outcome::Ok {
                    self.agents[agent].os.containers.insert(session);
                }
                self.done(agent, ticket, outcome, 40, 600);
            }
            E::KillContainer { ticket, session } => {
                let outcome = self.works();
                if outcome == Outcome::Ok {
                    self.agents[agent].os.containers.remove(&session);
                }
                self.done(agent, ticket, outcome, 10, 100);
            }
            E::RunScript { ticket, .. } => {
                self.agents[agent].disk.scripts += 1;
                let result = match self.rng.below(20) {
                    0 if self.has_faults() => Err(StepFailure::ScriptFailed),
                    1 if self.has_faults() => Err(StepFailure::ScriptTooLoud),
                    _ => Ok(()),
                };
                self.done(agent, ticket, Outcome::Script(result), 20, 2_000);
            }
            E::PublishPath { ticket, session, address, .. } => {
                self.agents[agent].os.paths.insert(address, session);
                self.done(agent, ticket, Outcome::Ok, 1, 10);
            }
            E::RemovePath { ticket, session, address } => {
                let paths = &mut self.agents[agent].os.paths;
                if paths.get(&address) == Some(&session) {
                    paths.remove(&address);
                }
                self.done(agent, ticket, Outcome::Ok, 1, 10);
            }
        }
    }

    fn kernel(&mut self, agent: usize, ticket: Ticket, change: impl FnOnce(&mut Os)) {
        let outcome = self.works();
        if outcome == Outcome::Ok {
            change(&mut self.agents[agent].os);
        }
        self.done(agent, ticket, outcome, 0, 3);
    }

    fn give_key(&mut self, agent: usize, bootstrap: BootstrapId, key: SpaKey) {
        let session = self.witness.session_of(bootstrap);
        let buried = |id: SessionId| {
            self.agents[agent].disk.memory.tombstones.iter().any(|tombstone| tombstone.session == id)
        };
        if session.is_some_and(buried) {
            self.witness.violate("a session that ended at its gateway was admitted there again");
        }
        self.agents[agent].os.keys.insert(bootstrap, key);
    }

    // What desktops do to it.

    pub(super) fn knock(&mut self, agent: usize, bootstrap: BootstrapId, nonce: [u8; 16], address: IpAddr) {
        if self.agents[agent].os.keys.contains_key(&bootstrap) {
            self.soon(agent, 1, 10, Input::Knock { bootstrap, nonce, address });
        }
    }

    /// The number of the connection, if there is a door.
    pub(super) fn connect(&mut self, agent: usize, way: Way, key: Digest, from: IpAddr) -> Option<u64> {
        let now = self.now;
        let party = &mut self.agents[agent];
        party.enforcer.as_ref()?;
        if party.os.doors.get(&from).is_none_or(|until| *until <= now) {
            return None;
        }
        let connection = party.next_connection;
        party.next_connection += 1;
        let port = 20_000 + (connection % 40_000) as u16;
        party.os.tls.insert(connection, Tls { port, way, allowed: false });
        self.soon(agent, 1, 10, Input::TlsUp { connection, port, key, from });
        Some(connection)
    }

    fn tls_allowed(&mut self, agent: usize, connection: u64) {
        let Some(tls) = self.agents[agent].os.tls.get_mut(&connection) else { return };
        tls.allowed = true;
        let way = tls.way;
        self.witness.connection_allowed(way.session);
        let delay = self.rng.between(1, 20);
        self.after(delay, Event::Through { agent, connection });
    }

    pub(super) fn dial(&mut self, agent: usize, connection: u64, certificate: Digest) -> Option<u64> {
        let party = &mut self.agents[agent];
        let (port, way) = party.os.tls.get(&connection).filter(|tls| tls.allowed).map(|t| (t.port, t.way))?;
        let cid = party.next_connection;
        party.next_connection += 1;
        party.os.clients.insert(cid, Client { port, way, address: None });
        self.soon(agent, 1, 10, Input::VpnConnect { cid, kid: 1, port, certificate });
        Some(cid)
    }

    fn vpn_allowed(&mut self, agent: usize, cid: u64, address: std::net::Ipv4Addr) {
        let whose = self.agents[agent].enforcer.as_ref().and_then(|enforcer| {
            enforcer.sessions().find(|(held, _)| held.address == address).map(|(held, _)| held.session)
        });
        let Some(client) = self.agents[agent].os.clients.get_mut(&cid) else { return };
        client.address = Some(address);
        if whose != Some(client.way.session) {
            self.witness.violate("a tunnel was given another session's address");
        }
        self.soon(agent, 1, 30, Input::VpnEstablished { cid });
    }

    /// The tunnel is gone, and with it what carried it.
    pub(super) fn drop_client(&mut self, agent: usize, cid: u64) {
        let Some(client) = self.agents[agent].os.clients.remove(&cid) else { return };
        let carried = |tls: &&u64| self.agents[agent].os.tls[*tls].port == client.port;
        let connection = self.agents[agent].os.tls.keys().find(carried).copied();
        self.soon(agent, 0, 20, Input::VpnDisconnected { cid });
        if let Some(connection) = connection {
            self.agents[agent].os.tls.remove(&connection);
            self.soon(agent, 0, 30, Input::TlsDown { connection });
        }
    }
}
