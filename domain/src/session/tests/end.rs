//! Never "ended" on hope: only with every layer's receipt from the session's own gateway.

use super::{
    END, GATEWAY, INCARNATION, OTHER_GATEWAY, POLICY, after, allowed, answer, connected, consume, deadline,
    deadline_with, ending, inactive, issue, request_end, terminated, verified,
};
use crate::{
    Millis,
    given::{Given, START},
    ids::{EndId, GatewayId},
    policy::{Document, Gate, Weekday, Window, evaluate},
    session::{
        Absence, Command, DeadlineKind, EndMoved, EndReason, Ended, EndsBecause, Event, Layer, LeaseRenewed,
        ReceiptRecorded, ReceiptsOverdue, Refusal, Session, Stage, TrafficCounted,
    },
};
use proptest::prelude::*;

fn receipt(end: EndId, layer: Layer, gateway: GatewayId) -> Command {
    Command::RecordReceipt { end, layer, absence: Absence::Gone, gateway, incarnation: INCARNATION }
}

fn received(layer: Layer) -> Event {
    ReceiptRecorded { end: END, layer, absence: Absence::Gone, incarnation: Some(INCARNATION) }.into()
}

fn winding() -> Given<Session> {
    connected().and(ending(terminated(), START))
}

#[test]
fn a_termination_takes_the_token_back_in_the_same_decision() {
    connected().when(request_end()).then(ending(terminated(), START));
    verified().when(request_end()).then(ending(terminated(), START));
    assert!(!winding().state.token_is_live());
    let Stage::Ending(w) = winding().state.stage else { panic!("ending") };
    assert_eq!(w.missing(), Layer::AT_GATEWAY);
}

#[test]
fn an_ending_session_takes_nothing_but_receipts_and_totals() {
    for command in [request_end(), issue(9, START), consume(1), answer(1, super::RIGHT, START)] {
        winding().when(command).then_refused(Refusal::Over);
    }
    let total = Command::RecordTraffic { bytes_in: 5, bytes_out: 6, gateway: GATEWAY };
    winding().when(total).then([TrafficCounted { bytes_in: 5, bytes_out: 6 }.into()]);
    let foreign = Command::RecordTraffic { bytes_in: 5, bytes_out: 6, gateway: OTHER_GATEWAY };
    winding().when(foreign).then_refused(Refusal::OtherGateway);
}

#[test]
fn the_last_receipt_and_no_other_ends_the_session() {
    let mut session = winding();
    let (last, first) = Layer::AT_GATEWAY.split_last().expect("layers");
    for layer in first {
        session.when(receipt(END, *layer, GATEWAY)).then([received(*layer)]);
        session = session.and([received(*layer)]);
        session.when(receipt(END, *layer, GATEWAY)).then_refused(Refusal::Unchanged);
    }
    session.when(receipt(END, *last, GATEWAY)).then([received(*last), Ended {}.into()]);
    let ended = session.and([received(*last), Ended {}.into()]);
    assert_eq!(ended.state.end_reason(), Some(&terminated()));
    ended.when(receipt(END, *last, GATEWAY)).then_refused(Refusal::Over);
    ended.when(request_end()).then_refused(Refusal::Over);
}

#[test]
fn only_the_sessions_gateway_and_only_this_end_are_believed() {
    winding().when(receipt(END, Layer::Vpn, OTHER_GATEWAY)).then_refused(Refusal::OtherGateway);
    winding().when(receipt(EndId([99; 16]), Layer::Vpn, GATEWAY)).then_refused(Refusal::NotThatEnd);
    // The token's receipt is the control plane's own.
    winding().when(receipt(END, Layer::Token, GATEWAY)).then_refused(Refusal::Unchanged);
    connected().when(receipt(END, Layer::Vpn, GATEWAY)).then_refused(Refusal::NotNow);
}

#[test]
fn late_receipts_raise_one_alert_and_the_session_stays_ending() {
    let ring = || deadline(DeadlineKind::Receipts, after(10));
    let some = winding().and([received(Layer::Vpn)]);
    let some = some.at(after(9));
    some.when(ring()).then_refused(Refusal::NotYet);
    let late = some.at(after(10));
    let overdue =
        ReceiptsOverdue { end: END, missing: vec![Layer::Spa, Layer::Tls, Layer::Container, Layer::Path] };
    late.when(ring()).then([overdue.clone().into()]);
    let late = late.and([overdue.into()]);
    late.when(ring()).then_refused(Refusal::Unchanged);
    assert!(matches!(late.state.stage, Stage::Ending(_)));
    late.when(receipt(END, Layer::Spa, GATEWAY)).then([received(Layer::Spa)]);
}

#[test]
fn the_end_comes_on_time_for_the_reason_that_was_fixed() {
    let ring = |now| deadline(DeadlineKind::End, now);
    let renewed = connected().at(after(500)).and([renewed(after(3600))]);
    let early = renewed.at(Millis(after(3600).0 - 1));
    early.when(ring(START)).then_refused(Refusal::NotYet);
    let due = early.at(after(3600));
    due.when(ring(after(3600))).then(ending(EndReason::MaximumLength, after(3600)));
    // Whatever is asked of it first, a session whose time is up ends.
    due.when(issue(9, after(3600))).then(ending(EndReason::MaximumLength, after(3600)));
    due.when(deadline(DeadlineKind::Lease, after(3600))).then(ending(EndReason::MaximumLength, after(3600)));
}

#[test]
fn a_lease_that_nobody_renewed_ends_the_session() {
    let lost = connected().at(after(600));
    lost.when(deadline(DeadlineKind::Lease, after(600))).then(ending(EndReason::LeaseLost, after(600)));
    lost.when(issue(9, after(600))).then(ending(EndReason::LeaseLost, after(600)));
}

#[test]
fn a_renewal_asks_the_policy_and_never_outlives_the_end() {
    let now = after(300);
    let renewed = LeaseRenewed {
        lease_until: after(900),
        policy: POLICY,
        verdict: evaluate(&super::document(), allowed(now).facts, Gate::Continuous),
    };
    connected().at(now).when(deadline(DeadlineKind::Lease, now)).then([renewed.into()]);
    verified().at(now).when(deadline(DeadlineKind::Lease, now)).then_refused(Refusal::Unchanged);

    let near = after(3300);
    let events =
        connected().and([self::renewed(after(3400))]).at(near).when(deadline(DeadlineKind::Lease, near));
    let events = events.events();
    let [Event::LeaseRenewed(renewed)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(renewed.lease_until, after(3600));
}

#[test]
fn a_renewal_that_the_policy_no_longer_allows_ends_the_session() {
    let now = after(300);
    let ring = |standing| deadline_with(DeadlineKind::Lease, standing);
    let session = connected().at(now);
    session.when(ring(inactive(now))).then(ending(EndReason::UserNotActive, now));
    let mut strict = allowed(now);
    strict.document.countries.allow = vec!["NZ".parse().expect("a country")];
    session.when(ring(strict)).then(ending(EndReason::PolicyChanged, now));
    let mut retired = allowed(now);
    retired.facts.policy_active = false;
    session.when(ring(retired)).then(ending(EndReason::PolicyChanged, now));
}

#[test]
fn the_end_only_ever_moves_closer() {
    let now = after(300);
    let closing = |to_minute| {
        let mut standing = allowed(now);
        let windows = vec![Window { days: vec![Weekday::Thu], from_minute: 0, to_minute }];
        standing.document = Document { windows, ..standing.document };
        deadline_with(DeadlineKind::Lease, standing)
    };
    let closer = connected().at(now).done(closing(30));
    let Stage::Verified(v) = &closer.state.stage else { panic!("verified") };
    assert_eq!((v.ends_at, v.because), (Millis(30 * 60_000), EndsBecause::Window));
    let events = closer.when(closing(45)).events();
    assert!(!events.iter().any(|e| matches!(e, Event::EndMoved(EndMoved { .. }))));
}

#[test]
fn what_the_gateway_ended_by_itself_is_ended_here_too() {
    let local = |gateway| Command::RecordLocalEnd { reason: EndReason::WindowClosed, gateway, end: END };
    connected().when(local(GATEWAY)).then(ending(EndReason::WindowClosed, START));
    winding().when(local(GATEWAY)).then_refused(Refusal::Over);
}

fn renewed(lease_until: Millis) -> Event {
    let verdict = evaluate(&super::document(), allowed(START).facts, Gate::Continuous);
    LeaseRenewed { lease_until, policy: POLICY, verdict }.into()
}

proptest! {
    /// Receipts in any order, repeated, from anybody, of any end: ended exactly when each of the gateway's
    /// layers has been promised gone by the session's own gateway for this end.
    #[test]
    fn ended_means_every_receipt(reports in prop::collection::vec((0usize..6, any::<bool>(), any::<bool>()), 0..24)) {
        let mut session = winding();
        let mut promised = std::collections::BTreeSet::new();
        for (layer, ours, this_end) in reports {
            let layer = Layer::ALL[layer];
            let gateway = if ours { GATEWAY } else { OTHER_GATEWAY };
            let end = if this_end { END } else { EndId([99; 16]) };
            if ours && this_end && layer != Layer::Token {
                promised.insert(layer);
            }
            if let Ok(events) = crate::Aggregate::decide(&session.state, &receipt(end, layer, gateway), START) {
                session = session.and(events);
            }
        }
        let ended = matches!(session.state.stage, Stage::Ended(_));
        prop_assert_eq!(ended, promised.len() == Layer::AT_GATEWAY.len());
    }
}
