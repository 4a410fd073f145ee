//! The agent on a real kernel, with real nats-server, OpenVPN, nginx and containers, in network namespaces of
//! its own. Needs root; says `skipped: <reason>` where it cannot run.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by it, or says what it saw")]

mod clock;
mod control_plane;
mod desktop;
mod ground;
mod house;

use control_plane::Story;
use desktop::Desktop;
use house::House;
use std::{io::ErrorKind, net::TcpStream, time::Duration};
use viworks_domain::{
    Millis,
    gateway_bus::{AdmitRefusal, News, Place},
    ids::{GatewayId, SessionId},
    session::{EndReason, Layer},
    spa::Knock,
    user::StepFailure,
};

const LONG: Duration = Duration::from_secs(600);
/// Short, and long enough for a busy machine to connect within it.
const LEASE: Duration = Duration::from_secs(12);
/// Between the watch's start and the lease's, and for whoever looks.
const SLACK: Duration = Duration::from_secs(1);

/// Each step stands on the one before.
#[test]
fn a_session_comes_in_sees_its_page_and_is_cut_off() {
    let Some(mut house) = House::raise("a_session_comes_in_sees_its_page_and_is_cut_off") else { return };
    let mut story = Story::begin(&mut house);

    // Closed before the knock.
    assert!(!house.desktop.tcp_answers(house.gateway_address(443)), "the door is open without a knock");

    let admit = story.admit(LONG);
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

    println!("resident: {:?}", house.resident());

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

    // Scripts run, and a reason code is all that is heard of them.
    for (place, result) in [(Place::Vpn, Ok(())), (Place::Panel, Err(StepFailure::ScriptFailed))] {
        story.provision(place);
        let step = story.expect("a step's result", |news| matches!(news, News::Step { .. }));
        assert!(
            matches!(step, News::Step { place: p, result: r, .. } if p == place && r == result),
            "{step:?}"
        );
    }

    // An admit after its end.
    story.admit_again();
    story.expect("refused", |news| matches!(news, News::AdmitRefused { reason: AdmitRefusal::Ended, .. }));
    house.lower();
}

#[test]
fn each_process_is_killed_in_the_middle_and_the_user_arrives_all_the_same() {
    let Some(mut house) =
        House::raise("each_process_is_killed_in_the_middle_and_the_user_arrives_all_the_same")
    else {
        return;
    };
    let mut story = Story::begin(&mut house);
    let admit = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let tunnel = house.desktop.connect(&admit);
    let mut fastest = tunnel.took;
    story.expect("connected", |news| matches!(news, News::Layer { layer: Layer::Vpn, up: true, .. }));

    // The runner: whoever is connected does not notice, and what ran is adopted.
    let containers = house.containers();
    house.kill_child("runner");
    assert!(tunnel.fetch(&admit.page_path()).starts_with("HTTP/1.1 200"));
    assert_eq!(house.containers(), containers);

    // The edge: its connections are gone with it; the next bootstrap brings the user back.
    house.kill_child("edge");
    story.expect("the tunnel is down", |news| {
        matches!(news, News::Layer { layer: Layer::Vpn, up: false, .. })
    });
    drop(tunnel);
    let admit = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let mut tunnel = house.desktop.connect(&admit);
    fastest = fastest.min(tunnel.took);
    assert!(tunnel.reaches(house.allowed()));

    // Control: OpenVPN cuts whom nobody can be asked about; orders for the earlier start are void.
    let earlier = story.incarnation;
    house.kill_child("control");
    assert!(tunnel.ends_within(Duration::from_secs(10)), "the tunnel outlived control");
    story.expect("a new start", |news| matches!(news, News::Started { sessions } if sessions.len() == 1));
    let now = std::mem::replace(&mut story.incarnation, earlier);
    story.admit(LONG);
    story.expect("refused", |news| {
        matches!(news, News::AdmitRefused { reason: AdmitRefusal::OtherIncarnation, .. })
    });
    story.incarnation = now;
    let admit = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let mut tunnel = house.desktop.connect(&admit);
    fastest = fastest.min(tunnel.took);
    assert!(tunnel.fetch(&admit.page_path()).starts_with("HTTP/1.1 200"));

    // OpenVPN itself.
    house.kill_openvpn();
    assert!(tunnel.ends_within(Duration::from_secs(10)), "the tunnel outlived OpenVPN");
    story.expect("the tunnel is down", |news| {
        matches!(news, News::Layer { layer: Layer::Vpn, up: false, .. })
    });
    let admit = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let mut tunnel = house.desktop.connect(&admit);
    fastest = fastest.min(tunnel.took);

    // All of it, by its parent's death.
    house.kill_agent();
    assert!(tunnel.ends_within(Duration::from_secs(10)), "the tunnel outlived the agent");
    house.start_agent();
    story.expect("a new start", |news| matches!(news, News::Started { sessions } if sessions.len() == 1));
    let admit = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let tunnel = house.desktop.connect(&admit);
    assert!(tunnel.reaches(house.allowed()));

    // Unless it is poked, OpenVPN lets everybody wait for its one-second timer.
    assert!(fastest < Duration::from_millis(900), "the fastest of five tunnels took {fastest:?}");

    story.end(EndReason::SignedOut);
    story.expect_receipts();
    assert_eq!(house.containers(), Vec::<String>::new());
    drop(tunnel);
    house.lower();
}

#[test]
fn with_control_and_runner_stopped_an_open_flow_dies_at_its_lease() {
    let Some(mut house) = House::raise("with_control_and_runner_stopped_an_open_flow_dies_at_its_lease")
    else {
        return;
    };
    let mut story = Story::begin(&mut house);
    let lease = clock::Watch::start();
    let admit = story.admit(LEASE);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let tunnel = house.desktop.connect(&admit);
    let mut flow = tunnel.open(house.allowed());
    // Edge and OpenVPN still carry: only the kernel can end it now.
    let stopped = house.stop_children(&["control", "runner"]);
    assert!(desktop::echoes(&mut flow), "the flow did not live");
    assert!(lease.elapsed() < LEASE - SLACK, "too slow a machine for this test");
    clock::until("the flow dies", || !desktop::echoes(&mut flow));
    let died = lease.elapsed();
    assert!((LEASE - SLACK..LEASE + SLACK * 4).contains(&died), "it died after {died:?}");
    assert!(!tunnel.reaches(house.allowed()));
    stopped.resume();
    story
        .expect("ended here", |news| matches!(news, News::EndedLocally { reason: EndReason::LeaseLost, .. }));
    story.end(EndReason::LeaseLost);
    story.expect_receipts();
}

#[test]
fn without_its_bus_a_session_lives_on_and_is_cut_on_time() {
    let Some(mut house) = House::raise("without_its_bus_a_session_lives_on_and_is_cut_on_time") else {
        return;
    };
    let mut story = Story::begin(&mut house);
    let lease = clock::Watch::start();
    let admit = story.admit(LEASE);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let mut tunnel = house.desktop.connect(&admit);
    house.server.as_mut().unwrap().kill();
    assert!(tunnel.fetch(&admit.page_path()).starts_with("HTTP/1.1 200"));
    assert!(tunnel.reaches(house.allowed()));
    assert!(tunnel.ends_within(LEASE * 2), "the session outlived its lease");
    let ended = lease.elapsed();
    assert!((LEASE - SLACK..LEASE + SLACK * 4).contains(&ended), "it ended after {ended:?}");
    let house_server = house.server.as_mut().unwrap();
    house.runtime.block_on(house_server.restart());
    story
        .expect("ended here", |news| matches!(news, News::EndedLocally { reason: EndReason::LeaseLost, .. }));
    story.end(EndReason::LeaseLost);
    story.expect_receipts();

    // A start without a bus is a start all the same.
    house.server.as_mut().unwrap().kill();
    house.kill_child("control");
    house.runtime.block_on(house.server.as_mut().unwrap().restart());
    story.expect("a new start", |news| matches!(news, News::Started { sessions } if sessions.is_empty()));
}

#[test]
fn what_is_wrong_meets_silence_and_a_certificate_alone_opens_nothing() {
    let test = "what_is_wrong_meets_silence_and_a_certificate_alone_opens_nothing";
    let Some(mut house) = House::raise(test) else { return };
    let mut story = Story::begin(&mut house);
    let admit = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    let knock = Desktop::a_knock(&admit);
    let right = knock.to_packet(&admit.spa_key);
    for bit in [0, 20, 200, 300, 400, 600, 700, 855] {
        let mut wrong = right;
        wrong[bit / 8] ^= 1 << (bit % 8);
        assert!(!house.desktop.is_answered(&wrong), "bit {bit} was wrong");
    }
    let other = Knock { gateway: GatewayId([9; 16]), ..knock };
    assert!(!house.desktop.is_answered(&other.to_packet(&admit.spa_key)), "for another gateway");
    let late = Knock { time: Millis(knock.time.0 - 31_000), ..knock };
    assert!(!house.desktop.is_answered(&late.to_packet(&admit.spa_key)), "31 s old");
    let elsewhere = Knock { address: [10, 77, 0, 12].into(), nonce: [7; 16], ..knock };
    assert!(!house.desktop.is_answered(&elsewhere.to_packet(&admit.spa_key)), "for another address");
    assert!(
        !house.desktop.is_answered(&right[..106]) && !house.desktop.is_answered(&[&right[..], &[0]].concat())
    );
    assert!(!house.desktop.tcp_answers(house.gateway_address(443)), "one of them opened the door");

    // Nor does a flood of them keep a right one waiting: who knocks, knocks again.
    let watch = clock::Watch::start();
    let (answered, rate) = house.desktop.flooding(&admit, || {
        let tries = (1..=20)
            .find(|_| house.desktop.knock_with(&admit, &admit.spa_key, Duration::from_millis(100)).is_some());
        (tries, watch.elapsed())
    });
    println!("in a flood of {rate} wrong packets a second: {answered:?}");
    assert!(answered.0.is_some(), "a flood keeps everybody out");

    // What the flood left in the queue goes first, so who knocks knocks again; and the packet above is old by now.
    let right = (1..=20)
        .map(|_| Desktop::a_knock(&admit).to_packet(&admit.spa_key))
        .find(|packet| house.desktop.is_answered(packet))
        .expect("a right knock is answered once the flood is over");
    assert!(!house.desktop.is_answered(&right), "the same packet twice");

    // The door is open now: another session's certificate finds it so, and gets nowhere.
    let session = std::mem::replace(&mut story.session, SessionId([0x52; 16]));
    let stranger = story.admit(LONG);
    story.expect("admitted", |news| matches!(news, News::Admitted { .. }));
    story.end(EndReason::SignedOut);
    story.expect_receipts();
    assert!(!house.desktop.is_carried(&stranger), "an ended session's certificate");
    story.session = session;
    // Whereas the right one does, once.
    assert!(house.desktop.is_carried(&admit));
    let again = Desktop::a_knock(&admit).to_packet(&admit.spa_key);
    assert!(!house.desktop.is_answered(&again), "the bootstrap was used");

    // Nobody but the edge speaks to OpenVPN, not even root.
    let refused = TcpStream::connect("127.0.0.1:1194").map_err(|error| error.kind());
    assert_eq!(refused.map(drop), Err(ErrorKind::ConnectionRefused));
}
