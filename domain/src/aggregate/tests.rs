use super::{CannotFold, Known, REDELIVERY_BOUND, Root};
use crate::{
    Aggregate, Millis,
    actor::{Actor, Origin},
    bytes,
    command::{Command as BusCommand, WireCommand},
    decision::{BadDecision, Decision, Outcome, Recorded, Refusal as _, Refused},
    event::{AggregateKind, StoredEvent, Unreadable},
    gateway::{self, Endpoint, Gateway},
    ids::{CodeId, CommandId, CorrelationId, DeviceId, Digest, GatewayId, LogId, SessionId, UserId},
    user::{self, Step, User},
};
use proptest::prelude::*;
use std::net::Ipv4Addr;

const GATEWAY: GatewayId = GatewayId([1; 16]);
const START: Millis = Millis(1_000_000);

// What every aggregate remembers.

#[test]
fn a_command_id_has_one_outcome_however_often_it_comes() {
    let mut root = Root::<Gateway>::default();
    let accepted = decide(&mut root, 1, bus(1, 1), &invite(), START);
    assert_eq!(accepted.outcome, Outcome::Accepted);
    let known = Known::Decided { outcome: Outcome::Accepted, seq: 1 };
    assert_eq!(root.known(&CommandId([1; 16]), &Digest([1; 32])), known);
    assert_eq!(root.known(&CommandId([2; 16]), &Digest([1; 32])), Known::New);
}

#[test]
fn a_refusal_redelivered_stays_a_refusal_though_the_world_has_changed() {
    let mut root = Root::<Gateway>::default();
    let early = gateway::Command::Drain;
    let refused = decide(&mut root, 1, bus(1, 1), &early, START);
    let outcome = Outcome::Refused(gateway::Refusal::NotFound.stored());
    assert_eq!((&refused.outcome, refused.events.len()), (&outcome, 0));
    decide(&mut root, 2, bus(2, 2), &invite(), START);
    assert_eq!(root.known(&CommandId([1; 16]), &Digest([1; 32])), Known::Decided { outcome, seq: 1 });
    assert_eq!(root.version, 1);
}

#[test]
fn a_known_command_id_with_another_body_is_refused_as_reused() {
    let mut root = Root::<Gateway>::default();
    decide(&mut root, 1, bus(1, 1), &invite(), START);
    assert_eq!(root.known(&CommandId([1; 16]), &Digest([2; 32])), Known::Reused);
}

#[test]
fn an_expired_command_is_decided_as_expired_and_changes_nothing() {
    let root = Root::<Gateway>::default();
    let command = bus(1, 1);
    let late = Millis(command.expires_at.0 + 1);
    let decision = root.decide(&command, Ok(&invite()), late);
    assert_eq!((decision.outcome, decision.events), (Outcome::Expired, vec![]));
    let on_time = root.decide(&command, Ok(&invite()), command.expires_at);
    assert_eq!(on_time.outcome, Outcome::Accepted);
}

#[test]
fn what_could_not_be_prepared_is_refused_with_the_reason_given() {
    let refused = Refused { class: crate::decision::RefusalClass::Forbidden, code: "role".into() };
    let decision = Root::<Gateway>::default().decide(&bus(1, 1), Err(refused.clone()), START);
    assert_eq!(decision.outcome, Outcome::Refused(refused));
}

#[test]
fn outcomes_are_remembered_past_expiry_for_as_long_as_the_bus_may_redeliver() {
    let mut root = Root::<Gateway>::default();
    let command = bus(1, 1);
    let until = command.expires_at.plus(REDELIVERY_BOUND);
    decide(&mut root, 1, command, &invite(), START);
    decide(&mut root, 2, bus_until(2, 2, Millis::MAX), &invite(), Millis(until.0 - 1));
    assert_ne!(root.known(&CommandId([1; 16]), &Digest([1; 32])), Known::New);
    decide(&mut root, 3, bus_until(3, 3, Millis::MAX), &invite(), until);
    assert_eq!(root.known(&CommandId([1; 16]), &Digest([1; 32])), Known::New);
}

#[test]
fn an_aggregates_clock_never_runs_backwards() {
    let mut root = Root::<Gateway>::default();
    decide(&mut root, 1, bus(1, 1), &invite(), START);
    let earlier = root.decide(&bus(2, 2), Ok(&invite()), Millis(START.0 - 500));
    assert_eq!(earlier.at, START);
}

// What does not fit stops the reader and says where.

#[test]
fn a_gap_a_repetition_and_another_kind_are_refused() {
    let mut root = Root::<Gateway>::default();
    let first = decide(&mut root, 5, bus(1, 1), &invite(), START);
    let aggregate = GATEWAY.into();
    assert_eq!(root.apply(6, &first), Err(CannotFold::OutOfOrder { seq: 6, aggregate }));
    let next = root.decide(&bus(2, 2), Ok(&invite()), START);
    assert_eq!(root.apply(5, &next), Err(CannotFold::OutOfOrder { seq: 5, aggregate }));
    let ahead = Decision { base_version: 7, ..next.clone() };
    assert_eq!(root.apply(6, &ahead), Err(CannotFold::OutOfOrder { seq: 6, aggregate }));
    let foreign = Root::<User>::default().apply(6, &next);
    assert_eq!(foreign, Err(CannotFold::OtherAggregate { seq: 6, aggregate }));
    assert_eq!(root.apply(6, &next), Ok(()));
}

#[test]
fn an_unknown_version_stops_the_reader_naming_sequence_type_and_version() {
    let stored = StoredEvent { kind: 1, version: 9, bytes: vec![] };
    let mut decision = Root::<Gateway>::default().decide(&bus(1, 1), Ok(&invite()), START);
    decision.events = vec![stored];
    let source = Unreadable::UnknownVersion { aggregate: AggregateKind::Gateway, kind: 1, version: 9 };
    let mut root = Root::<Gateway>::default();
    let stopped = root.apply(77, &decision).expect_err("stopped");
    assert_eq!(stopped, CannotFold::Unreadable { seq: 77, source });
    assert_eq!(
        stopped.to_string(),
        "VW_EVENTS sequence 77: gateway event 1 version 9 is not known to this build"
    );
    assert_eq!(Recorded { seq: 77, decision }.events().expect_err("stopped"), source);
}

#[test]
fn a_corrupted_event_stops_the_reader() {
    let mut decision = Root::<Gateway>::default().decide(&bus(1, 1), Ok(&invite()), START);
    for cut in [0, 1, decision.events[0].bytes.len() - 1] {
        let mut broken = decision.clone();
        broken.events[0].bytes.truncate(cut);
        let source = Unreadable::Corrupt { aggregate: AggregateKind::Gateway, kind: 1, version: 1 };
        let stopped = Root::<Gateway>::default().apply(1, &broken).expect_err("stopped");
        assert_eq!(stopped, CannotFold::Unreadable { seq: 1, source });
    }
    decision.events[0].bytes.push(0);
    assert!(Root::<Gateway>::default().apply(1, &decision).is_err(), "trailing bytes");
}

#[test]
fn a_decision_of_another_format_is_no_decision() {
    let stored = Root::<Gateway>::default().decide(&bus(1, 1), Ok(&invite()), START).to_bytes();
    let mut other = stored.clone();
    other[2] = 2;
    assert_eq!(Decision::from_bytes(&other), Err(BadDecision::NotADecision));
    assert_eq!(Decision::from_bytes(&[]), Err(BadDecision::NotADecision));
    for cut in 3..stored.len() {
        assert!(Decision::from_bytes(&stored[..cut]).is_err(), "cut at {cut}");
    }
}

// Any history.

proptest! {
    #[test]
    fn any_history_folds_alike_from_the_start_from_a_snapshot_and_from_stored_bytes(
        asked in prop::collection::vec((any_user_command(), 0u64..50_000_000), 1..60), cut in 0usize..60,
    ) {
        let mut live = Root::<User>::default();
        let mut log = vec![];
        let mut now = START;
        for (n, (command, step)) in asked.into_iter().enumerate() {
            now = Millis(now.0 + step);
            let bus = BusCommand { aggregate: UserId([1; 16]).into(), ..bus_until(n as u64 + 10, 1, Millis::MAX) };
            let decision = live.decide(&bus, Ok(&command), now);
            live.apply(n as u64 + 1, &decision).expect("what was decided folds");
            log.push(decision.to_bytes());
        }
        let mut again = Root::<User>::default();
        for (n, stored) in log.iter().enumerate() {
            if n == cut {
                again = bytes::decode(&bytes::encode(&again)).expect("a snapshot");
            }
            let decision = Decision::from_bytes(stored).expect("a decision");
            prop_assert_eq!(&decision.to_bytes(), stored);
            again.apply(n as u64 + 1, &decision).expect("folds again");
        }
        prop_assert_eq!(&again.state, &live.state);
        prop_assert_eq!((again.version, again.last_seq, again.last_at), (live.version, live.last_seq, live.last_at));
        prop_assert!(live.state.attempts_in_window(now) <= user::ATTEMPTS_PER_DAY);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut stored = b"VD\x01".to_vec();
        stored.extend_from_slice(&bytes);
        if let Ok(decision) = Decision::from_bytes(&stored) {
            let _ = Recorded { seq: 1, decision }.events();
        }
        let _ = bytes::decode::<BusCommand>(&bytes);
        let _ = bytes::decode::<crate::gateway_bus::Report>(&bytes);
        let _ = bytes::decode::<crate::gateway_bus::GatewayCommand>(&bytes);
    }
}

// What the tests speak of.

fn bus(id: u8, digest: u8) -> BusCommand {
    let mut command = bus_until(u64::from(id), digest, Millis(START.0 + 30_000));
    command.id = CommandId([id; 16]);
    command
}

fn bus_until(id: u64, digest: u8, expires_at: Millis) -> BusCommand {
    BusCommand {
        id: CommandId(u128::from(id).to_be_bytes()),
        digest: Digest([digest; 32]),
        log_id: LogId([1; 16]),
        epoch: 1,
        origin: Origin::Api,
        actor: Actor::Machine,
        correlation: CorrelationId([1; 16]),
        causation: None,
        issued_at: START,
        expires_at,
        aggregate: GATEWAY.into(),
        body: WireCommand::Gateway(gateway::Command::Drain),
    }
}

fn invite() -> gateway::Command {
    gateway::Command::Invite {
        name: "gw1".into(),
        endpoint: Endpoint { address: Ipv4Addr::LOCALHOST, spa_port: 1, tls_port: 2 },
        secret: Digest([1; 32]),
    }
}

fn decide<A: Aggregate>(
    root: &mut Root<A>,
    seq: u64,
    bus: BusCommand,
    command: &A::Command,
    now: Millis,
) -> Decision {
    let decision = root.decide(&bus, Ok(command), now);
    root.apply(seq, &decision).expect("folds");
    decision
}

fn any_user_command() -> impl Strategy<Value = user::Command> {
    use crate::personal::{DataKey, Personal, Profile};
    use user::Command as C;
    let gateway = |n: u8| GatewayId([n; 16]);
    let step = (0u8..3, 1u8..4).prop_map(move |(place, n)| match place {
        0 => Step::Directory,
        1 => Step::Vpn { gateway: gateway(n) },
        _ => Step::Panel { gateway: gateway(n) },
    });
    let user = UserId([1; 16]);
    let key = DataKey([1; 32]);
    let create = C::Create {
        name: crate::ids::NameId([1; 16]),
        profile: Personal::seal(&Profile { username: "ada".into() }, user, &key, [1; 24]),
        password: Personal::seal(&user::PasswordHash("phc".into()), user, &key, [2; 24]),
        policies: vec![],
        gateways: vec![gateway(1)],
    };
    prop_oneof![
        2 => Just(create),
        8 => (step.clone(), 1u32..4, any::<bool>()).prop_map(|(step, attempt, ok)| C::RecordStep {
            step,
            attempt,
            result: if ok { Ok(()) } else { Err(user::StepFailure::ScriptFailed) },
        }),
        2 => step.prop_map(|step| C::RetryStep { step }),
        1 => prop::collection::vec(1u8..4, 0..3).prop_map(move |g| C::AssignGateways {
            gateways: g.into_iter().map(gateway).collect(),
        }),
        1 => (1u8..3).prop_map(|n| C::AddDevice { device: DeviceId([n; 16]) }),
        8 => (any::<u8>(), 0u8..3).prop_map(|(a, s)| C::ReserveAttempt {
            attempt: crate::ids::AttemptId([a; 16]),
            session: SessionId([s; 16]),
            code: CodeId([s; 16]),
        }),
        2 => any::<u8>().prop_map(|a| C::RefundAttempt { attempt: crate::ids::AttemptId([a; 16]) }),
        1 => Just(C::RecordFailedLogin { source: Digest([1; 32]) }),
        1 => (0u32..3).prop_map(|credential_version| C::RecordLogin { session: SessionId([1; 16]), credential_version }),
        1 => Just(C::Suspend),
        1 => Just(C::Resume),
        1 => Just(C::Delete),
        1 => Just(C::Erase),
    ]
}
