//! However it came to be, a projection of a log is the same.

crate::tests::checks! {
    any_cut_of_the_log_into_batches_gives_the_same_tables,
    a_rebuild_equals_what_grew,
    a_dump_names_what_differs,
}

mod checks {
    use crate::{
        Database, Projector,
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
        assert_eq!(
            told,
            [("operators", None, Some("missing")), ("users", Some("state"), Some("suspended"))]
        );
        assert_eq!(found[1].key, USER.to_string());
    }
}
