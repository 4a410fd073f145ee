//! Open, snapshot, changes, and coming back.

use super::*;
use crate::tests::world::World;
use viworks_api::{
    feed::Change,
    session::{SessionState, TerminateRequest},
    user::UserState,
};
use viworks_domain::permission::Role;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_seen_in_the_windows_that_it_concerns() {
    let world = World::up(1).await;
    let token = world.stand.operator("watcher", Role::Viewer).await;
    let mut browser = Browser::open(&world.stand, &token, &[users(1), sessions(2)]).await;
    assert!(browser.rows(1).is_empty() && browser.rows(2).is_empty());

    let (ada, desktop) = world.connected("ada").await;
    let session = desktop.session.id();
    browser
        .sees(|browser| {
            let is_connected =
                |row: &Change| matches!(row, Change::Session(row) if row.state == SessionState::Connected);
            browser.held[&2].values().any(is_connected)
        })
        .await;
    let shown = browser.rows(1);
    let Change::User(user) = shown[0] else { panic!("no user") };
    assert_eq!((user.id, user.state, user.username.as_deref()), (ada, UserState::Active, Some("ada")));
    assert!(user.devices[0].verdict.as_ref().is_some_and(|verdict| verdict.allow), "the phone was judged");

    let ended = world
        .owner
        .terminate_session(
            session,
            &crate::tests::stand::key(),
            &TerminateRequest { reason: "enough".into() },
        )
        .await
        .expect("ending");
    browser.reaches(ended.seq).await;
    let is_over = |row: &Change| matches!(row, Change::Session(row) if row.state == SessionState::Ended);
    browser.sees(|browser| browser.held[&2].values().any(is_over)).await;

    // What grew change by change is what somebody sees who comes now.
    let fresh = Browser::open(&world.stand, &token, &[users(1), sessions(2)]).await;
    browser.reaches(fresh.seq()).await;
    assert_eq!(browser.held, fresh.held);
}
