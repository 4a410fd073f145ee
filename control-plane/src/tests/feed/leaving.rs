//! Who may not be here any more, or never might.

use super::{
    browser::{hear, upgrade},
    going_on::user,
    *,
};
use crate::tests::stand::{Stand, key};
use futures_util::SinkExt as _;
use http::{HeaderValue, StatusCode, header};
use tokio_tungstenite::tungstenite::Message;
use viworks_api::{
    client::{AuditQuery, PageRequest},
    feed::{Frame, Request, close},
};
use viworks_domain::{bytes, command::WireCommand, operator, permission::Role};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_closes_that_sign_ins_feeds_at_once_and_no_others() {
    let stand = Stand::up().await;
    let password = stand.recover("owner").await;
    let (client, token) = stand.owner_with(&password).await;
    let (_, other) = stand.owner_with(&password).await;
    let mut here = Browser::open(&stand, &token, &[users(1)]).await;
    let mut also = Browser::open(&stand, &token, &[]).await;
    let mut there = Browser::open(&stand, &other, &[users(1)]).await;
    let signed_out = client.sign_out(&key()).await.expect("signed out");
    let began = tokio::time::Instant::now();
    assert_eq!(here.closed().await, Some(close::SIGNED_OUT));
    assert_eq!(also.closed().await, Some(close::SIGNED_OUT));
    assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    there.reaches(signed_out.seq).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_signed_out_opens_no_feed_with_a_socket_from_before() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    // The only feed of the node, and nothing has been said in it yet.
    let mut socket = upgrade(&stand, |_| {}, Some(&token)).await.expect("let in");
    let watcher = stand.client().with_token(&token).expect("a client");
    let mut last = watcher.sign_out(&key()).await.expect("signed out").seq;
    // The projector, and whoever reads behind it, has come past that.
    for _ in 0..3 {
        let listed = AuditQuery {
            page: PageRequest { after: Some(last), ..PageRequest::default() },
            ..AuditQuery::default()
        };
        owner.audit(&listed).await.expect("listed");
        last = owner.create_user(&key(), &user(&format!("user{last}"))).await.expect("created").accepted.seq;
    }
    // The server may have closed already.
    let open = Request::Open { resume: None, windows: vec![users(1)] };
    let _ = socket.send(Message::binary(bytes::encode(&open))).await;
    // Some words may come before it is known, but not so many heads that it was noticed by the next look alone.
    for _ in 0..20 {
        match hear(&mut socket).await {
            Ok(_) => {}
            Err(code) => return assert_eq!(code, Some(close::SIGNED_OUT)),
        }
    }
    panic!("the feed goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_password_closes_every_feed_of_the_operator() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
    stand.recover("watcher").await;
    assert_eq!(browser.closed().await, Some(close::SIGNED_OUT));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_something_else_now_is_sent_away_to_be_told() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
    let change = operator::Command::ChangeRole { role: Role::Owner };
    stand.command("owner", browser.me.operator, WireCommand::Operator(change)).await;
    assert_eq!(browser.closed().await, Some(close::GOING_AWAY));
    let again = browser.resume(&stand, &token).await;
    assert_eq!(again.me.role, Role::Owner);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_disabled_is_signed_out_of_every_feed() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
    let mut also = Browser::open(&stand, &token, &[]).await;
    stand.command("owner", browser.me.operator, WireCommand::Operator(operator::Command::Disable)).await;
    assert_eq!(browser.closed().await, Some(close::SIGNED_OUT));
    assert_eq!(also.closed().await, Some(close::SIGNED_OUT));
    assert_eq!(upgrade(&stand, |_| {}, Some(&token)).await.err(), Some(StatusCode::UNAUTHORIZED));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_never_asks_is_sent_away() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let mut silent = upgrade(&stand, |_| {}, Some(&token)).await.expect("let in");
    assert_eq!(hear(&mut silent).await, Err(Some(close::GOING_AWAY)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_origin_another_version_and_strangers_get_no_socket() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let set = |name: header::HeaderName, text: &'static str| {
        move |headers: &mut http::HeaderMap| {
            headers.insert(name, HeaderValue::from_static(text));
        }
    };
    let elsewhere = set(header::ORIGIN, "https://elsewhere.example");
    assert_eq!(upgrade(&stand, elsewhere, Some(&token)).await.err(), Some(StatusCode::FORBIDDEN));
    assert_eq!(upgrade(&stand, |_| {}, None).await.err(), Some(StatusCode::UNAUTHORIZED));
    let older = set(header::SEC_WEBSOCKET_PROTOCOL, "viworks.feed.v0");
    assert_eq!(upgrade(&stand, older, Some(&token)).await.err(), Some(StatusCode::BAD_REQUEST));
    let among_others = set(header::SEC_WEBSOCKET_PROTOCOL, "other, viworks.feed.v1");
    let mut socket = upgrade(&stand, among_others, Some(&token)).await.expect("let in");
    drop(Browser::on(socket, None, &[]).await);
    socket = upgrade(&stand, |_| {}, Some(&token)).await.expect("let in");
    // Nothing is said to whoever has not spoken.
    let silence = tokio::time::timeout(std::time::Duration::from_secs(2), hear(&mut socket)).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_operator_has_so_many_feeds_and_no_more() {
    let few = |name: &str| match name {
        "VIWORKS_LIMITS_FEEDS_PER_OPERATOR" => Some("2".to_owned()),
        name => name.starts_with("VIWORKS_LIMITS_").then(|| "1000".to_owned()),
    };
    let stand = Stand::up_with(few).await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let other = stand.operator("other", Role::Viewer).await;
    let first = Browser::open(&stand, &token, &[users(1)]).await;
    let _second = Browser::open(&stand, &token, &[users(1)]).await;
    let mut third = upgrade(&stand, |_| {}, Some(&token)).await.expect("a socket that says why");
    assert_eq!(hear(&mut third).await, Err(Some(close::TOO_MANY)));
    drop(Browser::open(&stand, &other, &[users(1)]).await);
    // The place is free again as soon as the server has noticed that the first is gone.
    drop(first);
    loop {
        let mut again = upgrade(&stand, |_| {}, Some(&token)).await.expect("a socket");
        let open = Request::Open { resume: None, windows: vec![] };
        let _ = again.send(Message::binary(bytes::encode(&open))).await;
        match hear(&mut again).await {
            Ok(Frame::Welcome { .. }) => break,
            Err(Some(close::TOO_MANY)) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_goes_down_says_so_and_does_not_wait_for_feeds() {
    let mut stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
    let mut silent = upgrade(&stand, |_| {}, Some(&token)).await.expect("let in");
    stand.stop_node().await;
    assert_eq!(browser.closed().await, Some(close::GOING_AWAY));
    assert_eq!(hear(&mut silent).await, Err(Some(close::GOING_AWAY)));
    stand.start_node().await;
    let browser = browser.resume(&stand, &token).await;
    assert!(browser.resumed);
}
