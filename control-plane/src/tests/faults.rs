//! Too many requests, a bus that dies, a bus that does not keep what it acknowledges.

use super::stand::{Ground, Stand, key};
use crate::{config::Config, init, serve};
use std::time::Duration;
use viworks_api::{
    client::{ApiError, PageRequest},
    operator::SignInRequest,
    policy::DraftRequest,
};
use viworks_domain::policy::{CountryRule, Document, PostureRule};

fn draft() -> DraftRequest {
    let document = Document {
        name: "office".into(),
        time_zone: "UTC".into(),
        windows: vec![],
        not_after: None,
        countries: CountryRule::default(),
        posture: PostureRule::default(),
        resources: vec![],
        image: "page".into(),
        max_minutes: 60,
        lease_seconds: 300,
        concurrent_sessions: 1,
    };
    DraftRequest { document, activate: false }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_tries_too_often_is_told_to_wait_and_others_routes_go_on() {
    let few = |name: &str| (name == "VIWORKS_LIMITS_SIGN_INS_PER_MINUTE").then(|| "4".to_owned());
    let stand = Stand::up_with(few).await;
    let (owner, _) = stand.owner().await;
    let body = serde_json::to_vec(&SignInRequest { name: "owner".into(), password: "wrong".into() });
    let body = body.expect("JSON");
    let mut seen = vec![];
    for _ in 0..4 {
        let answer =
            stand.send("POST", "/v1/operator/sign-in", &[("content-type", "application/json")], &body).await;
        if answer.status == 429 {
            assert!(answer.head.contains("retry-after: 60"), "{}", answer.head);
        }
        seen.push(answer.status.as_u16());
    }
    // The owner's own sign-in was the first of the four.
    assert_eq!(seen, [401, 401, 401, 429]);
    owner.policies(&PageRequest::default()).await.expect("who is signed in is not held up");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_bus_is_away_requests_say_so_and_afterwards_the_same_request_is_done_once() {
    let mut stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let before = owner.draft_policy(&key(), &draft()).await.expect("drafted");
    stand.kill_bus();
    let same = key();
    let refused = owner.draft_policy(&same, &draft()).await.expect_err("nobody can know");
    assert!(refused.is_worth_asking_again(), "{refused:?}");
    assert_eq!(refused.code(), Some("unavailable"));
    stand.start_bus().await;

    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    let drafted = loop {
        match owner.draft_policy(&same, &draft()).await {
            Ok(drafted) => break drafted,
            Err(error) => assert!(error.is_worth_asking_again(), "{error:?}"),
        }
        assert!(tokio::time::Instant::now() < deadline, "the bus is back, the control plane is not");
    };
    assert_eq!(owner.draft_policy(&same, &draft()).await.expect("the same"), drafted);
    let page = PageRequest { after: Some(drafted.accepted.seq), ..PageRequest::default() };
    let mut ids: Vec<_> =
        owner.policies(&page).await.expect("listed").rows.iter().map(|row| row.id).collect();
    ids.sort();
    let mut expected = vec![before.id, drafted.id];
    expected.sort();
    assert_eq!(ids, expected, "nothing acknowledged is lost, nothing is done twice");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bus_that_acknowledges_before_it_syncs_is_refused_with_what_to_set() {
    let ground = Ground::lay();
    let conf = ground.data.join(init::NATS_CONF);
    let text = std::fs::read_to_string(&conf).expect("a configuration");
    let careless = text.replace("sync_interval: always", "sync_interval: \"2m\"");
    assert_ne!(careless, text, "nats.conf says `sync_interval: always`");
    std::fs::write(&conf, careless).expect("written");
    let mut bus = ground.start_bus().await;
    let config = Config::load(&ground.data).expect("a good configuration");
    let refused = serve::run(&ground.data, config).await.expect_err("refused").to_string();
    assert!(refused.contains("sync_interval: always"), "{refused}");
    bus.kill().and_then(|()| bus.wait()).expect("killed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_servers_certificate_is_not_believed() {
    let stand = Stand::up().await;
    let other = Ground::lay();
    let pem = std::fs::read(other.data.join(init::CA_FILE)).expect("a CA");
    let ca = viworks_api::client::Ca::from_pem(&pem).expect("one certificate");
    let client = viworks_api::client::Client::new(&stand.url, &ca).expect("a client");
    let refused = client.policies(&PageRequest::default()).await.expect_err("refused");
    assert!(matches!(refused, ApiError::NotTrusted(_)), "{refused:?}");
}
