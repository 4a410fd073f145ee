//! Open, snapshot, changes, and coming back.

use super::*;
use crate::tests::{
    stand::{Stand, key},
    world::World,
};
use viworks_api::{
    client::{self, Newer, PageRequest},
    feed::{AuditQuery, Change, Frame, Notice, Position, Query, Request, SessionQuery, UserQuery, Window},
    operator::Permission,
    policy::{ChangeRequest, DraftRequest},
    session::{SessionState, TerminateRequest},
    user::{CreateRequest, UserState},
};
use viworks_domain::{
    aggregate::LogIdentity, command::WireCommand, ids::LogId, permission::Role, policy::Document,
    user::Command,
};

/// Without policies and gateways: provisioned as soon as the name is entered.
pub fn user(name: &str) -> CreateRequest {
    CreateRequest {
        username: name.into(),
        password: "a good password".into(),
        policies: vec![],
        gateways: vec![],
        instead: None,
    }
}

fn is_session(change: &Change, state: SessionState) -> bool {
    matches!(change, Change::Session(row) if row.state == state)
}

/// What grew change by change is what somebody sees who comes now.
async fn is_as_fresh(browser: &mut Browser, stand: &Stand, token: &str, windows: &[Window]) {
    let mut fresh = Browser::open(stand, token, windows).await;
    browser.reaches(fresh.seq()).await;
    fresh.reaches(browser.seq()).await;
    assert_eq!(browser.held, fresh.held);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_seen_in_the_windows_that_it_concerns() {
    let world = World::up(1).await;
    let token = world.stand.operator("watcher", Role::Viewer).await;
    let windows = [users(1), sessions(2), audit(3)];
    let mut browser = Browser::open(&world.stand, &token, &windows).await;
    assert!(browser.rows(1).is_empty() && browser.rows(2).is_empty());

    let (ada, desktop) = world.connected("ada").await;
    let session = desktop.session.id();
    browser.sees(|b| b.held[&2].values().any(|row| is_session(row, SessionState::Connected))).await;
    let shown = browser.rows(1);
    let Change::User(user) = shown[0] else { panic!("no user") };
    assert_eq!((user.id, user.state, user.username.as_deref()), (ada, UserState::Active, Some("ada")));
    assert!(user.devices[0].verdict.as_ref().is_some_and(|verdict| verdict.allow), "the phone was judged");

    let because = TerminateRequest { reason: "enough".into() };
    let ended = world.owner.terminate_session(session, &key(), &because).await.expect("ending");
    browser.reaches(ended.seq).await;
    browser.sees(|b| b.held[&2].values().any(|row| is_session(row, SessionState::Ended))).await;
    let username = Some("ada".to_owned());
    browser.sees(|b| b.notices.len() == 2).await;
    let provisioned = Notice::Provisioned { user: ada, username: username.clone() };
    assert_eq!(browser.notices, [provisioned, Notice::SessionTerminated { session, username }]);
    is_as_fresh(&mut browser, &world.stand, &token, &windows).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_comes_back_after_the_server_was_killed_misses_nothing_and_doubles_nothing() {
    let mut stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let windows = [users(1), sessions(2), audit(3)];
    let mut browser = Browser::open(&stand, &token, &windows).await;
    let mut last = 0;
    for n in 0..5 {
        last = owner.create_user(&key(), &user(&format!("before{n}"))).await.expect("created").accepted.seq;
    }
    // In the middle of it: some is told, some is not.
    browser.reaches(last - 6).await;
    stand.kill_node().await;
    assert_eq!(browser.closed().await, None, "no goodbye");
    stand.start_node().await;
    for n in 0..5 {
        last = owner.create_user(&key(), &user(&format!("after{n}"))).await.expect("created").accepted.seq;
    }
    let mut browser = browser.resume(&stand, &token).await;
    assert!(browser.resumed);
    browser.reaches(last).await;
    browser.sees(|b| b.notices.len() >= 10).await;
    is_as_fresh(&mut browser, &stand, &token, &windows).await;
    assert_eq!(browser.rows(1).len(), 10);
    let mut names: Vec<_> = browser.notices.iter().map(|notice| format!("{notice:?}")).collect();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), browser.notices.len()), (10, 10), "each once");
    assert_eq!(browser.resyncs, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_resumed_takes_snapshots() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    owner.create_user(&key(), &user("ada")).await.expect("created");
    let mut browser = Browser::open(&stand, &token, &[users(1)]).await;
    browser.sees(|b| b.held[&1].len() == 1).await;
    let Position { log, seq } = browser.position.expect("welcomed");
    let restored = LogIdentity { epoch: log.epoch + 1, ..log };
    let another = LogIdentity { log_id: LogId([9; 16]), ..log };
    for at in [
        Position { log: restored, seq },
        Position { log: another, seq },
        // As after a log was restored under the same epoch by mistake: never believed.
        Position { log, seq: seq + 1_000 },
    ] {
        let mut again = Browser::connect(&stand, &token, Some(at), &[users(1)]).await;
        assert!(!again.resumed, "{at:?}");
        again.settle().await;
        assert_eq!(again.held, browser.held, "{at:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_erased_is_gone_from_every_window_and_is_never_resumed_over() {
    let world = World::up(1).await;
    let token = world.stand.operator("watcher", Role::Viewer).await;
    let windows = [users(1), sessions(2)];
    let (ada, desktop) = world.connected("ada").await;
    let mut browser = Browser::open(&world.stand, &token, &windows).await;
    let named = |row: &Change| match row {
        Change::User(row) => row.username.is_some(),
        Change::Session(row) => row.username.is_some(),
        _ => false,
    };
    assert!(browser.rows(1).into_iter().chain(browser.rows(2)).all(named));
    let before = browser.position;
    let because = TerminateRequest { reason: "leaves".into() };
    world.owner.terminate_session(desktop.session.id(), &key(), &because).await.expect("ending");
    let command = async |command| world.stand.command("owner", ada, WireCommand::User(command)).await;
    command(Command::Delete).await;
    let is = |row: &Change, state| matches!(row, Change::User(row) if row.state == state);
    browser.sees(|b| b.held[&1].values().any(|row| is(row, UserState::Deleted))).await;
    assert!(browser.rows(2).into_iter().any(named), "what happened to whom can still be read");
    let erased = command(Command::Erase).await;
    browser.reaches(erased).await;
    browser.settle().await;
    assert_eq!(browser.resyncs, 1);
    assert!(!browser.rows(1).into_iter().chain(browser.rows(2)).any(named), "{:?}", browser.held);

    let mut away = Browser::connect(&world.stand, &token, before, &windows).await;
    assert!(!away.resumed);
    away.settle().await;
    assert!(!away.rows(2).into_iter().any(named));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_holds_what_its_question_asks_and_lets_go_of_what_no_longer_fits() {
    let world = World::up(1).await;
    let token = world.stand.operator("watcher", Role::Viewer).await;
    let active = Query::Sessions(SessionQuery { active: Some(true), ..SessionQuery::default() });
    let named = |text: &str| Query::Users(UserQuery { text: Some(text.to_owned()), ..UserQuery::default() });
    let window = |id, query| Window { id, query, limit: 50 };
    let windows = [window(1, named("AD")), window(2, active)];
    let mut browser = Browser::open(&world.stand, &token, &windows).await;
    let (ada, desktop) = world.connected("ada").await;
    let (eve, _) = world.person("eve").await;
    let seen = Browser::open(&world.stand, &token, &windows).await;
    browser.reaches(seen.seq()).await;
    assert_eq!(browser.rows(1).len(), 1, "nobody else is called so");
    assert_eq!(browser.rows(2).len(), 1);

    // Another question in the same window, and one more window about the whole story of a session.
    browser.watch(window(1, named("eve"))).await;
    assert!(matches!(browser.rows(1)[..], [Change::User(row)] if row.id == eve));
    let story = AuditQuery { session: Some(desktop.session.id()), ..AuditQuery::default() };
    browser.watch(window(3, Query::Audit(story))).await;
    let before = browser.rows(3).len();
    assert!(before > 5);

    let because = TerminateRequest { reason: "enough".into() };
    world.owner.terminate_session(desktop.session.id(), &key(), &because).await.expect("ending");
    browser.sees(|b| b.held[&2].is_empty()).await;
    let is_end = |row: &Change| matches!(row, Change::Audit(row) if row.kind == "session.ended");
    browser.sees(|b| b.held[&3].values().any(is_end)).await;
    let receipts = browser.rows(3).iter().filter(|row| matches!(row, Change::Audit(row) if row.part)).count();
    assert!(receipts >= 6, "parts are told where a story is asked for");

    // What is not watched any more is not sent: the browser checks that somebody asked for what it gets.
    browser.say(&Request::Unwatch(3)).await;
    browser.held.remove(&3);
    world.owner.suspend_user(ada, &key()).await.expect("suspended");
    let suspended = world.owner.suspend_user(eve, &key()).await.expect("suspended");
    browser.reaches(suspended.seq).await;
    browser
        .sees(|b| {
            b.held[&1]
                .values()
                .all(|row| matches!(row, Change::User(row) if row.state == UserState::Suspended))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_sees_what_it_may_and_is_told_what_it_may_do() {
    let stand = Stand::up().await;
    let (_, owner) = stand.owner().await;
    let viewer = stand.operator("viewer", Role::Viewer).await;
    let windows = [
        users(1),
        sessions(2),
        audit(3),
        Window { id: 4, query: Query::Gateways, limit: 10 },
        Window { id: 5, query: Query::Policies, limit: 10 },
    ];
    let all = [
        Permission::ManagePolicies,
        Permission::ManageGateways,
        Permission::ManageUsers,
        Permission::EndSessions,
    ];
    for (token, name, may) in [(owner, "owner", &all[..]), (viewer, "viewer", &[])] {
        let browser = Browser::open(&stand, &token, &windows).await;
        assert_eq!((browser.me.name.as_str(), browser.me.may.as_slice()), (name, may));
        assert_eq!(browser.held.len(), windows.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_only_reads_is_never_told_where_a_resource_stands() {
    let stand = Stand::up().await;
    let (owner, _) = stand.owner().await;
    let token = stand.operator("viewer", Role::Viewer).await;
    let viewer = stand.client().with_token(&token).expect("a client");
    let windows = [audit(1), Window { id: 2, query: Query::Policies, limit: 10 }];
    let mut watching = Browser::open(&stand, &token, &windows).await;
    let mut document: Document = serde_json::from_value(serde_json::json!({
        "name": "office", "time_zone": "UTC", "windows": [], "not_after": null,
        "countries": { "allow": ["AU"], "deny": [] }, "posture": {},
        "resources": [{ "label": "wiki", "address": "10.78.0.2", "port": 80, "protocol": "tcp" }],
        "image": "page", "max_minutes": 60, "lease_seconds": 300, "concurrent_sessions": 1,
    }))
    .expect("a document");
    let draft = DraftRequest { document: document.clone(), activate: true };
    let policy = owner.draft_policy(&key(), &draft).await.expect("drafted").id;
    document.max_minutes = 30;
    let changed = owner.change_policy(policy, &key(), &ChangeRequest { document }).await.expect("changed");
    watching.reaches(changed.seq).await;
    let fresh = Browser::open(&stand, &token, &windows).await;
    let page = PageRequest { after: Some(changed.seq), ..PageRequest::default() };
    let listed = client::AuditQuery { page, ..client::AuditQuery::default() };
    let listed = viewer.audit(&listed).await.expect("listed").rows;
    let bearer = format!("Bearer {token}");
    let behind = format!("/v1/policies/summaries?after={}&limit=1", changed.seq);
    let behind = stand.send("GET", &behind, &[("authorization", &bearer)], b"").await;
    assert!(behind.body.contains(&policy.to_string()), "{behind:?}");
    let held = [&watching.held, &fresh.held].map(|held| format!("{held:?}"));
    for told in held.iter().chain([&format!("{listed:?}")]) {
        assert!(told.contains("policy.changed"), "{told}");
    }
    for told in held.into_iter().chain([format!("{listed:?}"), behind.body]) {
        assert!(told.contains("wiki"), "{told}");
        for secret in ["10.78.0.2", "\"address\"", "\"port\""] {
            assert!(!told.contains(secret), "{secret}: {told}");
        }
    }
    let refused = [
        viewer.policies(&PageRequest::default()).await.map(drop),
        viewer.policy(policy, Newer::default()).await.map(drop),
    ];
    for refused in refused {
        assert_eq!(refused.expect_err("refused").code(), Some(viworks_api::problem::code::FORBIDDEN));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_windows_than_there_may_be_are_refused_one_by_one() {
    let stand = Stand::up().await;
    let token = stand.operator("watcher", Role::Viewer).await;
    let most = viworks_api::feed::MOST_WINDOWS as u32;
    let mut browser = Browser::open(&stand, &token, &(0..most).map(users).collect::<Vec<_>>()).await;
    browser.say(&Request::Watch(users(most))).await;
    loop {
        match browser.hear().await {
            Frame::Refused { window, code } => {
                assert_eq!((window, code.as_str()), (most, viworks_api::problem::code::TOO_MANY));
                break;
            }
            Frame::Snapshot { window, .. } => panic!("window {window} was answered"),
            _ => {}
        }
    }
}
