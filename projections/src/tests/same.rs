//! However it came to be, a projection of a log is the same.

crate::tests::checks! {
    any_cut_of_the_log_into_batches_gives_the_same_tables,
    a_rebuild_equals_what_grew,
    a_dump_names_what_differs,
    a_comparison_row_by_row_finds_what_dumps_find,
    what_is_written_after_the_freeze_is_not_seen,
}

mod checks {
    use crate::{
        Database, Difference, Projector,
        tests::{
            log::{self, LOG, Log, USER},
            memory, projected, projector,
        },
    };

    pub async fn any_cut_of_the_log_into_batches_gives_the_same_tables(db: Database) {
        let log = Log::story();
        let mut projector = projector(&db).await;
        for (n, recorded) in log.recorded.chunks(3).enumerate() {
            // Some of it comes again, as after a restart.
            let from = (n * 3).saturating_sub(2);
            let upto = n * 3 + recorded.len();
            projector.apply(&log.recorded[from..upto]).await.expect("projected");
        }
        let whole = memory().await;
        projected(&whole, &log).await;
        let here = db.dump(true).await.expect("dumped");
        assert_eq!(here.differences(&whole.dump(true).await.expect("dumped")), []);
        assert!(here.rows() > 50);
    }

    pub async fn a_rebuild_equals_what_grew(db: Database) {
        let log = Log::story();
        projected(&db, &log).await;
        let grown = db.dump(true).await.expect("dumped");
        let mut rebuilt = Projector::rebuild(db.clone(), LOG, log::keys()).await.expect("rebuilt");
        rebuilt.apply(&log.recorded).await.expect("projected");
        assert_eq!(grown.differences(&db.dump(true).await.expect("dumped")), []);
    }

    pub async fn a_dump_names_what_differs(db: Database) {
        let log = Log::story();
        projected(&db, &log).await;
        let before = db.dump(true).await.expect("dumped");
        sqlx::query("UPDATE users SET state = 'suspended'").execute(&db.pool).await.expect("changed");
        sqlx::query("DELETE FROM operators").execute(&db.pool).await.expect("gone");
        let found = before.differences(&db.dump(true).await.expect("dumped"));
        let told = found.iter().map(|d| (d.table, d.column, d.there.as_deref())).collect::<Vec<_>>();
        assert_eq!(told, [("operators", None, Some("missing")), ("users", Some("state"), Some("suspended"))]);
        assert_eq!(found[1].key, USER.to_string());
    }

    /// Between the check's database and one in memory: PostgreSQL and SQLite order alike.
    pub async fn a_comparison_row_by_row_finds_what_dumps_find(db: Database) {
        let log = Log::story();
        let whole = memory().await;
        projected(&db, &log).await;
        projected(&whole, &log).await;
        let rows = whole.dump(true).await.expect("dumped").rows();
        assert_eq!(compared(&db, &whole).await, (rows as u64, vec![]));

        for change in [
            "UPDATE users SET state = 'suspended'",
            "UPDATE sessions SET address = NULL",
            "DELETE FROM user_steps WHERE step LIKE 'vpn%'",
            "DELETE FROM audit WHERE seq = 10",
        ] {
            sqlx::query(change).execute(&db.pool).await.expect("changed");
        }
        let mut expected =
            db.dump(true).await.expect("dumped").differences(&whole.dump(true).await.expect("dumped"));
        let mut found = compared(&db, &whole).await.1;
        assert!(found.len() > 3, "{found:?}");
        let by_place = |d: &Difference| (d.table, d.key.clone(), d.column);
        expected.sort_by_key(by_place);
        found.sort_by_key(by_place);
        assert_eq!(found, expected);
    }

    async fn compared(here: &Database, there: &Database) -> (u64, Vec<Difference>) {
        let mut found = vec![];
        let (mut here, mut there) =
            (here.freeze().await.expect("frozen"), there.freeze().await.expect("frozen"));
        let rows = here.compare(&mut there, true, |difference| found.push(difference)).await;
        (rows.expect("compared"), found)
    }

    pub async fn what_is_written_after_the_freeze_is_not_seen(db: Database) {
        // A database in memory has one connection, and nobody to write beside it.
        if db.pool.options().get_max_connections() == 1 {
            return;
        }
        let log = Log::story();
        let mut projector = projector(&db).await;
        let (first, rest) = log.recorded.split_at(log.recorded.len() / 2);
        projector.apply(first).await.expect("projected");
        let mut frozen = db.freeze().await.expect("frozen");
        projector.apply(rest).await.expect("projected");
        let there = memory().await;
        let mut part = Log::story();
        part.recorded.truncate(first.len());
        projected(&there, &part).await;
        let mut found = vec![];
        let mut other = there.freeze().await.expect("frozen");
        frozen.compare(&mut other, true, |difference| found.push(difference)).await.expect("compared");
        assert_eq!(found, []);
        assert_eq!(frozen.checkpoint, other.checkpoint);
    }
}
