//! Personal values are here only as long as their key exists.

crate::tests::checks! {
    erasing_a_user_blanks_the_name_everywhere,
    a_rebuild_after_erasure_never_learns_the_name,
    a_key_store_that_cannot_answer_stops_the_projector,
}

mod checks {
    use crate::{
        Database, KeyFault, NoKeys, PersonalReader, ProjectError, Projector, Queries, UserState,
        tests::{
            log::{LOG, Log, SESSION, USER, owner},
            memory, projector,
        },
    };
    use viworks_domain::{ids::UserId, personal::DataKey, user};

    fn erased() -> Log {
        let mut log = Log::story();
        for event in
            [user::Event::from(user::DeletionRequested {}), user::Deleted {}.into(), user::Erased {}.into()]
        {
            log.add(owner(), USER, [event]);
        }
        log
    }

    pub async fn erasing_a_user_blanks_the_name_everywhere(db: Database) {
        let log = erased();
        let before = log.recorded.len() - 1;
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded[..before]).await.expect("projected");
        let queries = Queries::new(db.clone());
        let named = queries.user(USER).await.expect("read").expect("a user");
        assert_eq!(named.username.as_deref(), Some("ada"));
        projector.apply(&log.recorded).await.expect("projected");
        let blank = queries.user(USER).await.expect("read").expect("a user");
        assert_eq!((blank.state, blank.username), (UserState::Erased, None));
        let session = queries.session(SESSION).await.expect("read").expect("a session");
        assert_eq!(session.username, None);
    }

    pub async fn a_rebuild_after_erasure_never_learns_the_name(db: Database) {
        let log = erased();
        projector(&db).await.apply(&log.recorded).await.expect("projected");
        let fresh = memory().await;
        let mut keyless = Projector::open(fresh.clone(), LOG, NoKeys).await.expect("a projector");
        keyless.apply(&log.recorded).await.expect("projected");
        let grown = db.dump(true).await.expect("dumped");
        assert_eq!(grown.differences(&fresh.dump(true).await.expect("dumped")), []);
    }

    struct Unreachable;

    impl PersonalReader for Unreachable {
        async fn data_key(&self, _: UserId) -> Result<Option<DataKey>, KeyFault> {
            Err("away".into())
        }
    }

    pub async fn a_key_store_that_cannot_answer_stops_the_projector(db: Database) {
        let log = Log::story();
        let mut projector = Projector::open(db.clone(), LOG, Unreachable).await.expect("a projector");
        let stopped = projector.apply(&log.recorded).await;
        assert!(matches!(stopped, Err(ProjectError::Keys { user: USER, .. })), "{stopped:?}");
        assert_eq!(db.checkpoint().await.expect("read").expect("one").seq, 0);
    }
}
