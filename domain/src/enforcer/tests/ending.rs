use super::*;

#[test]
fn the_tombstone_is_on_disk_before_anything_is_cut_and_the_cut_has_its_order() {
    let mut agent = Agent::connected();
    agent.end(SESSION);
    let effects = agent.take();
    let order = [
        position(&effects, |e| matches!(e, Effect::SaveTombstone { .. })),
        position(&effects, |e| matches!(e, Effect::RemoveGrants { .. })),
        position(&effects, |e| matches!(e, Effect::FlushConntrack { .. })),
        position(&effects, |e| matches!(e, Effect::VpnKill { cid: CID, .. })),
        position(&effects, |e| matches!(e, Effect::TlsClose { .. })),
        position(&effects, |e| matches!(e, Effect::KillContainer { .. })),
        position(&effects, |e| matches!(e, Effect::RemovePath { .. })),
    ];
    assert!(order.is_sorted(), "{order:?}");
    assert!(agent.nothing_is_open());
}

#[test]
fn nothing_is_cut_while_the_tombstone_is_being_written_and_no_admit_passes_meanwhile() {
    let mut agent = Agent::connected();
    agent.fails = |e| matches!(e, Effect::SaveTombstone { .. }).then_some(None);
    agent.end(SESSION);
    agent.pass(Duration::from_secs(2));
    agent.give(Input::RunnerBack { containers: vec![SESSION] });
    assert!(agent.take().iter().all(|e| matches!(e, Effect::SaveTombstone { .. })));
    let admit = agent.admit(SESSION, 1);
    agent.order(Order::Admit(admit));
    assert!(matches!(agent.news()[..], [News::AdmitRefused { reason: AdmitRefusal::Ended, .. }]));
}

#[test]
fn a_full_disk_keeps_nobody_connected_but_gives_no_receipt() {
    let mut agent = Agent::connected();
    agent.fails = |e| matches!(e, Effect::SaveTombstone { .. }).then_some(Some(Outcome::Failed));
    agent.end(SESSION);
    assert!(agent.nothing_is_open());
    assert_eq!((receipts(&agent.news()).len(), agent.settled.last()), (0, Some(&(agent.n - 16))));
    agent.fails = |_| None;
    agent.pass(ASK_AGAIN);
    assert_eq!(receipts(&agent.news()).len(), 5);
}

#[test]
fn every_layer_gives_its_receipt_and_then_nothing_is_held() {
    let mut agent = Agent::connected();
    agent.give(Input::VpnBytes { cid: CID, bytes_in: 700, bytes_out: 900 });
    agent.end(SESSION);
    let news = agent.news();
    let gone: BTreeMap<_, _> = Layer::AT_GATEWAY.map(|layer| (layer, Absence::Gone)).into();
    assert_eq!(receipts(&news), gone);
    assert!(news.contains(&News::Traffic { session: SESSION, bytes_in: 700, bytes_out: 900 }));
    assert!(agent.disk.state.sessions.is_empty());
    assert_eq!(agent.settled.last(), Some(&agent.n));
}

#[test]
fn a_session_that_was_never_here_gets_a_tombstone_and_five_times_never_existed() {
    let mut agent = Agent::born();
    agent.end(SESSION);
    let never: BTreeMap<_, _> = Layer::AT_GATEWAY.map(|layer| (layer, Absence::NeverExisted)).into();
    assert_eq!(receipts(&agent.news()), never);
    assert_eq!(agent.disk.tombstones.len(), 1);
}

#[test]
fn layers_that_never_stood_say_so() {
    let mut agent = Agent::admitted();
    agent.end(SESSION);
    let receipts = receipts(&agent.news());
    assert_eq!(
        (receipts[&Layer::Tls], receipts[&Layer::Vpn]),
        (Absence::NeverExisted, Absence::NeverExisted)
    );
    assert_eq!((receipts[&Layer::Spa], receipts[&Layer::Container]), (Absence::Gone, Absence::Gone));
}

#[test]
fn a_repeated_end_is_answered_again() {
    let mut agent = Agent::connected();
    agent.end(SESSION);
    agent.news();
    agent.end(SESSION);
    assert_eq!(receipts(&agent.news()).len(), 5);
    agent.restart();
    agent.up();
    agent.news();
    agent.end(SESSION);
    let gone: BTreeMap<_, _> = Layer::AT_GATEWAY.map(|layer| (layer, Absence::Gone)).into();
    assert_eq!(receipts(&agent.news()), gone);
}

#[test]
fn no_receipt_without_confirmation_and_what_is_late_is_asked_for_again() {
    for (layer, fails) in [
        (
            Layer::Container,
            (|e| matches!(e, Effect::KillContainer { .. }).then_some(Some(Outcome::Failed)))
                as fn(&Effect) -> _,
        ),
        (Layer::Path, |e| matches!(e, Effect::RemovePath { .. }).then_some(Some(Outcome::Failed))),
        (Layer::Vpn, |e| matches!(e, Effect::VpnKill { .. }).then_some(None)),
        (Layer::Vpn, |e| matches!(e, Effect::RemoveGrants { .. }).then_some(Some(Outcome::Failed))),
        (Layer::Vpn, |e| matches!(e, Effect::FlushConntrack { .. }).then_some(None)),
        (Layer::Tls, |e| matches!(e, Effect::TlsClose { .. }).then_some(None)),
    ] {
        let mut agent = Agent::connected();
        agent.fails = fails;
        agent.end(SESSION);
        let first = receipts(&agent.news());
        assert!(!first.contains_key(&layer) && first.len() == 4, "{layer:?}: {first:?}");
        agent.pass(ASK_AGAIN);
        assert!(receipts(&agent.news()).is_empty());
        agent.fails = |_| None;
        agent.pass(ASK_AGAIN);
        assert_eq!(receipts(&agent.news()).into_keys().collect::<Vec<_>>(), [layer]);
    }
}

#[test]
fn the_key_is_gone_when_the_edge_says_so_or_is_itself_gone() {
    let mut agent = Agent::admitted();
    agent.fails = |e| matches!(e, Effect::TakeSpaKey { .. }).then_some(None);
    agent.end(SESSION);
    assert!(!receipts(&agent.news()).contains_key(&Layer::Spa));
    agent.give(Input::EdgeLost);
    assert!(receipts(&agent.news()).contains_key(&Layer::Spa));
}

#[test]
fn an_ended_session_is_cut_on_by_the_next_life() {
    let mut agent = Agent::connected();
    agent.fails = |e| matches!(e, Effect::KillContainer { .. }).then_some(None);
    agent.end(SESSION);
    agent.restart();
    agent.news();
    agent.give(Input::Start);
    agent.give(Input::EdgeBack);
    let early = receipts(&agent.news());
    assert!(!early.contains_key(&Layer::Vpn), "OpenVPN has not been asked yet");
    assert!(!early.contains_key(&Layer::Container), "the runner has not been asked yet");
    agent.obedient = false;
    agent.give(Input::VpnBack { clients: vec![4] });
    assert!(receipts(&agent.news()).is_empty(), "a stray of the earlier life may be its client");
    agent.give(Input::VpnDisconnected { cid: 4 });
    assert!(receipts(&agent.news()).contains_key(&Layer::Vpn));
    agent.give(Input::RunnerBack { containers: vec![SESSION] });
    assert!(receipts(&agent.news()).contains_key(&Layer::Container));
    assert!(agent.disk.state.sessions.is_empty());
}

#[test]
fn a_lost_lease_ends_it_here_and_the_receipts_wait_for_the_control_planes_end() {
    let mut agent = Agent::connected();
    agent.pass(Duration::from_secs(600));
    assert!(agent.nothing_is_open());
    let news = agent.news();
    assert!(news.contains(&News::EndedLocally { session: SESSION, reason: EndReason::LeaseLost }));
    assert!(receipts(&news).is_empty());
    // Days later, and after a restart.
    agent.restart();
    agent.up();
    agent.news();
    agent.end(SESSION);
    assert_eq!(receipts(&agent.news()).len(), 5);
}

#[test]
fn a_wall_clock_set_back_does_not_keep_a_session_alive() {
    let mut agent = Agent::connected();
    agent.wall -= 3_000_000;
    agent.boot += 599_000;
    agent.give(Input::Tick);
    assert_eq!(agent.news(), []);
    agent.boot += 1_000;
    agent.give(Input::Tick);
    assert!(agent.news().contains(&News::EndedLocally { session: SESSION, reason: EndReason::LeaseLost }));
}

#[test]
fn a_restart_cuts_connections_but_keeps_the_session_for_another_bootstrap() {
    let mut agent = Agent::connected();
    agent.restart();
    agent.give(Input::Start);
    assert_eq!(agent.news(), [News::Started { sessions: vec![SESSION] }]);
    assert!(agent.nothing_is_open());
    agent.give(Input::EdgeBack);
    agent.give(Input::VpnBack { clients: vec![CID] });
    assert!(agent.take().iter().any(|e| matches!(e, Effect::VpnKill { cid: CID, .. })));
    agent.give(Input::RunnerBack { containers: vec![SESSION] });
    let admit = agent.admit(SESSION, 1);
    agent.order(Order::Admit(admit));
    assert!(
        !agent.take().iter().any(|e| matches!(e, Effect::StartContainer { .. })),
        "the container was adopted"
    );
    agent.connect(1, 2, PORT, 1);
    assert_eq!(agent.grants.len(), 1);
}

#[test]
fn a_reset_that_failed_is_tried_again() {
    let mut agent = Agent::connected();
    agent.restart();
    agent.fails = |e| matches!(e, Effect::ResetKernel { .. }).then_some(Some(Outcome::Failed));
    agent.give(Input::Start);
    assert!(!agent.grants.is_empty());
    agent.fails = |_| None;
    agent.pass(ASK_AGAIN);
    assert!(agent.nothing_is_open());
}
