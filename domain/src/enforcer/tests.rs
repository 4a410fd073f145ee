//! Given/when/then over a shell that carries out every effect at once and keeps what is durable.

mod admission;
mod ending;
mod properties;
mod way_in;

use super::*;
use crate::{
    Millis, bootstrap,
    gateway_bus::{
        Action, Admit, AdmitRefusal, End, GatewayCommand, KeySet, News, Order, Place, Provision, Renew,
        SignedKeySet,
    },
    ids::*,
    lease::Clocks,
    policy::{Grant, Protocol},
    seal::SealedBox,
    session::{Absence, EndReason, Layer},
    user::StepFailure,
};
use ed25519_dalek::SigningKey;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::{IpAddr, Ipv4Addr},
};

const T0: u64 = 1_800_000_000_000;
const SESSION: SessionId = SessionId([1; 16]);
const OTHER: SessionId = SessionId([2; 16]);
const END: EndId = EndId([0xE; 16]);
const DESKTOP: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 11));
const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 77, 0, 66));
const GRANT: Grant = Grant { address: Ipv4Addr::new(10, 78, 0, 2), port: 8080, protocol: Protocol::Tcp };
const PORT: u16 = 40_001;
const CONNECTION: u64 = 1;
const CID: u64 = 0;

fn root() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn key_set(epoch: u32) -> SignedKeySet {
    SignedKeySet::sign(&KeySet { epoch, keys: vec![[epoch as u8; 32]], not_after: Millis::MAX }, &root())
}

fn charter(life: u8) -> Charter {
    Charter {
        gateway: GatewayId([7; 16]),
        log_id: LogId([8; 16]),
        epoch: 1,
        incarnation: Incarnation([life; 16]),
        root: root().verifying_key(),
        keys: key_set(1),
        ceiling: Ceiling {
            networks: vec!["10.78.0.0/24".parse().expect("a network")],
            images: vec!["page".into()],
            longest: Duration::from_secs(8 * 3600),
            sessions: 100,
        },
        pool: Pool { first: Ipv4Addr::new(10, 8, 0, 10), last: Ipv4Addr::new(10, 8, 0, 19) },
    }
}

/// A bootstrap and what belongs to it, by one number.
fn bootstrap(n: u8) -> BootstrapId {
    BootstrapId([0xB0 ^ n; 16])
}
fn client_key(n: u8) -> Digest {
    Digest([0x10 ^ n; 32])
}
fn certificate(n: u8) -> Digest {
    Digest([0x20 ^ n; 32])
}
fn nonce(n: u8) -> [u8; 16] {
    [n; 16]
}

/// The agent's surroundings: a disk, a kernel, an edge, a runner, and OpenVPN.
struct Agent {
    enforcer: Enforcer,
    life: u8,
    wall: u64,
    boot: u64,
    disk: Memory,
    /// Every effect since it was last asked for.
    effects: Vec<Effect>,
    reports: Vec<News>,
    settled: Vec<u64>,
    /// Effects of these kinds fail, or are never answered.
    fails: fn(&Effect) -> Option<Option<Outcome>>,
    unanswered: VecDeque<Ticket>,
    n: u64,
    /// Whether OpenVPN and the edge say at once that what was killed is gone.
    obedient: bool,
    doors: BTreeMap<IpAddr, u64>,
    grants: BTreeMap<Ipv4Addr, (Vec<Grant>, u64)>,
}

impl Agent {
    fn born() -> Self {
        let mut agent = Self {
            enforcer: Enforcer::new(charter(1), Memory::default()),
            life: 1,
            wall: T0,
            boot: 5_000,
            disk: Memory::default(),
            effects: vec![],
            reports: vec![],
            settled: vec![],
            fails: |_| None,
            unanswered: VecDeque::new(),
            n: 1_600,
            obedient: true,
            doors: BTreeMap::new(),
            grants: BTreeMap::new(),
        };
        agent.up();
        agent.news();
        agent
    }

    fn up(&mut self) {
        self.give(Input::Start);
        self.give(Input::EdgeBack);
        self.give(Input::VpnBack { clients: vec![] });
        self.give(Input::RunnerBack { containers: vec![] });
        self.take();
    }

    /// SIGKILL: what the disk has is all there is.
    fn restart(&mut self) {
        self.life += 1;
        self.unanswered.clear();
        self.fails = |_| None;
        self.enforcer = Enforcer::new(charter(self.life), self.disk.clone());
    }

    fn clocks(&self) -> Clocks {
        Clocks { wall: Millis(self.wall), boot: self.boot, boot_id: [3; 16] }
    }

    fn pass(&mut self, time: Duration) {
        self.wall += time.as_millis() as u64;
        self.boot += time.as_millis() as u64;
        self.give(Input::Tick);
    }

    fn give(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let effects = self.enforcer.handle(input, self.clocks());
            for effect in effects {
                inputs.extend(self.carry_out(&effect));
                self.effects.push(effect);
            }
        }
    }

    fn carry_out(&mut self, effect: &Effect) -> Vec<Input> {
        let ticket = ticket_of(effect);
        if let Some(answer) = (self.fails)(effect) {
            return match (answer, ticket) {
                (Some(outcome), Some(ticket)) => vec![Input::Done { ticket, outcome }],
                (None, Some(ticket)) => {
                    self.unanswered.push_back(ticket);
                    vec![]
                }
                (_, None) => vec![],
            };
        }
        let now = self.boot;
        match effect {
            Effect::SaveState { state, .. } => self.disk.state = state.clone(),
            Effect::SaveTombstone { tombstone, .. } => {
                self.disk.tombstones.retain(|t| t.session != tombstone.session);
                self.disk.tombstones.push(tombstone.clone());
            }
            Effect::SaveNonce { nonce, .. } => self.disk.nonces.push(*nonce),
            Effect::Report(news) => self.reports.push(news.clone()),
            Effect::Settled { n } => self.settled.push(*n),
            Effect::ResetKernel { .. } => {
                self.doors.clear();
                self.grants.clear();
            }
            Effect::OpenDoor { address, ttl, .. } => {
                self.doors.insert(*address, now + ttl.as_millis() as u64);
            }
            Effect::CloseDoor { address, .. } => {
                self.doors.remove(address);
            }
            Effect::AddGrants { address, grants, ttl, .. } => {
                self.grants.insert(*address, (grants.clone(), now + ttl.as_millis() as u64));
            }
            Effect::RemoveGrants { address, page: true, .. } => {
                self.grants.remove(address);
            }
            Effect::RemoveGrants { address, grants, page: false, .. } => {
                if let Some((held, _)) = self.grants.get_mut(address) {
                    held.retain(|g| !grants.contains(g));
                }
            }
            Effect::VpnKill { cid, .. } if self.obedient => {
                return vec![Input::VpnDisconnected { cid: *cid }];
            }
            Effect::TlsClose { connection } if self.obedient => {
                return vec![Input::TlsDown { connection: *connection }];
            }
            Effect::RunScript { ticket, .. } => {
                return vec![Input::Done { ticket: *ticket, outcome: Outcome::Script(Ok(())) }];
            }
            _ => {}
        }
        ticket.map(|ticket| Input::Done { ticket, outcome: Outcome::Ok }).into_iter().collect()
    }

    fn take(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.reports)
    }

    fn order(&mut self, order: Order) {
        self.n += 16;
        self.order_n(self.n, order);
    }

    fn order_n(&mut self, n: u64, order: Order) {
        let secrets = match &order {
            Order::Admit(a) => Some(secrets_of(a)),
            _ => None,
        };
        self.give(Input::Order { command: Box::new(self.command(n, order)), secrets });
    }

    fn command(&self, n: u64, order: Order) -> GatewayCommand {
        GatewayCommand {
            log_id: LogId([8; 16]),
            epoch: 1,
            recipient: GatewayId([7; 16]),
            n,
            cause_seq: n / 16,
            issued_at: Millis(self.wall),
            order,
        }
    }

    fn admit(&self, session: SessionId, b: u8) -> Admit {
        let now = Millis(self.wall);
        Admit {
            session,
            session_version: 10 + u64::from(b),
            not_after: now.plus(Duration::from_secs(30)),
            incarnation: Incarnation([self.life; 16]),
            bootstrap: bootstrap(b),
            sealed: SealedBox { enc: vec![b], ciphertext: vec![] },
            use_before: now.plus(Duration::from_secs(60)),
            client_key: client_key(b),
            certificate: certificate(b),
            grants: vec![GRANT],
            image: "page".into(),
            ends_at: now.plus(Duration::from_secs(3600)),
            lease_until: now.plus(Duration::from_secs(600)),
        }
    }

    fn renew(&self, lease: Duration) -> Renew {
        Renew {
            session: SESSION,
            session_version: 50,
            not_after: Millis(self.wall + 30_000),
            incarnation: Incarnation([self.life; 16]),
            lease_until: Millis(self.wall).plus(lease),
            ends_at: Millis(T0 + 3_600_000),
        }
    }

    fn admitted() -> Self {
        let mut agent = Self::born();
        let admit = agent.admit(SESSION, 0);
        agent.order(Order::Admit(admit));
        assert!(matches!(agent.news()[..], [News::Admitted { session: SESSION, .. }]));
        agent.take();
        agent
    }

    fn connected() -> Self {
        let mut agent = Self::admitted();
        agent.connect(0, CONNECTION, PORT, CID);
        agent.news();
        agent.take();
        agent
    }

    fn connect(&mut self, b: u8, connection: u64, port: u16, cid: u64) {
        self.give(Input::Knock { bootstrap: bootstrap(b), nonce: nonce(b), address: DESKTOP });
        self.tls(b, connection, port);
        self.give(Input::VpnConnect { cid, kid: 0, port, certificate: certificate(b) });
        self.give(Input::VpnEstablished { cid });
    }

    fn tls(&mut self, b: u8, connection: u64, port: u16) {
        self.give(Input::TlsUp { connection, port, key: client_key(b), from: DESKTOP });
    }

    fn end(&mut self, session: SessionId) {
        let end = End { session, session_version: 99, end: END, reason: EndReason::SignedOut };
        self.order(Order::End(end));
    }

    fn nothing_is_open(&self) -> bool {
        self.doors.is_empty() && self.grants.is_empty()
    }
}

fn secrets_of(admit: &Admit) -> bootstrap::Secrets {
    let b = admit.sealed.enc[0];
    bootstrap::Secrets { spa_key: [b; 32], path: [0x40 ^ b; 16], client_address: DESKTOP }
}

fn ticket_of(effect: &Effect) -> Option<Ticket> {
    use Effect as E;
    match effect {
        E::SaveState { ticket, .. }
        | E::SaveTombstone { ticket, .. }
        | E::SaveNonce { ticket, .. }
        | E::ResetKernel { ticket }
        | E::OpenDoor { ticket, .. }
        | E::CloseDoor { ticket, .. }
        | E::AddGrants { ticket, .. }
        | E::RemoveGrants { ticket, .. }
        | E::FlushConntrack { ticket, .. }
        | E::GiveSpaKey { ticket, .. }
        | E::TakeSpaKey { ticket, .. }
        | E::StartContainer { ticket, .. }
        | E::KillContainer { ticket, .. }
        | E::RunScript { ticket, .. }
        | E::PublishPath { ticket, .. }
        | E::RemovePath { ticket, .. } => Some(*ticket),
        E::Report(_)
        | E::Settled { .. }
        | E::VpnAllow { .. }
        | E::VpnStillAllowed { .. }
        | E::VpnDeny { .. }
        | E::VpnKill { .. }
        | E::AckKnock { .. }
        | E::TlsAllow { .. }
        | E::TlsClose { .. } => None,
    }
}

fn receipts(news: &[News]) -> BTreeMap<Layer, Absence> {
    news.iter()
        .filter_map(|n| match n {
            News::Receipt { layer, absence, end: END, .. } => Some((*layer, *absence)),
            _ => None,
        })
        .collect()
}

fn position(effects: &[Effect], wanted: impl Fn(&Effect) -> bool) -> usize {
    effects.iter().position(wanted).unwrap_or_else(|| panic!("no such effect in {effects:#?}"))
}
