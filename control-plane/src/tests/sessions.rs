//! A person's way in and out, as desktop, phone, gateway and administrator see it.

use super::{
    stand::key,
    world::{ADDRESS, Desktop, World, other_than, with_certificate},
};
use crate::{ca, clock, init};
use rustls::pki_types::ServerName;
use std::{net::Ipv4Addr, time::Duration};
use tokio::{io::AsyncReadExt as _, net::TcpStream};
use viworks_api::{
    client::{ApiError, AuditQuery, Newer},
    desktop::{AnswerRequest, BootstrapRequest, DesktopStage, OpenResponse},
    device::DeviceStage,
    policy::ChangeRequest,
    session::{SessionState, TerminateRequest},
};
use viworks_domain::{policy::Rule, session::EndReason};

fn code<T: std::fmt::Debug>(result: Result<T, ApiError>) -> String {
    let error = result.expect_err("a refusal");
    error.code().unwrap_or_else(|| panic!("a problem; got {error:?}")).to_owned()
}

fn typed(code: &str) -> AnswerRequest {
    AnswerRequest { code: code.to_owned() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_comes_in_by_password_phone_and_code_and_is_cut_off_by_an_operator() {
    let world = World::up(1).await;
    let (_, phone) = world.person("ada").await;
    let desktop = Desktop::sign_in(&world.stand.client(), "ada").await;
    let session = desktop.session.id();
    let digits = phone.code_for(session).await;

    let wrong = desktop.session.answer(&key(), &typed(&other_than(&digits))).await.expect("an answer");
    assert!(!wrong.verified);
    let early = BootstrapRequest { csr: desktop.request() };
    assert_eq!(code(desktop.session.bootstrap(&key(), &early).await.map(drop)), "session.not_now");
    let right = desktop.session.answer(&key(), &typed(&digits)).await.expect("an answer");
    assert!(right.verified, "{:?}", right.stage);
    assert_eq!(code(desktop.session.answer(&key(), &typed(&digits)).await), "session.not_now");

    let request = BootstrapRequest { csr: desktop.request() };
    let bootstrap = desktop.session.bootstrap(&key(), &request).await.expect("released");
    assert_eq!(bootstrap.address, Ipv4Addr::from(ADDRESS));
    assert_eq!(bootstrap.resources, ["wiki"]);
    world.gateway.tunnel_up(session, bootstrap.bootstrap);
    let view = desktop.sees(|stage| matches!(stage, DesktopStage::Connected { .. })).await;

    // A certificate alone opens nothing else: the bus trusts another authority.
    let bus_ca = std::fs::read_to_string(world.stand.data.join("ca/bus.pem")).expect("a CA");
    assert!(ca::first_certificate(&bootstrap.certificate).is_some());
    let tls = with_certificate(&bus_ca, &bootstrap.certificate, &desktop.key);
    assert!(!admitted_to(world.stand.bus_address(), tls).await, "a session's certificate opened the bus");
    let read = |name| std::fs::read_to_string(world.stand.data.join(name)).expect("a file");
    let own = rcgen::KeyPair::from_pem(&read(init::BUS_KEY)).expect("a key");
    let tls = with_certificate(&bus_ca, &read(init::BUS_CERTIFICATE), &own);
    assert!(admitted_to(world.stand.bus_address(), tls).await, "the node's own certificate does not");

    let newer = Newer::than(view.seq, Duration::from_secs(20));
    let shown = world.owner.session(session, newer).await.expect("shown");
    assert_eq!(shown.row.state, SessionState::Connected);
    assert_eq!((shown.row.address, shown.row.gateway_name.as_deref()), (Some(ADDRESS.into()), Some("gw1")));

    let reason = TerminateRequest { reason: "end of the visit".into() };
    let ending = world.owner.terminate_session(session, &key(), &reason).await.expect("ending");
    let view = desktop.sees(|stage| matches!(stage, DesktopStage::Ended { .. })).await;
    assert_eq!(
        view.stage,
        DesktopStage::Ended { reason: EndReason::Terminated { note: "end of the visit".into() } }
    );
    let mut newer = Newer::than(ending.seq, Duration::from_secs(20));
    let ended = loop {
        let shown = world.owner.session(session, newer).await.expect("shown");
        if shown.row.state == SessionState::Ended {
            break shown.row;
        }
        newer = Newer::than(shown.seq + 1, Duration::from_secs(20));
    };
    assert!(ended.receipts.iter().all(|receipt| receipt.absence.is_some()), "{:?}", ended.receipts);
    let again = BootstrapRequest { csr: desktop.request() };
    assert_eq!(code(desktop.session.bootstrap(&key(), &again).await.map(drop)), "session.over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_in_a_forbidden_country_is_denied_in_neutral_words_with_the_finding_in_the_audit() {
    let world = World::up(1).await;
    let (user, phone) = world.person("bob").await;
    let desktop = Desktop::sign_in(&world.stand.client(), "bob").await;
    let waiting = phone.sees(|waiting| waiting.stage == DeviceStage::Posture).await;
    phone.report(&waiting, "NZ").await;
    let view = desktop.sees(|stage| matches!(stage, DesktopStage::Denied { .. })).await;
    let DesktopStage::Denied { advice } = view.stage else { unreachable!() };
    assert!(!advice.to_lowercase().contains("country") && !advice.contains("NZ"), "{advice}");
    let seen = phone.sees(|waiting| matches!(waiting.stage, DeviceStage::Denied { .. })).await;
    assert_eq!(seen.stage, DeviceStage::Denied { advice });

    let query = AuditQuery { user: Some(user), kind: Some("session.denied".into()), ..AuditQuery::default() };
    let told = world.owner.audit(&query).await.expect("told");
    let rule = serde_json::to_value(Rule::PhoneCountry).expect("JSON");
    assert!(
        told.rows[0].details.0.to_string().contains(rule.as_str().expect("a word")),
        "{:?}",
        told.rows[0]
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn this_is_not_me_ends_the_sign_in_and_one_sessions_token_opens_no_other() {
    let world = World::up(30).await;
    let (_, phone) = world.person("eve").await;
    let desktop = Desktop::sign_in(&world.stand.client(), "eve").await;
    let other = Desktop::sign_in(&world.stand.client(), "eve").await;
    let (request, _) = Desktop::request_to_open("eve");
    let body = serde_json::to_vec(&request).expect("JSON");
    let json = ("content-type", "application/json");
    let opened = world.stand.send("POST", "/v1/desktop/sessions", &[json], &body).await;
    let opened: OpenResponse = serde_json::from_str(&opened.body).expect("opened");
    let bearer = format!("Bearer {}", opened.token);
    for (session, status) in [(opened.session, 200), (desktop.session.id(), 401), (other.session.id(), 401)] {
        let path = format!("/v1/desktop/sessions/{session}");
        let answer = world.stand.send("GET", &path, &[("authorization", &bearer)], b"").await;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    phone.deny(other.session.id()).await;
    let view = other.sees(|stage| !matches!(stage, DesktopStage::WaitingForPhone { .. })).await;
    assert!(matches!(view.stage, DesktopStage::Expired | DesktopStage::Ended { .. }), "{:?}", view.stage);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_administrator_changes_ends_the_connections_it_no_longer_allows() {
    let world = World::up(1).await;
    let (ada, desktop) = world.connected("ada").await;
    let (_, other) = world.connected("bob").await;
    world.owner.suspend_user(ada, &key()).await.expect("suspended");
    let view = desktop.sees(|stage| matches!(stage, DesktopStage::Ended { .. })).await;
    assert_eq!(view.stage, DesktopStage::Ended { reason: EndReason::UserNotActive });

    let shown = world.owner.policy(world.policy, Newer::default()).await.expect("shown");
    let mut document = shown.row.document;
    document.not_after = Some(clock::now().plus(Duration::from_secs(2)));
    let changed = world.owner.change_policy(world.policy, &key(), &ChangeRequest { document }).await;
    changed.expect("changed");
    let view = other.sees(|stage| matches!(stage, DesktopStage::Ended { .. })).await;
    let DesktopStage::Ended { reason } = view.stage else { unreachable!() };
    assert!(matches!(reason, EndReason::WindowClosed | EndReason::PolicyChanged), "{reason:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_sign_ins_buy_no_extra_guesses() {
    let world = World::up(30).await;
    let (_, phone) = world.person("ada").await;
    let client = world.stand.client();
    let mut wrong = 0;
    let mut stopped = false;
    // Five answers each: the fifth sign-in would be past twenty a day.
    for _ in 0..5 {
        let desktop = Desktop::sign_in(&client, "ada").await;
        let digits = other_than(&phone.code_for(desktop.session.id()).await);
        for _ in 0..5 {
            match desktop.session.answer(&key(), &typed(&digits)).await {
                Ok(answer) => {
                    assert!(!answer.verified);
                    wrong += 1;
                }
                Err(error) if error.code() == Some("user.too_many_attempts") => stopped = true,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    assert_eq!((wrong, stopped), (20, true));
}

/// Whether the bus goes on talking after the handshake.
async fn admitted_to(address: std::net::SocketAddr, tls: std::sync::Arc<rustls::ClientConfig>) -> bool {
    let mut stream = TcpStream::connect(address).await.expect("a connection");
    // nats-server says who it is before TLS begins.
    let mut greeting = [0; 5];
    stream.read_exact(&mut greeting).await.expect("a greeting");
    let mut rest = [0; 4096];
    let _ = stream.read(&mut rest).await.expect("a greeting");
    let name = ServerName::IpAddress(address.ip().into());
    let Ok(mut stream) = tokio_rustls::TlsConnector::from(tls).connect(name, stream).await else {
        return false;
    };
    // In TLS 1.3 the server judges the client's certificate after the client is done.
    let mut byte = [0];
    matches!(stream.read(&mut byte).await, Ok(1))
}
