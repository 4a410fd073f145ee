use super::*;
use crate::{
    ids::Incarnation,
    process::story::{self, Story, arm, deadline, disarm, later, order},
    session::{Absence, EndReason, Ended, Expired, Layer, ReceiptRecorded, ReceiptsOverdue},
};

fn end() -> Order {
    Order::End(gateway_bus::End {
        session: story::SESSION,
        session_version: 2,
        end: story::END,
        reason: EndReason::SignedOut,
    })
}

fn ending() -> Story<Teardown> {
    let mut story = Story::default();
    story.session(story::opened());
    story.session(story::ending());
    story
}

fn again(attempt: u32, at: Millis) -> Effect {
    let instance = story::SESSION.0;
    Effect::Arm(Alarm { instance, kind: AlarmKind::Receipts, at, generation: 2, attempt })
}

fn receipt(layer: Layer) -> ReceiptRecorded {
    ReceiptRecorded { end: story::END, layer, absence: Absence::Gone, incarnation: Some(story::INCARNATION) }
}

#[test]
fn an_end_goes_to_the_gateway_at_once_even_where_no_admit_went() {
    let mut story = Story::<Teardown>::default();
    story.session(story::opened());
    assert_eq!(
        story.session(story::ending()),
        vec![order(end(), 2, 0), arm(AlarmKind::Receipts, later(2_000), 2)]
    );
}

#[test]
fn it_is_repeated_under_the_same_number_until_the_last_receipt() {
    let mut story = ending();
    assert_eq!(
        story.rings(AlarmKind::Receipts, later(2_000)),
        vec![order(end(), 2, 0), again(2, later(4_000))]
    );
    assert_eq!(story.session(receipt(Layer::Vpn)), vec![], "one layer is not all");
    assert_eq!(
        story.rings(AlarmKind::Receipts, later(4_000)),
        vec![order(end(), 2, 0), again(3, later(8_000))]
    );
    assert_eq!(story.session(Ended {}), vec![disarm(AlarmKind::Receipts)]);
    assert_eq!(story.rings(AlarmKind::Receipts, later(9_000)), vec![]);
}

#[test]
fn receipts_that_are_late_raise_an_alert_once_and_the_end_is_still_repeated() {
    let mut story = ending();
    story.rings(AlarmKind::Receipts, later(2_000));
    assert_eq!(
        story.rings(AlarmKind::Receipts, later(10_000)),
        vec![order(end(), 2, 0), deadline(DeadlineKind::Receipts, 2), again(3, later(14_000))]
    );
    story.session(ReceiptsOverdue { end: story::END, missing: vec![Layer::Vpn] });
    assert_eq!(
        story.rings(AlarmKind::Receipts, later(14_000)),
        vec![order(end(), 2, 0), again(4, later(22_000))]
    );
}

#[test]
fn a_gateway_that_starts_again_is_told_every_end_that_is_not_finished() {
    let mut story = ending();
    let seen = |byte| gateway::Event::from(gateway::IncarnationSeen { incarnation: Incarnation([byte; 16]) });
    assert_eq!(story.decision(story::GATEWAY, vec![seen(1)]), vec![order(end(), 2, 0)]);
    assert_eq!(story.decision(GatewayId([99; 16]), vec![seen(2)]), vec![], "another gateway");
    story.session(Ended {});
    assert_eq!(story.decision(story::GATEWAY, vec![seen(3)]), vec![]);
}

#[test]
fn a_session_that_was_never_verified_ends_without_the_gateway() {
    let mut story = Story::<Teardown>::default();
    story.session(story::opened());
    assert_eq!(story.session(Expired {}), vec![]);
    assert_eq!(story.process.alarms(), vec![]);
}
