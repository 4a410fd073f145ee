//! Garbage, and readers that do not read.

use super::{
    browser::{hear, upgrade},
    *,
};
use crate::tests::stand::{Stand, key};
use futures_util::SinkExt as _;
use tokio_tungstenite::tungstenite::Message;
use viworks_api::{
    feed::{Frame, LARGEST_REQUEST, Request, close},
    policy::DraftRequest,
};
use viworks_domain::{bytes, permission::Role, policy::Document};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_closes_the_feed_and_does_nothing_else() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let open = bytes::encode(&Request::Open { resume: None, windows: vec![users(1)] });
    let watch = bytes::encode(&Request::Watch(users(2)));
    let first_words: [(&str, Message); 6] = [
        ("text", Message::text("{}")),
        ("nothing", Message::binary(vec![])),
        ("noise", Message::binary(vec![0xff; 100])),
        ("more behind it", Message::binary([open.clone(), vec![0]].concat())),
        ("a window before the opening", Message::binary(watch.clone())),
        ("too long", Message::binary(vec![0; LARGEST_REQUEST + 1])),
    ];
    for (what, word) in first_words {
        let mut socket = upgrade(&stand, |_| {}, Some(&token)).await.expect("let in");
        socket.send(word).await.expect("sent");
        assert_eq!(hear(&mut socket).await, Err(Some(close::NOT_UNDERSTOOD)), "{what}");
    }
    for (what, word) in [("opened twice", Message::binary(open)), ("text", Message::text("x"))] {
        let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
        browser.send(word).await;
        assert_eq!(browser.closed().await, Some(close::NOT_UNDERSTOOD), "{what}");
    }
    // The node is as it was.
    let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
    browser.send(Message::binary(watch)).await;
    loop {
        match browser.hear().await {
            Frame::Snapshot { window, .. } => break assert_eq!(window, 2),
            Frame::Head { .. } => {}
            other => panic!("nothing has happened, and yet: {other:?}"),
        }
    }
}

/// Forty kilobytes of a policy.
fn long(n: usize) -> Document {
    let resources: Vec<_> = (0..60)
        .map(|m| {
            let label = format!("{m:03}-{n:03}-{}", "x".repeat(600));
            serde_json::json!({ "label": label, "address": "10.78.0.2", "port": 80, "protocol": "tcp" })
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "name": format!("office{n}"), "time_zone": "UTC", "windows": [], "not_after": null,
        "countries": { "allow": ["AU"], "deny": [] }, "posture": {}, "resources": resources,
        "image": "page", "max_minutes": 60, "lease_seconds": 300, "concurrent_sessions": 1,
    }))
    .expect("a document")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_reads_anew_and_others_do_not_wait_for_it() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let windows = [audit(1)];
    let mut slow = Browser::open(&stand, &token, &windows).await;
    let mut quick = Browser::open(&stand, &token, &windows).await;
    // More than the kernel holds for a connection and more batches than the ring has, while one does not read.
    let mut last = 0;
    for n in 0..300 {
        let draft = DraftRequest { document: long(n), activate: false };
        last = owner.draft_policy(&key(), &draft).await.expect("drafted").accepted.seq;
        quick.reaches(last).await;
    }
    assert_eq!(quick.resyncs, 0);
    slow.reaches(last).await;
    slow.settle().await;
    assert_eq!(slow.resyncs, 1, "it has missed something, and was told");
    let mut fresh = Browser::open(&stand, &token, &windows).await;
    slow.reaches(fresh.seq()).await;
    fresh.reaches(slow.seq()).await;
    assert_eq!(slow.held, fresh.held);
}
