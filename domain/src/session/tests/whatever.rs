//! Whatever is asked of a session, in whatever order and at whatever time: what the log then says keeps to
//! the rules. The witness knows the rules alone, not the fold.

use super::{
    DEVICE, GATEWAY, INCARNATION, OTHER_GATEWAY, RIGHT, TUNNEL, WRONG, allowed, bootstrap, inactive, open,
    posture, prepared, standing,
};
use crate::{
    Aggregate, Millis,
    gateway_bus::AdmitRefusal,
    given::START,
    ids::{AttemptId, BootstrapId, CodeId, DeviceId, EndId, GatewayId, Incarnation},
    session::{
        Absence, Admission, BOOTSTRAP_LIFETIME, CODE_LIFETIME, Command, DeadlineKind, EndReason, Event,
        Layer, Session, Standing, WRONG_ANSWERS_ALLOWED,
    },
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody tries; times, codes and bootstraps are filled in when it happens.
#[derive(Clone, Debug)]
enum Try {
    Wait(u64),
    Posture { country: &'static str, device: DeviceId },
    Code,
    Answer { back: u8, right: bool, paid: bool, attempt: u8 },
    Bootstrap { allowed: bool },
    Admitted { back: u8, gateway: GatewayId, incarnation: Incarnation },
    AdmissionRefused { back: u8 },
    Consumed { back: u8, gateway: GatewayId },
    Layer { layer: Layer, up: bool, gateway: GatewayId },
    LocalEnd { gateway: GatewayId },
    Ring { kind: DeadlineKind, allowed: bool },
    End,
    Receipt { layer: Layer, gateway: GatewayId, this_end: bool },
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_rules_hold(tries in any_tries()) {
        let mut session = Session::default();
        let mut witness = Witness::default();
        let mut now = START;
        let mut issued = Issued::default();
        let opened = session.decide(&open(standing(now, None)), now).expect("opens");
        for (n, attempt) in std::iter::once(None).chain(tries.into_iter().map(Some)).enumerate() {
            let events = match attempt {
                None => opened.clone(),
                Some(Try::Wait(milliseconds)) => {
                    now = Millis(now.0 + milliseconds);
                    continue;
                }
                Some(attempt) => {
                    let Ok(events) = session.decide(&issued.command(&attempt, n, now), now) else { continue };
                    events
                }
            };
            for event in &events {
                witness.see(event, now);
                issued.note(event);
                session.apply(event, now);
            }
            prop_assert_eq!(session.token_is_live(), witness.live());
        }
    }
}

/// Ids that have been given out, so that tries can name old and present ones.
#[derive(Default)]
struct Issued {
    codes: Vec<CodeId>,
    bootstraps: Vec<BootstrapId>,
    end: Option<EndId>,
}

impl Issued {
    fn note(&mut self, event: &Event) {
        match event {
            Event::CodeIssued(e) => self.codes.push(e.code),
            Event::BootstrapIssued(e) => self.bootstraps.push(e.bootstrap),
            Event::Ending(e) => self.end = Some(e.end),
            _ => {}
        }
    }

    fn code(&self, back: u8) -> CodeId {
        self.codes.iter().rev().nth(usize::from(back)).copied().unwrap_or(CodeId([0; 16]))
    }

    fn bootstrap(&self, back: u8) -> BootstrapId {
        self.bootstraps.iter().rev().nth(usize::from(back)).copied().unwrap_or(BootstrapId([0; 16]))
    }

    fn command(&self, attempt: &Try, n: usize, now: Millis) -> Command {
        // Up to 127 tries: every id is drawn once.
        let n = n as u8;
        let ask = |may: bool| if may { allowed(now) } else { inactive(now) };
        match attempt {
            Try::Wait(_) => unreachable!("waiting asks nothing"),
            Try::Posture { country, device } => Command::RecordPosture {
                device: *device,
                posture: crate::policy::PostureValues { reported_at: now, ..posture(country) },
                standing: standing(now, None),
                code: prepared(n, now),
            },
            Try::Code => Command::IssueCode { device: DEVICE, standing: fresh(now), code: prepared(n, now) },
            Try::Answer { back, right, paid, attempt } => Command::Answer {
                code: self.code(*back),
                mac: if *right { RIGHT } else { WRONG },
                attempt: AttemptId([*attempt; 16]),
                attempt_reserved: *paid,
                standing: fresh(now),
            },
            Try::Bootstrap { allowed: may } => Command::IssueBootstrap {
                bootstrap: bootstrap(n, now),
                incarnation: Some(INCARNATION),
                standing: if *may { fresh(now) } else { inactive(now) },
                end: EndId([n; 16]),
            },
            Try::Admitted { back, gateway, incarnation } => Command::RecordAdmitted(Admission {
                bootstrap: self.bootstrap(*back),
                gateway: *gateway,
                address: TUNNEL,
                incarnation: *incarnation,
            }),
            Try::AdmissionRefused { back } => Command::RecordAdmissionRefused {
                bootstrap: self.bootstrap(*back),
                gateway: GATEWAY,
                reason: AdmitRefusal::Expired,
            },
            Try::Consumed { back, gateway } => {
                Command::RecordConsumed { bootstrap: self.bootstrap(*back), gateway: *gateway }
            }
            Try::Layer { layer, up, gateway } => {
                Command::RecordLayer { layer: *layer, up: *up, gateway: *gateway }
            }
            Try::LocalEnd { gateway } => Command::RecordLocalEnd {
                reason: EndReason::WindowClosed,
                gateway: *gateway,
                end: EndId([n; 16]),
            },
            Try::Ring { kind, allowed: may } => {
                Command::Deadline { kind: *kind, generation: 0, standing: ask(*may), end: EndId([n; 16]) }
            }
            Try::End => Command::RequestEnd { reason: EndReason::SignedOut, end: EndId([n; 16]) },
            Try::Receipt { layer, gateway, this_end } => Command::RecordReceipt {
                end: self.end.filter(|_| *this_end).unwrap_or(EndId([255; 16])),
                layer: *layer,
                absence: Absence::Gone,
                gateway: *gateway,
                incarnation: INCARNATION,
            },
        }
    }
}

/// Allowed, with a report of this very moment.
fn fresh(now: Millis) -> Standing {
    standing(now, Some(crate::policy::PostureValues { reported_at: now, ..posture("AU") }))
}

/// What an auditor who reads the log from outside would hold it to.
#[derive(Default)]
struct Witness {
    posture_allowed: bool,
    code: Option<(CodeId, Millis)>,
    judged: BTreeSet<AttemptId>,
    wrong: u8,
    verified: bool,
    ends_at: Option<Millis>,
    bootstrap: Option<BootstrapId>,
    issued: BTreeMap<BootstrapId, Millis>,
    admitted: BTreeSet<BootstrapId>,
    consumed: BTreeSet<BootstrapId>,
    end: Option<EndId>,
    receipts: BTreeSet<Layer>,
    over: bool,
}

impl Witness {
    fn live(&self) -> bool {
        self.end.is_none() && !self.over
    }

    #[expect(clippy::cognitive_complexity, reason = "one row per event: the rules in a list")]
    fn see(&mut self, event: &Event, now: Millis) {
        assert!(!self.over, "nothing happens to what is over: {event:?}");
        if self.end.is_some() {
            let winding = matches!(
                event,
                Event::ReceiptRecorded(_)
                    | Event::ReceiptsOverdue(_)
                    | Event::TrafficCounted(_)
                    | Event::Ended(_)
            );
            assert!(winding, "an ending session only winds down: {event:?}");
        }
        match event {
            Event::Opened(_) | Event::LayerChanged(_) | Event::TrafficCounted(_) => {}
            Event::Denied(e) => {
                assert!(!e.verdict.allow);
                self.over = true;
            }
            Event::PostureRecorded(e) => self.posture_allowed = e.verdict.allow,
            Event::CodeIssued(e) => {
                assert!(self.posture_allowed && !self.verified);
                assert!(e.expires_at <= now.plus(CODE_LIFETIME));
                self.code = Some((e.code, e.expires_at));
            }
            Event::CodeExpired(e) => {
                assert!(self.code.is_some_and(|(code, expires)| code == e.code && now >= expires));
                self.code = None;
            }
            Event::AnswerRefused(e) => {
                assert!(self.judged.insert(e.attempt), "one payment buys one guess");
                self.wrong += 1;
                assert!(self.wrong <= WRONG_ANSWERS_ALLOWED && e.left == WRONG_ANSWERS_ALLOWED - self.wrong);
            }
            Event::Verified(e) => {
                let (code, expires) = self.code.take().expect("a live code");
                assert!(code == e.code && now < expires, "the last code, in time, once");
                assert!(self.judged.insert(e.attempt) && self.wrong < WRONG_ANSWERS_ALLOWED);
                assert!(e.verdict.allow && self.posture_allowed && !self.verified);
                self.verified = true;
                self.ends_at = Some(e.ends_at);
            }
            Event::BootstrapIssued(e) => {
                let ends_at = self.ends_at.expect("a verified session");
                assert!(now < ends_at && e.lease_until <= ends_at && e.verdict.allow);
                assert!(now < e.use_before && e.use_before <= now.plus(BOOTSTRAP_LIFETIME));
                assert_eq!(e.voids, self.bootstrap);
                assert!(self.issued.insert(e.bootstrap, now).is_none(), "an id is issued once");
                self.bootstrap = Some(e.bootstrap);
            }
            Event::Admitted(e) => {
                assert_eq!((Some(e.bootstrap), e.incarnation), (self.bootstrap, INCARNATION));
                assert!(self.admitted.insert(e.bootstrap));
            }
            Event::AdmissionRefused(e) => assert_eq!(Some(e.bootstrap), self.bootstrap),
            Event::BootstrapExpired(e) => {
                assert!(!self.consumed.contains(&e.bootstrap));
                assert!(now >= self.issued[&e.bootstrap].plus(BOOTSTRAP_LIFETIME));
            }
            Event::BootstrapConsumed(e) => {
                assert!(Some(e.bootstrap) == self.bootstrap && self.admitted.contains(&e.bootstrap));
                assert!(self.consumed.insert(e.bootstrap), "a bootstrap is used once");
            }
            Event::Connected(e) => {
                assert!(Some(e.bootstrap) == self.bootstrap && self.consumed.contains(&e.bootstrap));
            }
            Event::LeaseRenewed(e) => {
                assert!(self.ends_at.is_some_and(|end| now < end && e.lease_until <= end));
                assert!(e.verdict.allow);
            }
            Event::EndMoved(e) => {
                assert!(self.ends_at.is_some_and(|end| e.ends_at < end), "only closer");
                self.ends_at = Some(e.ends_at);
            }
            Event::Ending(e) => {
                assert_eq!(e.layers, Layer::ALL);
                self.end = Some(e.end);
            }
            Event::ReceiptRecorded(e) => {
                assert_eq!(Some(e.end), self.end);
                assert!(self.receipts.insert(e.layer), "one receipt per layer");
            }
            Event::ReceiptsOverdue(e) => {
                assert!(!e.missing.is_empty() && e.missing.iter().all(|l| !self.receipts.contains(l)));
            }
            Event::Ended(_) => {
                assert_eq!(self.receipts.len(), Layer::ALL.len(), "never ended on hope");
                self.over = true;
            }
            Event::Expired(_) => {
                assert!(!self.verified, "what was granted is wound down, not forgotten");
                self.over = true;
            }
        }
    }
}

/// Somewhere along the ordinary way, and then whatever.
fn any_tries() -> impl Strategy<Value = Vec<Try>> {
    let way = [
        Try::Posture { country: "AU", device: DEVICE },
        Try::Answer { back: 0, right: true, paid: true, attempt: 0 },
        Try::Bootstrap { allowed: true },
        Try::Admitted { back: 0, gateway: GATEWAY, incarnation: INCARNATION },
        Try::Consumed { back: 0, gateway: GATEWAY },
        Try::Layer { layer: Layer::Vpn, up: true, gateway: GATEWAY },
    ];
    (0..=way.len(), prop::collection::vec(any_try(), 1..120))
        .prop_map(move |(gone, tries)| way[..gone].iter().cloned().chain(tries).collect())
}

fn any_try() -> impl Strategy<Value = Try> {
    let gateway = || prop_oneof![9 => Just(GATEWAY), 1 => Just(OTHER_GATEWAY)];
    let layer = || (0usize..6).prop_map(|n| Layer::ALL[n]);
    let back = || prop_oneof![5 => Just(0u8), 1 => 1u8..4];
    prop_oneof![
        3 => prop_oneof![0u64..5_000, 0u64..130_000, Just(60_000), Just(120_000), 0u64..700_000]
            .prop_map(Try::Wait),
        3 => (prop_oneof![9 => Just("AU"), 1 => Just("XX")], prop_oneof![9 => Just(DEVICE), 1 => Just(DeviceId([99; 16]))])
            .prop_map(|(country, device)| Try::Posture { country, device }),
        2 => Just(Try::Code),
        5 => (back(), prop::bool::weighted(0.6), prop::bool::weighted(0.9), any::<u8>())
            .prop_map(|(back, right, paid, attempt)| Try::Answer { back, right, paid, attempt }),
        4 => prop::bool::weighted(0.95).prop_map(|allowed| Try::Bootstrap { allowed }),
        4 => (back(), gateway(), prop_oneof![9 => Just(INCARNATION), 1 => Just(Incarnation([99; 16]))])
            .prop_map(|(back, gateway, incarnation)| Try::Admitted { back, gateway, incarnation }),
        1 => back().prop_map(|back| Try::AdmissionRefused { back }),
        4 => (back(), gateway()).prop_map(|(back, gateway)| Try::Consumed { back, gateway }),
        4 => (layer(), any::<bool>(), gateway()).prop_map(|(layer, up, gateway)| Try::Layer { layer, up, gateway }),
        1 => gateway().prop_map(|gateway| Try::LocalEnd { gateway }),
        4 => (any_deadline(), prop::bool::weighted(0.95)).prop_map(|(kind, allowed)| Try::Ring { kind, allowed }),
        1 => Just(Try::End),
        6 => (layer(), gateway(), prop::bool::weighted(0.9))
            .prop_map(|(layer, gateway, this_end)| Try::Receipt { layer, gateway, this_end }),
    ]
}

fn any_deadline() -> impl Strategy<Value = DeadlineKind> {
    prop_oneof![
        Just(DeadlineKind::Challenge),
        Just(DeadlineKind::Code),
        Just(DeadlineKind::Bootstrap),
        Just(DeadlineKind::Lease),
        Just(DeadlineKind::End),
        Just(DeadlineKind::Receipts)
    ]
}

/// The tries reach every stage: a witness who never sees an end has proven nothing about ends.
#[test]
fn the_tries_reach_every_stage() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let strategy = any_tries();
    let mut reached = BTreeSet::new();
    for _ in 0..400 {
        let tries = strategy.new_tree(&mut runner).expect("tries").current();
        let (mut session, mut issued, mut now) = (Session::default(), Issued::default(), START);
        for event in session.decide(&open(standing(now, None)), now).expect("opens") {
            session.apply(&event, now);
        }
        for (n, attempt) in tries.iter().enumerate() {
            if let Try::Wait(milliseconds) = attempt {
                now = Millis(now.0 + milliseconds);
                continue;
            }
            for event in session.decide(&issued.command(attempt, n + 1, now), now).unwrap_or_default() {
                reached.insert(crate::event::Event::name(&event));
                issued.note(&event);
                session.apply(&event, now);
            }
        }
    }
    let written = <Event as crate::event::Event>::WRITTEN.iter().map(|(_, _, name)| *name);
    let missed = written.filter(|name| !reached.contains(name)).collect::<Vec<_>>();
    // The clock of these tries stands still for no policy window, and traffic is not tried.
    assert_eq!(missed, ["session.opened", "session.end_moved", "session.traffic_counted"]);
}
