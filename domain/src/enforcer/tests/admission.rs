use super::*;

fn refused(agent: &mut Agent) -> AdmitRefusal {
    match agent.news()[..] {
        [News::AdmitRefused { reason, .. }] => reason,
        ref other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn an_admit_is_answered_when_key_path_and_container_are_ready_and_not_before() {
    let mut agent = Agent::born();
    agent.fails = |e| matches!(e, Effect::StartContainer { .. }).then_some(None);
    let admit = agent.admit(SESSION, 0);
    agent.order(Order::Admit(admit));
    assert_eq!(agent.news(), [], "the container is not there yet");
    assert_eq!(agent.settled, [agent.n], "but the order is durable");
    let effects = agent.take();
    let saved =
        position(&effects, |e| matches!(e, Effect::SaveState { state, .. } if !state.sessions.is_empty()));
    for (what, at) in [
        ("key", position(&effects, |e| matches!(e, Effect::GiveSpaKey { .. }))),
        ("container", position(&effects, |e| matches!(e, Effect::StartContainer { .. }))),
        ("path", position(&effects, |e| matches!(e, Effect::PublishPath { .. }))),
    ] {
        assert!(saved < at, "{what} before the session was on disk");
    }
    let ticket = agent.unanswered.pop_front().expect("waits");
    agent.give(Input::Done { ticket, outcome: Outcome::Ok });
    assert_eq!(
        agent.news(),
        [News::Admitted { session: SESSION, bootstrap: bootstrap(0), address: Ipv4Addr::new(10, 8, 0, 10) }]
    );
}

#[test]
fn a_container_that_does_not_start_refuses_the_admit_and_takes_the_key_back() {
    let mut agent = Agent::born();
    agent.fails = |e| matches!(e, Effect::StartContainer { .. }).then_some(Some(Outcome::Failed));
    let admit = agent.admit(SESSION, 0);
    agent.order(Order::Admit(admit));
    assert_eq!(refused(&mut agent), AdmitRefusal::ContainerFailed);
    position(&agent.take(), |e| matches!(e, Effect::TakeSpaKey { .. }));
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(1), address: DESKTOP });
    assert!(agent.nothing_is_open());
}

#[test]
fn an_admit_after_its_end_is_refused_also_after_a_restart_and_an_hours_partition() {
    let mut agent = Agent::born();
    agent.end(SESSION);
    agent.news();
    let admit = agent.admit(SESSION, 0);
    agent.order(Order::Admit(admit));
    assert_eq!(refused(&mut agent), AdmitRefusal::Ended);

    agent.restart();
    agent.up();
    agent.pass(Duration::from_secs(3600));
    agent.news();
    // Made for this very start and still in time: only the tombstone stands in its way.
    let admit = agent.admit(SESSION, 0);
    agent.order(Order::Admit(admit));
    assert_eq!(refused(&mut agent), AdmitRefusal::Ended);
}

#[test]
fn widening_orders_expire() {
    let mut agent = Agent::born();
    let now = Millis(agent.wall);
    let fresh = agent.admit(SESSION, 0);
    for late in [
        Admit { not_after: now, ..fresh.clone() },
        Admit { use_before: now, ..fresh.clone() },
        Admit { lease_until: now, ..fresh.clone() },
        Admit { ends_at: now, ..fresh },
    ] {
        agent.order(Order::Admit(late));
        assert_eq!(refused(&mut agent), AdmitRefusal::Expired);
    }
    assert!(agent.take().iter().all(|e| matches!(e, Effect::Report(_) | Effect::Settled { .. })));
}

#[test]
fn widening_orders_for_an_earlier_start_are_refused() {
    let mut agent = Agent::connected();
    let admit = Admit { incarnation: Incarnation([99; 16]), ..agent.admit(OTHER, 1) };
    agent.order(Order::Admit(admit));
    assert_eq!(refused(&mut agent), AdmitRefusal::OtherIncarnation);
    let renew = Renew { incarnation: Incarnation([99; 16]), ..agent.renew(Duration::from_secs(3000)) };
    agent.order(Order::Renew(renew));
    agent.pass(Duration::from_secs(600));
    assert!(agent.news().contains(&News::EndedLocally { session: SESSION, reason: EndReason::LeaseLost }));
}

#[test]
fn nothing_exceeds_the_ceiling() {
    let mut agent = Agent::born();
    let fine = agent.admit(SESSION, 0);
    let outside = Grant { address: Ipv4Addr::new(192, 168, 0, 1), ..GRANT };
    let too_long = Millis(agent.wall + 8 * 3_600_000 + 1);
    for (order, reason) in [
        (Admit { grants: vec![GRANT, outside], ..fine.clone() }, AdmitRefusal::BeyondCeiling),
        (Admit { ends_at: too_long, ..fine.clone() }, AdmitRefusal::BeyondCeiling),
        (Admit { image: "other".into(), ..fine.clone() }, AdmitRefusal::ImageNotAllowed),
    ] {
        agent.order(Order::Admit(order));
        assert_eq!(refused(&mut agent), reason);
    }
    let mut agent = Agent::connected();
    let ends = agent.enforcer.memory().state.sessions[0].ends;
    let renew = Renew { ends_at: too_long, ..agent.renew(Duration::from_secs(900)) };
    agent.order(Order::Renew(renew));
    assert_eq!(agent.enforcer.memory().state.sessions[0].ends, ends);
}

#[test]
fn secrets_that_do_not_open_admit_nothing() {
    let mut agent = Agent::born();
    let order = Order::Admit(agent.admit(SESSION, 0));
    let command = agent.command(16, order);
    agent.give(Input::Order { command: Box::new(command), secrets: None });
    assert_eq!(refused(&mut agent), AdmitRefusal::Unsealable);
}

#[test]
fn the_same_order_twice_does_nothing_more_but_is_settled_again() {
    let mut agent = Agent::admitted();
    let (n, admit) = (agent.n, agent.admit(SESSION, 0));
    agent.settled.clear();
    agent.order_n(n, Order::Admit(admit));
    assert_eq!(agent.settled, [n]);
    assert_eq!(agent.take(), [Effect::Settled { n }]);
}

#[test]
fn a_renewal_prolongs_the_lease_but_never_the_end() {
    let mut agent = Agent::connected();
    let mut renew = agent.renew(Duration::from_secs(5_000));
    renew.ends_at = Millis(T0 + 7_200_000);
    agent.order(Order::Renew(renew));
    let (_, until) = agent.grants[&Ipv4Addr::new(10, 8, 0, 10)];
    assert_eq!(until - agent.boot, 3_600_000, "the earlier of lease and end, and the end did not move");
    agent.pass(Duration::from_secs(3600));
    assert!(agent.news().contains(&News::EndedLocally { session: SESSION, reason: EndReason::WindowClosed }));
}

#[test]
fn a_renewal_may_bring_the_end_closer() {
    let mut agent = Agent::connected();
    let mut renew = agent.renew(Duration::from_secs(600));
    renew.ends_at = Millis(T0 + 60_000);
    agent.order(Order::Renew(renew));
    assert_eq!(agent.grants[&Ipv4Addr::new(10, 8, 0, 10)].1 - agent.boot, 60_000);
}

#[test]
fn a_new_bootstrap_voids_the_one_before_and_keeps_the_address() {
    let mut agent = Agent::admitted();
    let admit = agent.admit(SESSION, 1);
    agent.order(Order::Admit(admit));
    assert_eq!(
        agent.news(),
        [News::Admitted { session: SESSION, bootstrap: bootstrap(1), address: Ipv4Addr::new(10, 8, 0, 10) }]
    );
    agent.give(Input::Knock { bootstrap: bootstrap(0), nonce: nonce(0), address: DESKTOP });
    assert!(agent.nothing_is_open());
    agent.give(Input::Knock { bootstrap: bootstrap(1), nonce: nonce(0), address: DESKTOP });
    assert!(agent.doors.contains_key(&DESKTOP));
}

#[test]
fn addresses_rest_after_use() {
    let mut agent = Agent::born();
    let mut given = BTreeSet::new();
    for n in 0..10 {
        let session = SessionId([0x50 + n; 16]);
        let admit = agent.admit(session, n);
        agent.order(Order::Admit(admit));
        let News::Admitted { address, .. } = agent.news()[0] else { panic!("admitted") };
        assert!(given.insert(address));
        agent.end(session);
        agent.news();
    }
    let admit = agent.admit(SESSION, 20);
    agent.order(Order::Admit(admit));
    assert_eq!(refused(&mut agent), AdmitRefusal::NoAddressLeft);
    // Also after a restart.
    agent.restart();
    agent.up();
    agent.news();
    let admit = agent.admit(SESSION, 20);
    agent.order(Order::Admit(admit));
    assert_eq!(refused(&mut agent), AdmitRefusal::NoAddressLeft);
    agent.pass(ADDRESS_RESTS);
    let admit = agent.admit(SESSION, 20);
    agent.order(Order::Admit(admit));
    assert!(matches!(agent.news()[..], [News::Admitted { .. }]));
}

#[test]
fn steps_run_one_after_another_and_each_is_answered_once_also_after_a_restart() {
    let mut agent = Agent::born();
    agent.fails = |e| matches!(e, Effect::RunScript { .. }).then_some(None);
    let step = |attempt| Provision {
        user: UserId([5; 16]),
        place: Place::Vpn,
        action: Action::Create,
        attempt,
        not_after: Millis(T0 + 60_000),
    };
    agent.order(Order::Provision(step(1)));
    agent.order(Order::Provision(step(2)));
    assert_eq!(agent.settled.len(), 2, "settled before they have run: an end must not wait for a script");
    let running = agent.take().iter().filter(|e| matches!(e, Effect::RunScript { .. })).count();
    assert_eq!(running, 1);
    agent.restart();
    agent.give(Input::Start);
    agent.give(Input::RunnerBack { containers: vec![] });
    let results: Vec<_> = agent
        .news()
        .into_iter()
        .filter_map(|n| match n {
            News::Step { attempt, result, .. } => Some((attempt, result)),
            _ => None,
        })
        .collect();
    assert_eq!(results, [(1, Ok(())), (2, Ok(()))]);
    assert!(agent.disk.state.steps.is_empty());
}

#[test]
fn a_scripts_reason_code_is_reported_and_nothing_else_of_it() {
    let mut agent = Agent::born();
    agent.fails = |e| {
        let too_loud = Outcome::Script(Err(StepFailure::ScriptTooLoud));
        matches!(e, Effect::RunScript { .. }).then_some(Some(too_loud))
    };
    let (user, place, action) = (UserId([5; 16]), Place::Panel, Action::Delete);
    let step = Provision { user, place, action, attempt: 3, not_after: Millis::MAX };
    agent.order(Order::Provision(step));
    let result = Err(StepFailure::ScriptTooLoud);
    assert_eq!(agent.news(), [News::Step { user, place, action, attempt: 3, result }]);
}

#[test]
fn only_a_higher_key_set_of_the_root_is_taken_and_it_is_kept() {
    let mut agent = Agent::born();
    let forged = SignedKeySet::sign(
        &KeySet { epoch: 9, keys: vec![], not_after: Millis::MAX },
        &SigningKey::from_bytes(&[1; 32]),
    );
    agent.order(Order::Keys(forged));
    agent.order(Order::Keys(key_set(3)));
    agent.order(Order::Keys(key_set(2)));
    assert_eq!(agent.enforcer.keys().map(|k| k.epoch), Some(3));
    agent.restart();
    agent.up();
    assert_eq!(agent.enforcer.keys().map(|k| k.epoch), Some(3));
}

#[test]
fn a_restored_logs_epoch_ends_every_session_and_an_older_epochs_orders_are_void() {
    let mut agent = Agent::connected();
    let order = Order::Keys(key_set(1));
    let command = GatewayCommand { epoch: 2, ..agent.command(99, order) };
    agent.give(Input::Order { command: Box::new(command), secrets: None });
    assert!(agent.nothing_is_open());
    assert!(agent.news().contains(&News::EndedLocally { session: SESSION, reason: EndReason::EpochRaised }));
    let admit = agent.admit(OTHER, 1);
    agent.order(Order::Admit(admit));
    assert_eq!(agent.news(), []);
}
