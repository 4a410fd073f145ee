//! Rows and checkpoint move together or not at all.

crate::tests::checks! {
    a_projection_goes_on_where_it_stood,
    what_comes_twice_counts_once,
    a_gap_stops_the_projector,
    two_projectors_do_not_project_the_same_decision,
    a_checkpoint_that_went_back_stops_the_projector,
    an_unknown_event_version_stops_with_its_sequence_and_leaves_nothing,
    a_log_that_lost_its_end_is_noticed,
    a_decision_of_another_log_is_refused,
    tables_of_another_epoch_are_built_again,
    readers_wait_until_their_write_is_seen,
    changes_are_read_in_order_and_whole,
    changes_too_long_ago_are_forgotten_and_said_to_be,
    what_is_not_forgotten_is_kept_whole_and_what_is_forgotten_is_gone,
    tables_of_another_build_are_dropped_and_filled_again,
}

mod checks {
    use crate::{
        Database, NoKeys, ProjectError, Projector, Queries, QueryError, Topic,
        batch::CHANGES_KEPT,
        queries::Changes,
        tests::{
            log::{self, LOG, Log, POLICY, USER, owner},
            projected, projector,
        },
    };
    use std::time::Duration;
    use viworks_domain::{
        aggregate::LogIdentity,
        event::{AggregateKind, StoredEvent, Unreadable},
        gateway::Health,
        ids::LogId,
        policy,
    };

    pub async fn a_projection_goes_on_where_it_stood(db: Database) {
        let log = Log::story();
        let half = log.recorded.len() / 2;
        projector(&db).await.apply(&log.recorded[..half]).await.expect("projected");
        let mut again = projector(&db).await;
        assert_eq!(again.checkpoint().seq, half as u64);
        let reached = again.apply(&log.recorded[half..]).await.expect("projected");
        assert_eq!(reached, log.recorded.len() as u64);
        assert_eq!(db.checkpoint().await.expect("read").expect("one").seq, reached);
    }

    pub async fn what_comes_twice_counts_once(db: Database) {
        let log = Log::story();
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded).await.expect("projected");
        let before = db.dump(true).await.expect("dumped");
        projector.apply(&log.recorded).await.expect("projected");
        projector.apply(&log.recorded[3..7]).await.expect("projected");
        assert_eq!(db.dump(true).await.expect("dumped"), before);
    }

    pub async fn a_gap_stops_the_projector(db: Database) {
        let log = Log::story();
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded[..3]).await.expect("projected");
        let gap = projector.apply(&log.recorded[4..]).await;
        assert!(matches!(gap, Err(ProjectError::Gap { expected: 4, found: 5 })), "{gap:?}");
        assert_eq!(projector.checkpoint().seq, 3);
    }

    pub async fn two_projectors_do_not_project_the_same_decision(db: Database) {
        let log = Log::story();
        let mut first = projector(&db).await;
        let mut second = projector(&db).await;
        first.apply(&log.recorded[..5]).await.expect("projected");
        // The second still believes that it stands at the beginning.
        assert_eq!(second.checkpoint().seq, 0);
        assert_eq!(second.apply(&log.recorded[..7]).await.expect("goes on from there"), 7);
        assert_eq!(
            first.apply(&log.recorded[5..]).await.expect("and so does the first"),
            log.recorded.len() as u64
        );
        second.apply(&log.recorded).await.expect("nothing is left to do");
        let grown = db.dump(true).await.expect("dumped");
        let fresh = crate::tests::memory().await;
        projected(&fresh, &log).await;
        assert_eq!(grown.differences(&fresh.dump(true).await.expect("dumped")), []);
    }

    pub async fn a_checkpoint_that_went_back_stops_the_projector(db: Database) {
        let log = Log::story();
        let mut first = projector(&db).await;
        first.apply(&log.recorded[..5]).await.expect("projected");
        let mut again = Projector::rebuild(db.clone(), LOG, log::keys()).await.expect("rebuilt");
        again.apply(&log.recorded[..2]).await.expect("projected");
        let stopped = first.apply(&log.recorded).await;
        assert!(matches!(stopped, Err(ProjectError::Overtaken { expected: 5 })), "{stopped:?}");
    }

    pub async fn an_unknown_event_version_stops_with_its_sequence_and_leaves_nothing(db: Database) {
        let mut log = Log::story();
        let good = log.recorded.len() as u64;
        log.add::<policy::Event>(owner(), POLICY.id, [policy::Retired {}.into()]);
        let stored = StoredEvent { kind: 1, version: 9, bytes: vec![] };
        let bad = log.decide(owner(), USER.into(), viworks_domain::decision::Outcome::Accepted, vec![stored]);
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded[..good as usize]).await.expect("projected");
        let before = db.dump(true).await.expect("dumped");
        let stopped = projector.apply(&log.recorded).await.expect_err("stopped");
        let unknown = Unreadable::UnknownVersion { aggregate: AggregateKind::User, kind: 1, version: 9 };
        assert!(
            matches!(stopped, ProjectError::Unreadable { seq, source } if seq == bad && source == unknown),
            "{stopped}"
        );
        assert_eq!(db.dump(true).await.expect("dumped"), before, "nothing of the batch stays");
        assert_eq!(projector.checkpoint().seq, good);
    }

    pub async fn a_log_that_lost_its_end_is_noticed(db: Database) {
        let log = Log::story();
        let head = log.recorded.len() as u64;
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded).await.expect("projected");
        projector.check_head(head).expect("all is there");
        projector.check_head(head + 5).expect("there is more to come");
        let lost = projector.check_head(head - 1).expect_err("one is gone");
        assert!(matches!(lost, ProjectError::LogIsBehind { reached, .. } if reached == head), "{lost}");
    }

    pub async fn a_decision_of_another_log_is_refused(db: Database) {
        let mut log = Log::story();
        log.recorded[4].decision.log_id = LogId([99; 16]);
        let refused = projector(&db).await.apply(&log.recorded).await;
        assert!(matches!(refused, Err(ProjectError::ForeignDecision { seq: 5, .. })), "{refused:?}");
        assert_eq!(db.checkpoint().await.expect("read").expect("one").seq, 0);
    }

    pub async fn tables_of_another_epoch_are_built_again(db: Database) {
        let log = Log::story();
        projected(&db, &log).await;
        let restored = LogIdentity { epoch: 2, ..LOG };
        let opened = Projector::open(db.clone(), restored, NoKeys).await;
        assert!(matches!(opened, Err(ProjectError::OtherLog { found: LOG })));
        let queries = Queries::new(db.clone());
        let early = queries.moment_of(restored).await.expect_err("nothing of it is there yet");
        assert!(matches!(early, QueryError::OtherLog { found: LOG }), "{early}");
        let mut rebuilt =
            Projector::open_or_rebuild(db.clone(), restored, log::keys()).await.expect("rebuilt");
        assert_eq!(rebuilt.checkpoint().seq, 0);
        assert_eq!(db.dump(true).await.expect("dumped").rows(), 0);
        // The decisions before the restoration still stand in the log under their epoch.
        rebuilt.apply(&log.recorded).await.expect("projected");
        assert_eq!(db.checkpoint().await.expect("read").expect("one").log, restored);
    }

    pub async fn readers_wait_until_their_write_is_seen(db: Database) {
        let log = Log::story();
        let head = log.recorded.len() as u64;
        let mut projector = projector(&db).await;
        let queries = Queries::new(db.clone());
        let behind = queries.wait_until(head, Duration::from_millis(60)).await;
        assert!(matches!(behind, Err(QueryError::Behind { wanted, reached: 0 }) if wanted == head));
        let waiting = queries.wait_until(head, Duration::from_secs(30));
        let (reached, applied) = tokio::join!(waiting, projector.apply(&log.recorded));
        assert_eq!((reached.expect("seen"), applied.expect("projected")), (head, head));
    }

    async fn changes(queries: &Queries, after: u64, limit: u32) -> Changes {
        queries.moment().await.expect("a moment").changes_after(after, limit).await.expect("read")
    }

    pub async fn changes_are_read_in_order_and_whole(db: Database) {
        let mut log = Log::story();
        for _ in 0..30 {
            log.health(Health::Down);
            log.health(Health::Up);
        }
        let head = log.recorded.len() as u64;
        let queries = projected(&db, &log).await;
        let Changes::Since { seq, changes: all } = changes(&queries, 0, 10_000).await else {
            panic!("all are kept")
        };
        assert_eq!(seq, head);
        assert!(all.is_sorted_by_key(|change| change.seq));
        assert!(all.len() > 3 * 64, "{} changes make more than one call", all.len());
        assert!(all.iter().any(|c| c.topic == Topic::Sessions && c.row_id == log::SESSION.to_string()));
        let mut gathered = vec![];
        let mut at = 0;
        while at < head {
            let Changes::Since { seq, changes } = changes(&queries, at, 4).await else {
                panic!("all are kept")
            };
            assert!(changes.iter().all(|change| change.seq > at && change.seq <= seq));
            gathered.extend(changes);
            at = seq;
        }
        assert_eq!(gathered, all);
    }

    pub async fn changes_too_long_ago_are_forgotten_and_said_to_be(db: Database) {
        let log = Log::story();
        let queries = projected(&db, &log).await;
        let ahead = changes(&queries, log.recorded.len() as u64 + 1, 10).await;
        assert_eq!(ahead, Changes::Forgotten);
        // As if as many decisions more had been projected since.
        sqlx::query("UPDATE checkpoint SET seq = seq + 60000").execute(&db.pool).await.expect("moved");
        assert_eq!(changes(&queries, 1, 10).await, Changes::Forgotten);
    }

    pub async fn what_is_not_forgotten_is_kept_whole_and_what_is_forgotten_is_gone(db: Database) {
        let mut log = Log::story();
        let stood = log.recorded.len() as u64;
        projected(&db, &log).await;
        let Changes::Since { changes: all, .. } = changes(&Queries::new(db.clone()), 0, 10_000).await else {
            panic!("all are kept")
        };
        // As if nothing that anybody is told of had been decided for so long that half of the story is to be kept.
        let kept_from = stood / 2;
        let head = kept_from + CHANGES_KEPT;
        sqlx::query("UPDATE checkpoint SET seq = $1")
            .bind(i64::try_from(head - 1).expect("small"))
            .execute(&db.pool)
            .await
            .expect("moved");
        log.health(Health::Down);
        let mut last = log.recorded.pop().expect("added");
        last.seq = head;
        let mut projector = projector(&db).await;
        assert_eq!(projector.apply(&[last]).await.expect("projected"), head);

        let queries = Queries::new(db.clone());
        let Changes::Since { changes: kept, .. } = changes(&queries, kept_from - 1, 10_000).await else {
            panic!("as far back as is promised")
        };
        let of_story: Vec<_> = kept.into_iter().filter(|change| change.seq < head).collect();
        let expected: Vec<_> = all.into_iter().filter(|change| change.seq >= kept_from).collect();
        assert_eq!(of_story, expected);
        assert_eq!(changes(&queries, kept_from - 2, 10).await, Changes::Forgotten);
        let first: i64 = sqlx::query("SELECT MIN(seq) AS seq FROM changes")
            .fetch_one(&db.pool)
            .await
            .and_then(|row| sqlx::Row::try_get(&row, "seq"))
            .expect("read");
        assert!(first >= i64::try_from(kept_from).expect("small"), "{first} takes up room for nobody");
    }

    pub async fn tables_of_another_build_are_dropped_and_filled_again(db: Database) {
        let log = Log::story();
        projected(&db, &log).await;
        let grown = db.dump(true).await.expect("dumped");
        // As a build with other migrations leaves them.
        for change in
            ["UPDATE _sqlx_migrations SET version = version + 100", "ALTER TABLE users DROP COLUMN search"]
        {
            sqlx::query(change).execute(&db.pool).await.expect("changed");
        }
        crate::database::bring_up_to_date(&db.pool, db.kind).await.expect("begun anew");
        assert_eq!(db.checkpoint().await.expect("read"), None);
        projected(&db, &log).await;
        assert_eq!(grown.differences(&db.dump(true).await.expect("dumped")), []);
    }
}
