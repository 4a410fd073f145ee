//! Whatever happens in whatever order, crashes and failing disks among it.

use super::*;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Happening {
    Admit(u8, u8),
    OldAdmit(u8, u8),
    Renew(u8, u16),
    End(u8),
    Knock(u8, u8),
    Tls(u8, u64, u16),
    TlsDown(u64),
    Vpn(u64, u16, u8),
    VpnGone(u64),
    VpnLost,
    VpnBack,
    EdgeLost,
    EdgeBack,
    RunnerLost,
    RunnerBack,
    Pass(u16),
    ClockBack(u16),
    DiskFails(bool),
    Obey(bool),
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    use Happening as H;
    prop_oneof![
        6 => (0..3u8, 0..6u8).prop_map(|(s, b)| H::Admit(s, b)),
        1 => (0..3u8, 0..6u8).prop_map(|(s, b)| H::OldAdmit(s, b)),
        2 => (0..3u8, 0..900u16).prop_map(|(s, t)| H::Renew(s, t)),
        2 => (0..3u8).prop_map(H::End),
        5 => (0..6u8, 0..4u8).prop_map(|(b, n)| H::Knock(b, n)),
        5 => (0..6u8, 0..4u64, 0..3u16).prop_map(|(b, c, p)| H::Tls(b, c, p)),
        2 => (0..4u64).prop_map(H::TlsDown),
        5 => (0..4u64, 0..3u16, 0..6u8).prop_map(|(c, p, b)| H::Vpn(c, p, b)),
        2 => (0..4u64).prop_map(H::VpnGone),
        1 => Just(H::VpnLost),
        2 => Just(H::VpnBack),
        1 => Just(H::EdgeLost),
        2 => Just(H::EdgeBack),
        1 => Just(H::RunnerLost),
        2 => Just(H::RunnerBack),
        3 => (0..700u16).prop_map(H::Pass),
        1 => (0..2_000u16).prop_map(H::ClockBack),
        1 => any::<bool>().prop_map(H::DiskFails),
        1 => any::<bool>().prop_map(H::Obey),
        1 => Just(H::Restart),
    ]
}

fn session(n: u8) -> SessionId {
    SessionId([0xA0 + n; 16])
}

/// What an onlooker knows, from effects alone.
#[derive(Default)]
struct Onlooker {
    /// Boot time at which each session must be dead, from the orders that were signed.
    latest: BTreeMap<SessionId, u64>,
    buried: BTreeSet<SessionId>,
    addresses: BTreeMap<SessionId, Ipv4Addr>,
    consumed: BTreeSet<(u8, BootstrapId)>,
    acked: BTreeSet<(BootstrapId, [u8; 16])>,
    /// Allowed TLS connections of this life.
    allowed: u32,
}

impl Onlooker {
    fn look(&mut self, agent: &mut Agent) {
        for news in agent.news() {
            match news {
                News::Admitted { session, address, .. } => {
                    assert!(!self.buried.contains(&session), "admitted after its end");
                    self.addresses.insert(session, address);
                }
                News::Consumed { bootstrap, .. } => {
                    assert!(self.consumed.insert((agent.life, bootstrap)), "a bootstrap was used twice");
                }
                News::Receipt { session, layer, .. } => {
                    assert!(agent.disk.tombstones.iter().any(|t| t.session == session), "no tombstone");
                    if let (Layer::Vpn, Some(address)) = (layer, self.addresses.get(&session)) {
                        assert!(!agent.grants.contains_key(address), "a receipt, and grants stand");
                    }
                }
                _ => {}
            }
        }
        for effect in agent.take() {
            match effect {
                Effect::AckKnock { bootstrap, nonce } => {
                    assert!(agent.disk.nonces.iter().any(|n| n.nonce == nonce && n.bootstrap == bootstrap));
                    assert!(self.acked.insert((bootstrap, nonce)), "a nonce opened twice");
                }
                Effect::TlsAllow { .. } => self.allowed += 1,
                Effect::VpnAllow { address, .. } => {
                    assert!(self.allowed > 0, "a tunnel without any TLS connection");
                    let (_, until) = agent.grants.get(&address).expect("grants stand before the tunnel does");
                    let latest = self.addresses.iter().filter(|(_, a)| **a == address);
                    let latest = latest.filter_map(|(s, _)| self.latest.get(s)).max();
                    assert!(latest.is_some_and(|latest| until <= latest), "the kernel outlives the lease");
                }
                _ => {}
            }
        }
        // Each live session has an address of its own.
        let used: Vec<_> = agent.enforcer.sessions().map(|(held, _)| held.address).collect();
        assert_eq!(used.iter().collect::<BTreeSet<_>>().len(), used.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_nothing_lives_that_should_not(happenings in prop::collection::vec(happening(), 1..80)) {
        use Happening as H;
        let mut agent = Agent::born();
        let mut onlooker = Onlooker::default();
        for happening in happenings {
            match happening {
                H::Admit(s, b) => {
                    let admit = Admit { session_version: agent.n, ..agent.admit(session(s), b) };
                    // A bootstrap id belongs to one session and one admit.
                    let admit = Admit {
                        bootstrap: BootstrapId([b ^ (s << 4); 16]),
                        client_key: client_key(b ^ (s << 4)),
                        ..admit
                    };
                    if !onlooker.consumed.contains(&(agent.life, admit.bootstrap)) {
                        let until = agent.boot + 600_000;
                        let latest = onlooker.latest.entry(admit.session).or_default();
                        *latest = until.max(*latest);
                        agent.order(Order::Admit(admit));
                    }
                }
                H::OldAdmit(s, b) => {
                    let admit = Admit { incarnation: Incarnation([0; 16]), ..agent.admit(session(s), b) };
                    agent.order(Order::Admit(admit));
                }
                H::Renew(s, seconds) => {
                    let lease = Duration::from_secs(u64::from(seconds));
                    let renew = Renew { session: session(s), session_version: agent.n, ..agent.renew(lease) };
                    let until = agent.boot + u64::from(seconds) * 1_000;
                    let latest = onlooker.latest.entry(session(s)).or_default();
                    *latest = until.max(*latest);
                    agent.order(Order::Renew(renew));
                }
                H::End(s) => {
                    agent.end(session(s));
                    // One that could not be written is not acknowledged: the bus brings it again.
                    if agent.disk.tombstones.iter().any(|t| t.session == session(s)) {
                        onlooker.buried.insert(session(s));
                    }
                }
                H::Knock(b, n) => {
                    for s in 0..3u8 {
                        let bootstrap = BootstrapId([b ^ (s << 4); 16]);
                        agent.give(Input::Knock { bootstrap, nonce: nonce(n), address: DESKTOP });
                    }
                }
                H::Tls(b, connection, port) => {
                    for s in 0..3u8 {
                        let key = client_key(b ^ (s << 4));
                        let connection = connection * 3 + u64::from(s);
                        agent.give(Input::TlsUp { connection, port: port * 3 + u16::from(s), key, from: DESKTOP });
                    }
                }
                H::TlsDown(connection) => agent.give(Input::TlsDown { connection }),
                H::Vpn(cid, port, b) => {
                    agent.give(Input::VpnConnect { cid, kid: 0, port, certificate: certificate(b) });
                    agent.give(Input::VpnEstablished { cid });
                }
                H::VpnGone(cid) => agent.give(Input::VpnDisconnected { cid }),
                H::VpnLost => agent.give(Input::VpnLost),
                H::VpnBack => agent.give(Input::VpnBack { clients: vec![] }),
                H::EdgeLost => agent.give(Input::EdgeLost),
                H::EdgeBack => agent.give(Input::EdgeBack),
                H::RunnerLost => agent.give(Input::RunnerLost),
                H::RunnerBack => agent.give(Input::RunnerBack { containers: vec![] }),
                H::Pass(seconds) => agent.pass(Duration::from_secs(u64::from(seconds))),
                H::ClockBack(seconds) => agent.wall -= u64::from(seconds) * 1_000,
                H::DiskFails(fails) => {
                    agent.fails = if fails {
                        |e| matches!(e, Effect::SaveState { .. } | Effect::SaveTombstone { .. } | Effect::SaveNonce { .. })
                            .then_some(Some(Outcome::Failed))
                    } else {
                        |_| None
                    };
                }
                H::Obey(obedient) => agent.obedient = obedient,
                H::Restart => {
                    agent.restart();
                    onlooker.allowed = 0;
                    agent.up();
                }
            }
            onlooker.look(&mut agent);
            // By time or by order: what has ended has nothing open.
            agent.give(Input::Tick);
            onlooker.look(&mut agent);
            for (id, address) in &onlooker.addresses {
                let over = onlooker.latest.get(id).is_some_and(|latest| agent.boot > *latest);
                if over || onlooker.buried.contains(id) {
                    let mine = agent.enforcer.sessions().any(|(held, _)| held.session == *id && held.address == *address);
                    let foreign = agent.enforcer.sessions().any(|(held, _)| held.session != *id && held.address == *address);
                    prop_assert!(foreign || !agent.grants.contains_key(address) , "{id} has ended, its grants stand, held: {mine}");
                }
            }
        }
    }
}
