use super::*;

#[test]
fn a_knock_is_answered_only_when_its_nonce_is_saved_and_the_door_is_open() {
    let mut agent = Agent::admitted();
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    let effects = agent.take();
    let saved = position(&effects, |e| matches!(e, Effect::SaveNonce { .. }));
    let opened = position(&effects, |e| matches!(e, Effect::OpenDoor { address: DESKTOP, .. }));
    let acked = position(&effects, |e| matches!(e, Effect::AckKnock { .. }));
    assert!(saved < opened && opened < acked);
    assert_eq!(agent.news(), [News::Layer { session: SESSION, layer: Layer::Spa, up: true }]);
}

#[test]
fn a_nonce_that_cannot_be_saved_opens_nothing() {
    let mut agent = Agent::admitted();
    agent.fails = |e| matches!(e, Effect::SaveNonce { .. }).then_some(Some(Outcome::Failed));
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    assert!(agent.nothing_is_open());
}

#[test]
fn a_knock_repeated_or_from_elsewhere_or_for_nothing_meets_silence() {
    let mut agent = Agent::admitted();
    let knock = |b, address| Input::Knock { bootstrap: bootstrap(b), nonce: nonce(1), address };
    agent.give(knock(0, STRANGER));
    agent.give(knock(9, DESKTOP));
    assert_eq!(agent.take(), []);
    agent.give(knock(0, DESKTOP));
    agent.take();
    agent.give(knock(0, DESKTOP));
    assert_eq!(agent.take(), []);
}

#[test]
fn a_spent_nonce_is_spent_after_a_restart_too() {
    let mut agent = Agent::admitted();
    let knock = Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP };
    agent.give(knock.clone());
    agent.restart();
    agent.up();
    // Even if the very same bootstrap were admitted again.
    let admit = agent.admit(SESSION, 0);
    agent.order(Order::Admit(admit));
    agent.take();
    agent.give(knock);
    assert_eq!(agent.take(), []);
}

#[test]
fn a_door_lives_for_seconds_and_never_beyond_lease_or_bootstrap() {
    let mut agent = Agent::born();
    let admit = Admit { lease_until: Millis(agent.wall + 4_000), ..agent.admit(SESSION, 0) };
    agent.order(Order::Admit(admit));
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    assert_eq!(agent.doors[&DESKTOP] - agent.boot, 4_000);
    let mut agent = Agent::admitted();
    agent.pass(Duration::from_secs(55));
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    assert_eq!(agent.doors[&DESKTOP] - agent.boot, 5_000);
    agent.pass(Duration::from_secs(5));
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(2), address: DESKTOP });
    assert_eq!(agent.doors[&DESKTOP], agent.boot, "nothing was prolonged");
}

#[test]
fn a_door_two_people_behind_one_address_hold_stays_open_for_the_second() {
    let mut agent = Agent::admitted();
    let admit = agent.admit(OTHER, 1);
    agent.order(Order::Admit(admit));
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    agent.give(Input::Knock { bootstrap: bootstrap(1), nonce: nonce(1), address: DESKTOP });
    agent.end(SESSION);
    assert!(agent.doors.contains_key(&DESKTOP));
    assert_eq!(receipts(&agent.news()).len(), 5);
    agent.end(OTHER);
    assert!(agent.doors.is_empty());
}

#[test]
fn the_pinned_tls_connection_consumes_the_bootstrap_and_a_second_finds_it_gone() {
    let mut agent = Agent::admitted();
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    agent.news();
    agent.take();
    agent.tls(0, CONNECTION, PORT);
    let effects = agent.take();
    let saved = position(&effects, |e| matches!(e, Effect::SaveState { .. }));
    assert!(saved < position(&effects, |e| matches!(e, Effect::TlsAllow { connection: CONNECTION })));
    position(&effects, |e| matches!(e, Effect::TakeSpaKey { .. }));
    assert!(agent.doors.is_empty(), "nobody else comes in by this door");
    assert_eq!(
        agent.news(),
        [
            News::Consumed { session: SESSION, bootstrap: bootstrap(0) },
            News::Layer { session: SESSION, layer: Layer::Tls, up: true }
        ]
    );
    agent.tls(0, 2, PORT + 1);
    assert_eq!(agent.take(), [Effect::TlsClose { connection: 2 }]);
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(2), address: DESKTOP });
    assert_eq!(agent.take(), []);
}

#[test]
fn a_certificate_alone_is_not_admission() {
    let mut agent = Agent::admitted();
    // A key nobody was admitted with; the right key from elsewhere; a certificate without its connection.
    agent.give(Input::TlsUp { connection: 5, port: 1, key: client_key(9), from: DESKTOP });
    agent.give(Input::TlsUp { connection: 6, port: 2, key: client_key(0), from: STRANGER });
    agent.give(Input::VpnConnect { cid: 3, kid: 0, port: 3, certificate: certificate(0) });
    assert_eq!(
        agent.take(),
        [
            Effect::TlsClose { connection: 5 },
            Effect::TlsClose { connection: 6 },
            Effect::VpnDeny { cid: 3, kid: 0 }
        ]
    );
}

#[test]
fn a_bootstrap_is_of_no_use_after_its_time() {
    let mut agent = Agent::admitted();
    agent.pass(Duration::from_secs(60));
    agent.take();
    agent.tls(0, CONNECTION, PORT);
    assert_eq!(agent.take(), [Effect::TlsClose { connection: CONNECTION }]);
}

#[test]
fn openvpn_is_bound_to_its_tls_connection_by_the_local_port_and_to_the_admit_by_its_certificate() {
    let mut agent = Agent::admitted();
    let admit = agent.admit(OTHER, 1);
    agent.order(Order::Admit(admit));
    agent.tls(0, 1, PORT);
    agent.tls(1, 2, PORT + 1);
    agent.take();
    // Each other's certificates over each other's connections: both are shut.
    agent.obedient = false;
    agent.give(Input::VpnConnect { cid: 0, kid: 0, port: PORT, certificate: certificate(1) });
    agent.give(Input::VpnConnect { cid: 1, kid: 0, port: PORT + 1, certificate: certificate(0) });
    assert_eq!(
        agent.take(),
        [
            Effect::VpnDeny { cid: 0, kid: 0 },
            Effect::TlsClose { connection: 1 },
            Effect::VpnDeny { cid: 1, kid: 0 },
            Effect::TlsClose { connection: 2 },
        ]
    );
    agent.give(Input::VpnConnect { cid: 2, kid: 0, port: PORT, certificate: certificate(0) });
    let effects = agent.take();
    let granted = position(&effects, |e| matches!(e, Effect::AddGrants { .. }));
    let address = Ipv4Addr::new(10, 8, 0, 10);
    let allowed =
        position(&effects, |e| *e == Effect::VpnAllow { cid: 2, kid: 0, address, routes: vec![GRANT] });
    assert!(granted < allowed);
    // A second client over the same connection.
    agent.give(Input::VpnConnect { cid: 3, kid: 0, port: PORT, certificate: certificate(0) });
    assert_eq!(agent.take(), [Effect::VpnDeny { cid: 3, kid: 0 }]);
}

#[test]
fn a_port_is_not_used_again_before_openvpn_has_said_goodbye() {
    let mut agent = Agent::connected();
    agent.obedient = false;
    agent.give(Input::TlsDown { connection: CONNECTION });
    let admit = agent.admit(OTHER, 1);
    agent.order(Order::Admit(admit));
    agent.take();
    agent.tls(1, 2, PORT);
    assert_eq!(agent.take(), [Effect::TlsClose { connection: 2 }]);
    agent.give(Input::VpnDisconnected { cid: CID });
    agent.tls(1, 3, PORT);
    assert!(agent.take().contains(&Effect::TlsAllow { connection: 3 }));
}

#[test]
fn grants_go_with_the_tunnel_and_end_by_themselves_at_the_lease() {
    let mut agent = Agent::connected();
    let address = Ipv4Addr::new(10, 8, 0, 10);
    assert_eq!(agent.grants[&address], (vec![GRANT], agent.boot + 600_000));
    agent.give(Input::VpnDisconnected { cid: CID });
    assert!(agent.nothing_is_open());
    position(&agent.take(), |e| matches!(e, Effect::FlushConntrack { .. }));
    assert_eq!(agent.news(), [News::Layer { session: SESSION, layer: Layer::Vpn, up: false }]);
}

#[test]
fn a_renegotiation_is_asked_again() {
    let mut agent = Agent::connected();
    let reauth = |certificate| Input::VpnReauth { cid: CID, kid: 1, port: PORT, certificate };
    agent.give(reauth(certificate(0)));
    assert_eq!(agent.take(), [Effect::VpnStillAllowed { cid: CID, kid: 1 }]);
    agent.give(reauth(certificate(1)));
    assert!(agent.take().starts_with(&[Effect::VpnDeny { cid: CID, kid: 1 }]));
}

#[test]
fn a_newer_connection_of_a_session_replaces_the_older_when_it_stands() {
    let mut agent = Agent::connected();
    let admit = agent.admit(SESSION, 1);
    agent.order(Order::Admit(admit));
    assert!(!agent.grants.is_empty(), "until it is used the older one lives");
    agent.take();
    agent.connect(1, 2, PORT + 1, 1);
    let effects = agent.take();
    position(&effects, |e| matches!(e, Effect::VpnKill { cid: CID, .. }));
    position(&effects, |e| *e == Effect::TlsClose { connection: CONNECTION });
    assert_eq!(agent.grants.len(), 1);
    // The late word of the older one does not touch the newer.
    agent.give(Input::VpnDisconnected { cid: CID });
    assert_eq!(agent.grants.len(), 1);
}

#[test]
fn losing_openvpns_management_cuts_its_clients() {
    let mut agent = Agent::connected();
    agent.give(Input::VpnLost);
    assert!(agent.nothing_is_open());
    assert!(agent.take().contains(&Effect::TlsClose { connection: CONNECTION }));
    // Nobody is let in while nobody can be asked.
    let admit = agent.admit(OTHER, 1);
    agent.order(Order::Admit(admit));
    agent.tls(1, 2, PORT + 1);
    agent.take();
    agent.give(Input::VpnConnect { cid: 9, kid: 0, port: PORT + 1, certificate: certificate(1) });
    assert!(agent.take().starts_with(&[Effect::VpnDeny { cid: 9, kid: 0 }]));
}

#[test]
fn a_restarted_edge_gets_the_live_keys_again_and_has_no_connections() {
    let mut agent = Agent::connected();
    let admit = agent.admit(OTHER, 1);
    agent.order(Order::Admit(admit));
    agent.news();
    agent.take();
    agent.give(Input::EdgeLost);
    assert_eq!(agent.news(), [News::Layer { session: SESSION, layer: Layer::Tls, up: false }]);
    agent.give(Input::EdgeBack);
    let effects = agent.take();
    let given: Vec<_> = effects
        .iter()
        .filter_map(|e| match e {
            Effect::GiveSpaKey { bootstrap, .. } => Some(*bootstrap),
            _ => None,
        })
        .collect();
    assert_eq!(given, [bootstrap(1)], "the consumed one is not given again");
}

#[test]
fn an_admit_that_waits_for_a_dead_edge_and_runner_is_answered_when_they_are_back() {
    let mut agent = Agent::born();
    agent.give(Input::EdgeLost);
    agent.give(Input::RunnerLost);
    let admit = agent.admit(SESSION, 0);
    agent.order(Order::Admit(admit));
    assert_eq!(agent.news(), []);
    agent.give(Input::EdgeBack);
    assert_eq!(agent.news(), []);
    agent.give(Input::RunnerBack { containers: vec![] });
    assert!(matches!(agent.news()[..], [News::Admitted { .. }]));
}

#[test]
fn a_container_that_ends_is_reported_and_strays_are_killed() {
    let mut agent = Agent::admitted();
    agent.give(Input::ContainerGone { session: SESSION });
    assert_eq!(agent.news(), [News::Layer { session: SESSION, layer: Layer::Container, up: false }]);
    agent.take();
    agent.give(Input::RunnerBack { containers: vec![OTHER] });
    position(&agent.take(), |e| matches!(e, Effect::KillContainer { session: OTHER, .. }));
}
