//! The machine: what it holds, and who handles what.

use super::{
    Ceiling, Effect, Input, Memory, Outcome, Pool, Seen, SpentNonce, State, Ticket, Tombstone,
    connection::Connections,
    doors::Doors,
    pool::Addresses,
    saved::Step,
    session::{Container, Part, Session},
};
use crate::{
    Millis,
    gateway_bus::{KeySet, News, Order, SignedKeySet},
    ids::{BootstrapId, GatewayId, Incarnation, LogId, SessionId},
    lease::Clocks,
    session::EndReason,
};
use ed25519_dalek::VerifyingKey;
use std::collections::{BTreeMap, BTreeSet};

/// What does not change while an agent lives.
#[derive(Clone, Debug)]
pub struct Charter {
    pub gateway: GatewayId,
    pub log_id: LogId,
    /// Of the enrolment; the saved one may be higher.
    pub epoch: u32,
    /// Of this start alone.
    pub incarnation: Incarnation,
    /// The offline root that signs key sets.
    pub root: VerifyingKey,
    /// Of the enrolment; the saved one may be newer.
    pub keys: SignedKeySet,
    pub ceiling: Ceiling,
    pub pool: Pool,
}

/// What a ticket's answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Await {
    Nothing,
    Reset,
    KeyTaken { bootstrap: BootstrapId },
    Consumed { session: SessionId, bootstrap: BootstrapId, connection: u64 },
    Settle { n: u64 },
    Prepare { session: SessionId, bootstrap: BootstrapId, n: u64 },
    Key { bootstrap: BootstrapId },
    Path { bootstrap: BootstrapId },
    Container { session: SessionId },
    Nonce { bootstrap: BootstrapId, nonce: [u8; 16] },
    Door { bootstrap: BootstrapId, nonce: [u8; 16] },
    Grants { cid: u64, kid: u64 },
    Tombstone { session: SessionId, n: Option<u64> },
    Part { session: SessionId, part: Part },
    Script { n: u64 },
}

#[derive(Debug)]
pub struct Enforcer {
    pub(super) charter: Charter,
    pub(super) epoch: u32,
    pub(super) signed_keys: SignedKeySet,
    pub(super) keys: Option<KeySet>,
    pub(super) seen: Seen,
    pub(super) sessions: BTreeMap<SessionId, Session>,
    pub(super) tombstones: BTreeMap<SessionId, Tombstone>,
    pub(super) nonces: BTreeMap<(BootstrapId, [u8; 16]), Millis>,
    pub(super) addresses: Addresses,
    pub(super) steps: Vec<Step>,
    pub(super) doors: Doors,
    pub(super) connections: Connections,
    pub(super) runner_is_up: bool,
    /// The kernel holds nothing of an earlier life.
    pub(super) kernel_is_reset: bool,
    reset_failed: bool,
    pub(super) clock: Option<Clocks>,
    awaited: BTreeMap<Ticket, Await>,
    next_ticket: u64,
}

/// The effects so far, in order.
pub(super) type Out = Vec<Effect>;

impl Enforcer {
    pub fn new(charter: Charter, memory: Memory) -> Self {
        let Memory { state, tombstones, nonces } = memory;
        let signed_keys = state.keys.unwrap_or_else(|| charter.keys.clone());
        Self {
            epoch: state.epoch.max(charter.epoch),
            keys: None,
            signed_keys,
            seen: state.seen,
            sessions: state.sessions.into_iter().map(|held| (held.session, Session::new(held))).collect(),
            tombstones: tombstones.into_iter().map(|t| (t.session, t)).collect(),
            nonces: nonces.into_iter().map(|n| ((n.bootstrap, n.nonce), n.until)).collect(),
            addresses: Addresses::new(charter.pool, state.resting),
            steps: state.steps,
            doors: Doors::default(),
            connections: Connections::default(),
            runner_is_up: false,
            kernel_is_reset: false,
            reset_failed: false,
            clock: None,
            awaited: BTreeMap::new(),
            next_ticket: 0,
            charter,
        }
    }

    /// Total: every input has an answer, if only none.
    pub fn handle(&mut self, input: Input, now: Clocks) -> Vec<Effect> {
        self.clock = Some(now);
        let mut out = Vec::new();
        match input {
            Input::Start => self.start(now, &mut out),
            Input::Order { command, secrets } => {
                if command.epoch < self.epoch {
                    out.push(Effect::Settled { n: command.n });
                    return out;
                }
                if command.epoch > self.epoch {
                    self.epoch = command.epoch;
                    self.end_all(&EndReason::EpochRaised, now, &mut out);
                    self.save(Await::Nothing, &mut out);
                }
                let n = command.n;
                match command.order {
                    Order::Admit(admit) => self.admit(n, admit, secrets, now, &mut out),
                    Order::Renew(renew) => self.renew(n, &renew, now, &mut out),
                    Order::End(end) => self.end(n, &end, now, &mut out),
                    Order::Provision(step) => self.provision(n, step, now, &mut out),
                    Order::Keys(keys) => self.take_keys(n, keys, now, &mut out),
                }
            }
            Input::Knock { bootstrap, nonce, address } => {
                self.knock(bootstrap, nonce, address, now, &mut out)
            }
            Input::TlsUp { connection, port, key, from } => {
                self.tls_up(connection, port, key, from, now, &mut out);
            }
            Input::TlsDown { connection } => self.tls_down(connection, &mut out),
            Input::VpnConnect { cid, kid, port, certificate } => {
                self.vpn_connect(cid, kid, port, certificate, now, &mut out);
            }
            Input::VpnReauth { cid, kid, port, certificate } => {
                self.vpn_reauth(cid, kid, port, certificate, now, &mut out);
            }
            Input::VpnEstablished { cid } => self.vpn_established(cid, &mut out),
            Input::VpnBytes { cid, bytes_in, bytes_out } => self.vpn_bytes(cid, bytes_in, bytes_out),
            Input::VpnDisconnected { cid } => self.vpn_disconnected(cid, &mut out),
            Input::VpnLost => self.vpn_lost(&mut out),
            Input::VpnBack { clients } => self.vpn_back(&clients, &mut out),
            Input::EdgeLost => self.edge_lost(&mut out),
            Input::EdgeBack => self.edge_back(now, &mut out),
            Input::RunnerLost => self.runner_lost(),
            Input::RunnerBack { containers } => self.runner_back(&containers, &mut out),
            Input::ContainerGone { session } => self.container_gone(session, &mut out),
            Input::Done { ticket, outcome } => {
                if let Some(awaited) = self.awaited.remove(&ticket) {
                    self.done(awaited, ticket, outcome, now, &mut out);
                }
            }
            Input::Tick => self.tick(now, &mut out),
        }
        out
    }

    /// The keys that may sign orders, if their root still vouches for them.
    pub fn keys(&self) -> Option<&KeySet> {
        self.keys.as_ref()
    }

    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    pub const fn incarnation(&self) -> Incarnation {
        self.charter.incarnation
    }

    /// For telemetry: each session, its image, and its bytes in and out.
    pub fn sessions(&self) -> impl Iterator<Item = (&super::Held, (u64, u64))> {
        self.sessions.values().map(|session| (&session.held, session.total()))
    }

    /// For telemetry: each session's container, its image, and whether it runs.
    pub fn containers(&self) -> impl Iterator<Item = (SessionId, &str, bool)> {
        let known = self.sessions.iter().filter(|(_, s)| s.container != Container::Absent);
        known.map(|(id, s)| (*id, s.held.image.as_str(), s.container == Container::Up))
    }

    pub const fn edge_is_up(&self) -> bool {
        self.connections.edge_is_up
    }

    /// What a shell may write anew at a start: expired nonces and old tombstones are not among it.
    pub fn memory(&self) -> Memory {
        Memory {
            state: self.state(),
            tombstones: self.tombstones.values().cloned().collect(),
            nonces: self
                .nonces
                .iter()
                .map(|(&(bootstrap, nonce), &until)| SpentNonce { bootstrap, nonce, until })
                .collect(),
        }
    }

    pub(super) fn state(&self) -> State {
        State {
            epoch: self.epoch,
            keys: Some(self.signed_keys.clone()),
            seen: self.seen.clone(),
            sessions: self.sessions.values().map(|session| session.held.clone()).collect(),
            resting: self.addresses.resting().to_vec(),
            steps: self.steps.clone(),
        }
    }

    pub(super) fn ticket(&mut self, awaited: Await) -> Ticket {
        let ticket = Ticket(self.next_ticket);
        self.next_ticket += 1;
        self.awaited.insert(ticket, awaited);
        ticket
    }

    /// Nobody will answer these any more, or nobody cares.
    pub(super) fn forget_tickets(&mut self, dead: impl Fn(&Await) -> bool) {
        self.awaited.retain(|_, awaited| !dead(awaited));
    }

    pub(super) fn awaits(&self, wanted: impl Fn(&Await) -> bool) -> bool {
        self.awaited.values().any(wanted)
    }

    pub(super) fn save(&mut self, then: Await, out: &mut Out) {
        let ticket = self.ticket(then);
        out.push(Effect::SaveState { ticket, state: self.state() });
    }

    fn start(&mut self, now: Clocks, out: &mut Out) {
        // Expired or not: ends are still verified with it (`receive` lets nothing else pass).
        self.keys = self.signed_keys.verify(&self.charter.root, Millis(0));
        self.nonces.retain(|_, until| *until >= now.wall);
        self.tombstones
            .retain(|id, t| self.sessions.contains_key(id) || now.wall.since(t.at) < super::TOMBSTONES_KEPT);
        self.reset_kernel(out);
        out.push(Effect::Report(News::Started { sessions: self.sessions.keys().copied().collect() }));
        let ended: Vec<SessionId> =
            self.sessions.keys().filter(|id| self.tombstones.contains_key(id)).copied().collect();
        for id in ended {
            self.resume_cut(id, now, out);
        }
        self.end_what_is_over(now, out);
    }

    fn reset_kernel(&mut self, out: &mut Out) {
        self.reset_failed = false;
        let ticket = self.ticket(Await::Reset);
        out.push(Effect::ResetKernel { ticket });
    }

    fn take_keys(&mut self, n: u64, signed: SignedKeySet, now: Clocks, out: &mut Out) {
        let newest = self.keys.as_ref().map_or(0, |keys| keys.epoch);
        match signed.verify(&self.charter.root, now.wall) {
            Some(set) if set.epoch > newest => {
                self.keys = Some(set);
                self.signed_keys = signed;
                self.save(Await::Settle { n }, out);
            }
            _ => out.push(Effect::Settled { n }),
        }
    }

    fn tick(&mut self, now: Clocks, out: &mut Out) {
        if self.reset_failed {
            self.reset_kernel(out);
        }
        self.nonces.retain(|_, until| *until >= now.wall);
        self.doors.forget_passed(now);
        self.end_what_is_over(now, out);
        self.withdraw_late_bootstraps(now, out);
        self.ask_again(now, out);
    }

    fn done(&mut self, awaited: Await, ticket: Ticket, outcome: Outcome, now: Clocks, out: &mut Out) {
        let ok = outcome.is_ok();
        match awaited {
            Await::Nothing => {}
            Await::Reset => {
                self.reset_failed = !ok;
                self.kernel_is_reset |= ok;
                let cutting: Vec<SessionId> = self.sessions.keys().copied().collect();
                for id in cutting {
                    self.ask_for(id, Part::Door, out);
                }
            }
            Await::KeyTaken { bootstrap } => {
                if ok {
                    self.key_taken(bootstrap, out);
                }
            }
            Await::Consumed { session, bootstrap, connection } => {
                self.consumed(session, bootstrap, connection, ok, now, out);
            }
            // Not saved, not settled: the bus brings it again.
            Await::Settle { n } => {
                if ok {
                    out.push(Effect::Settled { n });
                }
            }
            Await::Prepare { session, bootstrap, n } => self.prepare(session, bootstrap, n, ok, now, out),
            Await::Key { bootstrap } => self.key_given(bootstrap, ok, out),
            Await::Path { bootstrap } => self.path_published(bootstrap, ok, out),
            Await::Container { session } => self.container_started(session, ok, out),
            Await::Nonce { bootstrap, nonce } => {
                if ok {
                    self.nonce_saved(bootstrap, nonce, now, out);
                }
            }
            Await::Door { bootstrap, nonce } => {
                if ok {
                    self.door_opened(bootstrap, nonce, out);
                }
            }
            Await::Grants { cid, kid } => self.grants_added(cid, kid, ok, now, out),
            Await::Tombstone { session, n } => self.tombstone_saved(session, ticket, n, ok, now, out),
            Await::Part { session, part } => {
                if ok {
                    self.part_gone(session, part, out);
                }
            }
            Await::Script { n } => self.script_ended(n, outcome, out),
        }
    }

    /// Whose tunnel addresses are taken.
    pub(super) fn used_addresses(&self) -> BTreeSet<std::net::Ipv4Addr> {
        self.sessions.values().map(|session| session.held.address).collect()
    }
}
