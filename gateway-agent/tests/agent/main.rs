//! The agent on a real kernel, with real nats-server, OpenVPN, nginx and containers, in network namespaces of
//! its own. Needs root; says `skipped: <reason>` where it cannot run.

mod clock;
mod control_plane;
mod desktop;
mod ground;
mod house;

use control_plane::Story;
use house::House;
use std::time::Duration;
use viworks_domain::{
    gateway_bus::{AdmitRefusal, News},
    session::{EndReason, Layer},
};

/// One after the other in one test: each step stands on the one before, and raising the house costs seconds.
#[test]
fn a_session_comes_in_sees_its_page_and_is_cut_off() {
    let Some(mut house) = House::raise("a_session_comes_in_sees_its_page_and_is_cut_off") else { return };
    let mut story = Story::begin(&mut house);

    // Closed before the knock.
    assert!(!house.desktop.tcp_answers(house.gateway_address(443)), "the door is open without a knock");

    let admit = story.admit(Duration::from_secs(600));
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let wrong = house.desktop.knock_with(&admit, &[9; 32], Duration::from_millis(300));
    assert!(wrong.is_none(), "a knock with a wrong key was answered");
    assert!(!house.desktop.tcp_answers(house.gateway_address(443)));

    let mut tunnel = house.desktop.connect(&admit);
    story.expect("consumed", |news| matches!(news, News::Consumed { .. }));
    story.expect("connected", |news| matches!(news, News::Layer { layer: Layer::Vpn, up: true, .. }));

    // The published page at its random path, and nothing beside it.
    let page = tunnel.fetch(&admit.page_path());
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(tunnel.fetch("/s/aaaaaaaaaaaaaaaaaaaaaaaaaa/").starts_with("HTTP/1.1 404"));
    assert!(tunnel.fetch("/").starts_with("HTTP/1.1 404"));

    // The granted resource answers, its neighbour does not.
    assert!(tunnel.reaches(house.allowed()), "the granted resource cannot be reached");
    assert!(!tunnel.reaches(house.forbidden()), "an address that was not granted can be reached");

    // The bootstrap is used up.
    assert!(house.desktop.knock_with(&admit, &admit.spa_key, Duration::from_millis(300)).is_none());

    let cut = clock::Watch::start();
    story.end(EndReason::SignedOut);
    story.expect_receipts();
    let all_receipts = cut.elapsed();
    assert!(tunnel.ends_within(Duration::from_secs(5)), "the client was not told");
    println!("all receipts {} ms after the end was sent", all_receipts.as_millis());
    assert!(!house.desktop.tcp_answers(house.gateway_address(443)));
    assert_eq!(house.containers(), Vec::<String>::new());

    // An admit after its end.
    story.admit_again();
    story.expect("refused", |news| matches!(news, News::AdmitRefused { reason: AdmitRefusal::Ended, .. }));
    house.lower();
}
