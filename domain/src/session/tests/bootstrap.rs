//! From the verified session to the tunnel, as often as needed, one bootstrap at a time.

use super::{
    END, GATEWAY, INCARNATION, OTHER_GATEWAY, TUNNEL, admission, admitted, after, allowed, bootstrap,
    connected, consume, consumed, deadline, ending, inactive, issue, issued, layer, layer_changed, verified,
    waiting,
};
use crate::{
    Millis,
    gateway_bus::AdmitRefusal,
    given::START,
    ids::{BootstrapId, Digest, Incarnation},
    policy::{Document, Weekday, Window},
    session::{
        Admission, AdmissionRefused, BOOTSTRAPS_PER_WINDOW, Bootstrap, BootstrapExpired, Command, Connected,
        DeadlineKind, EndMoved, EndReason, EndsBecause, Event, Layer, Refusal, Stage,
    },
};

fn offer(bootstrap: Bootstrap, incarnation: Option<Incarnation>, now: Millis) -> Command {
    Command::IssueBootstrap { bootstrap, incarnation, standing: allowed(now), end: END }
}

#[test]
fn only_a_verified_session_is_given_a_bootstrap() {
    waiting().when(issue(1, START)).then_refused(Refusal::NotNow);
    verified().when(issue(1, START)).then([issued(1, None, START)]);
}

#[test]
fn a_new_bootstrap_voids_the_one_before() {
    let second = verified().and([issued(1, None, START), admitted(1)]);
    second.when(issue(2, START)).then([issued(2, Some(1), START)]);
    let second = second.and([issued(2, Some(1), START)]);
    second.when(consume(1)).then_refused(Refusal::BootstrapUnusable);
    second.when(admission(1, GATEWAY)).then_refused(Refusal::BootstrapUnusable);
    second.when(admission(2, GATEWAY)).then([admitted(2)]);
}

#[test]
fn a_bootstrap_id_is_issued_once() {
    connected().when(issue(1, START)).then_refused(Refusal::BootstrapUnusable);
}

#[test]
fn a_bootstrap_is_for_the_key_the_session_was_opened_with() {
    let other = Bootstrap { session_key: Digest([99; 32]), ..bootstrap(1, START) };
    verified().when(offer(other, Some(INCARNATION), START)).then_refused(Refusal::OtherKey);
}

#[test]
fn a_bootstrap_lives_sixty_seconds_at_most() {
    let long = Bootstrap { use_before: Millis(after(60).0 + 1), ..bootstrap(1, START) };
    verified().when(offer(long, Some(INCARNATION), START)).then_refused(Refusal::BootstrapUnusable);
    let spent = Bootstrap { use_before: START, ..bootstrap(1, START) };
    verified().when(offer(spent, Some(INCARNATION), START)).then_refused(Refusal::BootstrapUnusable);
}

#[test]
fn a_gateway_that_never_spoke_is_given_nothing() {
    verified().when(offer(bootstrap(1, START), None, START)).then_refused(Refusal::GatewayUnavailable);
}

#[test]
fn bootstraps_are_limited_in_any_ten_minutes() {
    let mut session = verified();
    for n in 1..=BOOTSTRAPS_PER_WINDOW as u8 {
        session = session.done(issue(n, START));
    }
    session.when(issue(99, START)).then_refused(Refusal::TooManyBootstraps);
    // The lease is renewed in between; otherwise the session would be over.
    let session = session.at(after(599)).done(deadline(DeadlineKind::Lease, after(599)));
    session.when(issue(99, after(599))).then_refused(Refusal::TooManyBootstraps);
    let session = session.at(after(600));
    assert!(matches!(session.when(issue(99, after(600))).events()[..], [Event::BootstrapIssued(_)]));
}

#[test]
fn a_policy_that_no_longer_allows_ends_the_session_instead() {
    let command = Command::IssueBootstrap {
        bootstrap: bootstrap(1, START),
        incarnation: Some(INCARNATION),
        standing: inactive(START),
        end: END,
    };
    verified().when(command).then(ending(EndReason::UserNotActive, START));
}

#[test]
fn a_policy_that_closes_earlier_now_moves_the_end_closer() {
    let mut standing = allowed(START);
    let windows = vec![Window { days: vec![Weekday::Thu], from_minute: 0, to_minute: 30 }];
    standing.document = Document { windows, ..standing.document };
    let command = Command::IssueBootstrap {
        bootstrap: bootstrap(1, START),
        incarnation: Some(INCARNATION),
        standing,
        end: END,
    };
    let events = verified().when(command).events();
    let closes = Millis(30 * 60_000);
    assert_eq!(events[0], EndMoved { ends_at: closes, because: EndsBecause::Window }.into());
    let [_, Event::BootstrapIssued(issued)] = &events[..] else { panic!("{events:?}") };
    assert!(issued.lease_until <= closes);
}

#[test]
fn a_policy_that_allows_longer_now_does_not_move_the_end() {
    let mut standing = allowed(START);
    standing.document.max_minutes = 1440;
    let command = Command::IssueBootstrap {
        bootstrap: bootstrap(1, START),
        incarnation: Some(INCARNATION),
        standing,
        end: END,
    };
    let session = verified().done(command);
    let Stage::Verified(v) = session.state.stage else { panic!("verified") };
    assert_eq!(v.ends_at, after(3600));
}

#[test]
fn a_gateway_admits_its_own_sessions_once_in_the_start_it_was_asked_in() {
    let offered = verified().and([issued(1, None, START)]);
    offered.when(admission(1, OTHER_GATEWAY)).then_refused(Refusal::OtherGateway);
    let restarted = Admission {
        bootstrap: BootstrapId([1; 16]),
        gateway: GATEWAY,
        address: TUNNEL,
        incarnation: Incarnation([99; 16]),
    };
    offered.when(Command::RecordAdmitted(restarted)).then_refused(Refusal::BootstrapUnusable);
    offered.when(admission(1, GATEWAY)).then([admitted(1)]);
    offered.and([admitted(1)]).when(admission(1, GATEWAY)).then_refused(Refusal::Unchanged);
}

#[test]
fn a_gateway_that_cannot_admit_says_why() {
    let offered = verified().and([issued(1, None, START)]);
    let refuse = |gateway| Command::RecordAdmissionRefused {
        bootstrap: BootstrapId([1; 16]),
        gateway,
        reason: AdmitRefusal::NoAddressLeft,
    };
    let event = AdmissionRefused { bootstrap: BootstrapId([1; 16]), reason: AdmitRefusal::NoAddressLeft };
    offered.when(refuse(OTHER_GATEWAY)).then_refused(Refusal::OtherGateway);
    offered.when(refuse(GATEWAY)).then([event.clone().into()]);
    offered.and([event.into()]).when(refuse(GATEWAY)).then_refused(Refusal::Unchanged);
}

#[test]
fn a_bootstrap_is_consumed_once_and_only_after_admission() {
    let offered = verified().and([issued(1, None, START)]);
    offered.when(consume(1)).then_refused(Refusal::NotNow);
    let offered = offered.and([admitted(1)]);
    offered.when(consume(1)).then([consumed(1)]);
    offered.and([consumed(1)]).when(consume(1)).then_refused(Refusal::Unchanged);
}

#[test]
fn an_unused_bootstrap_expires_and_is_no_longer_admitted() {
    let ring = || deadline(DeadlineKind::Bootstrap, START);
    let offered = verified().and([issued(1, None, START)]);
    let expired = Event::from(BootstrapExpired { bootstrap: BootstrapId([1; 16]) });
    let early = offered.at(after(59));
    early.when(ring()).then_refused(Refusal::NotYet);
    let late = early.at(after(60));
    late.when(ring()).then([expired.clone()]);
    let late = late.and([expired]);
    late.when(ring()).then_refused(Refusal::Unchanged);
    late.when(admission(1, GATEWAY)).then_refused(Refusal::BootstrapUnusable);
    connected().at(after(60)).when(ring()).then_refused(Refusal::Unchanged);
}

#[test]
fn a_use_in_time_whose_report_comes_late_still_counts() {
    let late = verified().and([
        issued(1, None, START),
        admitted(1),
        BootstrapExpired { bootstrap: BootstrapId([1; 16]) }.into(),
    ]);
    late.when(consume(1)).then([consumed(1)]);
    let up = late.and([consumed(1)]);
    up.when(layer(Layer::Vpn, true))
        .then([layer_changed(Layer::Vpn, true), Connected { bootstrap: BootstrapId([1; 16]) }.into()]);
}

#[test]
fn connected_means_the_tunnel_on_a_consumed_bootstrap() {
    let offered = verified().and([issued(1, None, START), admitted(1)]);
    offered.when(layer(Layer::Vpn, true)).then([layer_changed(Layer::Vpn, true)]);
    let used = offered.and([consumed(1)]);
    used.when(layer(Layer::Tls, true)).then([layer_changed(Layer::Tls, true)]);
    let both = [layer_changed(Layer::Vpn, true), Connected { bootstrap: BootstrapId([1; 16]) }.into()];
    used.when(layer(Layer::Vpn, true)).then(both);
    connected().when(layer(Layer::Vpn, true)).then([layer_changed(Layer::Vpn, true)]);
}

#[test]
fn a_lost_tunnel_is_not_connected_until_it_is_back() {
    let lost = connected().and([layer_changed(Layer::Vpn, false)]);
    let Stage::Verified(v) = &lost.state.stage else { panic!("verified") };
    assert!(!v.connected);
    assert_eq!(lost.when(layer(Layer::Vpn, true)).events().len(), 2);
}

#[test]
fn another_gateway_reports_nothing_about_this_session() {
    for command in [
        Command::RecordConsumed { bootstrap: BootstrapId([1; 16]), gateway: OTHER_GATEWAY },
        Command::RecordLayer { layer: Layer::Vpn, up: false, gateway: OTHER_GATEWAY },
        Command::RecordTraffic { bytes_in: 1, bytes_out: 1, gateway: OTHER_GATEWAY },
        Command::RecordLocalEnd { reason: EndReason::WindowClosed, gateway: OTHER_GATEWAY, end: END },
    ] {
        connected().when(command).then_refused(Refusal::OtherGateway);
    }
}
