//! SQLite in a file, as an installation has it.

use super::log::{Log, USER};
use super::{projected, projector};
use crate::{Database, Moment, OpenError, Queries};
use futures_util::FutureExt as _;
use std::{os::unix::fs::PermissionsExt as _, time::Duration};

fn url(folder: &tempfile::TempDir) -> String {
    format!("sqlite://{}", folder.path().join("db/projections.sqlite").display())
}

#[tokio::test]
async fn the_file_and_what_stands_beside_it_are_their_owners_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&url(&folder)).await.expect("opened");
    projected(&database, &Log::story()).await;
    let mode = |path: &std::path::Path| std::fs::metadata(path).expect("there").permissions().mode() & 0o777;
    let db = folder.path().join("db");
    assert_eq!(mode(&db), 0o700);
    let mut seen = 0;
    for entry in std::fs::read_dir(&db).expect("a folder") {
        let path = entry.expect("an entry").path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        seen += 1;
    }
    assert!(seen >= 2, "the log stands beside the file while it is open");
}

#[tokio::test]
async fn a_projection_goes_on_after_the_process_has_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = Log::story();
    let first = Database::open(&url(&folder)).await.expect("opened");
    projector(&first).await.apply(&log.recorded[..10]).await.expect("projected");
    // Not closed: as after a kill.
    let second = Database::open(&url(&folder)).await.expect("opened");
    let mut projector = projector(&second).await;
    assert_eq!(projector.checkpoint().seq, 10);
    projector.apply(&log.recorded).await.expect("projected");
    drop(first);
}

#[tokio::test]
async fn readers_do_not_wait_for_a_projector_in_the_middle_of_a_batch() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&url(&folder)).await.expect("opened");
    let queries = projected(&database, &Log::story()).await;
    let mut writing = database.pool.begin().await.expect("a transaction");
    sqlx::query("UPDATE users SET state = 'suspended'").execute(&mut *writing).await.expect("written");
    let other = Queries::new(Database::open(&url(&folder)).await.expect("opened"));
    for queries in [queries, other] {
        let row = queries.user(USER).await.expect("read").expect("a user");
        assert_eq!(row.state, crate::UserState::Active, "what is not committed is not seen");
    }
    writing.rollback().await.expect("rolled back");
}

#[tokio::test]
async fn the_projector_and_whoever_reads_for_everybody_do_not_wait_behind_pages() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&url(&folder)).await.expect("opened");
    let log = Log::story();
    let queries = Queries::new(database.clone());
    let pages = every_connection(&queries).await;
    let reached = projector(&database).await.apply(&log.recorded).await.expect("projected");
    assert_eq!(queries.apart().seq().await.expect("read"), reached);
    drop(pages);
}

/// As many pages as can be read at the same time.
async fn every_connection(queries: &Queries) -> Vec<Moment> {
    let mut pages = vec![];
    for _ in 0..queries.database.pool.options().get_max_connections() {
        pages.push(queries.moment().await.expect("a page"));
    }
    pages
}

#[tokio::test]
async fn what_is_reached_is_never_said_to_be_behind() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&url(&folder)).await.expect("opened");
    let log = Log::story();
    let head = log.recorded.len() as u64;
    let queries = projected(&database, &log).await;
    let pages = every_connection(&queries).await;
    let at_once = queries.wait_until(head, Duration::ZERO).now_or_never().expect("nobody need be asked");
    assert_eq!(at_once.expect("seen"), head);
    // As where the projector runs in another process: only the tables say so, and they answer after patience ends.
    database.reached.send_replace(0);
    let mut waiting = std::pin::pin!(queries.wait_until(head, Duration::from_millis(5)));
    tokio::time::pause();
    assert!(waiting.as_mut().now_or_never().is_none(), "no connection is free");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert!(waiting.as_mut().now_or_never().is_none(), "the tables have not answered");
    tokio::time::resume();
    drop(pages);
    let seen = waiting.await;
    assert_eq!(seen.expect("seen"), head);
}

#[tokio::test]
async fn an_erased_name_is_not_left_in_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::open(&url(&folder)).await.expect("opened");
    let mut log = Log::story();
    let mut projector = projector(&database).await;
    projector.apply(&log.recorded).await.expect("projected");
    sqlx::query("UPDATE users SET username = 'a-name-that-is-easily-found'")
        .execute(&database.pool)
        .await
        .expect("named");
    assert!(found(&folder), "the name stands open while its key exists");
    use viworks_domain::user;
    for event in
        [user::Event::from(user::DeletionRequested {}), user::Deleted {}.into(), user::Erased {}.into()]
    {
        log.add(super::log::owner(), USER, [event]);
    }
    projector.apply(&log.recorded).await.expect("projected");
    assert!(!found(&folder), "overwritten, not only unlinked");
}

fn found(folder: &tempfile::TempDir) -> bool {
    let name = b"a-name-that-is-easily-found";
    std::fs::read_dir(folder.path().join("db")).expect("a folder").any(|entry| {
        let bytes = std::fs::read(entry.expect("an entry").path()).expect("a file");
        bytes.windows(name.len()).any(|window| window == name)
    })
}

#[tokio::test]
async fn a_place_that_cannot_be_written_is_an_error_that_says_so() {
    let opened = Database::open("sqlite:///proc/nowhere/projections.sqlite").await;
    assert!(matches!(opened, Err(OpenError::File(_))), "{opened:?}");
}
