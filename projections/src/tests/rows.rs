//! What people see after what has happened.

crate::tests::checks! {
    a_user_is_active_once_every_step_is_done,
    a_failed_step_shows_its_reason_until_it_is_tried_again,
    a_gateway_added_later_is_a_pending_step_of_an_active_user,
    suspension_and_deletion_show,
    a_session_is_followed_to_its_end,
    a_session_shows_how_far_it_is,
    a_session_denied_at_the_door_is_listed_with_its_finding,
    active_sessions_are_those_that_are_not_over,
    policies_and_gateways_show_what_an_admin_may_see,
    operators_are_found_by_name,
    pages_are_cut_where_the_last_one_ended,
    names_are_found_by_a_part_of_them_and_nothing_in_it_is_a_pattern,
    users_are_found_by_what_they_are_and_have,
}

mod checks {
    use crate::{
        AuditFilter, Database, GatewayState, OperatorState, PageRequest, PolicyState, Projector, Queries,
        QueryError, SessionFilter, SessionState, UserFilter, UserState,
        tests::{
            log::{self, DENIED, GATEWAY, Log, PANEL, POLICY, SESSION, USER, VPN, at, owner},
            projected, projector,
        },
    };
    use std::collections::HashMap;
    use viworks_domain::{
        gateway::Health,
        ids::{GatewayId, SessionId, UserId},
        personal::{DataKey, Personal, Profile},
        policy::{Rule, Standing},
        session::{self, Absence, EndReason, Layer},
        user::{self, Progress, Step, StepFailure},
    };

    async fn user(queries: &Queries) -> crate::UserRow {
        queries.user(USER).await.expect("read").expect("a user")
    }

    async fn session(queries: &Queries) -> crate::SessionRow {
        queries.session(SESSION).await.expect("read").expect("a session")
    }

    pub async fn a_user_is_active_once_every_step_is_done(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        let user = user(&queries).await;
        assert_eq!((user.state, user.username.as_deref()), (UserState::Active, Some("ada")));
        let steps = user.steps.iter().map(|s| (s.step, s.progress, s.attempt)).collect::<Vec<_>>();
        let done = Progress::Done;
        assert_eq!(steps, [(Step::Directory, done, 1), (VPN, done, 2), (PANEL, done, 1)]);
        assert_eq!((user.policies, user.gateways), (vec![POLICY.id], vec![GATEWAY]));
        assert_eq!(user.devices.len(), 1);
    }

    pub async fn a_failed_step_shows_its_reason_until_it_is_tried_again(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.user();
        let retried = log
            .recorded
            .iter()
            .position(|r| r.decision.events.iter().any(|e| e.kind == 4) && r.decision.actor == owner())
            .expect("retried");
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded[..retried]).await.expect("projected");
        let queries = Queries::new(db.clone());
        let before = user(&queries).await;
        assert_eq!(before.state, UserState::Provisioning);
        assert_eq!(before.steps[1].progress, Progress::Failed(StepFailure::ScriptFailed));
        projector.apply(&log.recorded[..=retried]).await.expect("projected");
        let after = user(&queries).await;
        assert_eq!((after.steps[1].progress, after.steps[1].attempt), (Progress::Pending, 2));
    }

    pub async fn a_gateway_added_later_is_a_pending_step_of_an_active_user(db: Database) {
        let mut log = Log::story();
        let second = GatewayId([99; 16]);
        let steps = vec![Step::Vpn { gateway: second }, Step::Panel { gateway: second }];
        let added = user::GatewaysAssigned { gateways: vec![GATEWAY, second], steps };
        log.add::<user::Event>(owner(), USER, [added.into()]);
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded).await.expect("projected");
        let queries = Queries::new(db.clone());
        let row = user(&queries).await;
        assert_eq!((row.state, row.steps.len()), (UserState::Active, 5));
        let removed = user::GatewaysAssigned { gateways: vec![GATEWAY], steps: vec![] };
        log.add::<user::Event>(owner(), USER, [removed.into()]);
        projector.apply(&log.recorded).await.expect("projected");
        assert_eq!(user(&queries).await.steps.len(), 3);
        let steps = vec![Step::Vpn { gateway: second }, Step::Panel { gateway: second }];
        let again = user::GatewaysAssigned { gateways: vec![GATEWAY, second], steps };
        log.add::<user::Event>(owner(), USER, [again.into()]);
        projector.apply(&log.recorded).await.expect("projected");
        let row = user(&queries).await;
        assert_eq!(row.steps.last().map(|s| s.attempt), Some(2), "no two tries share an attempt");
    }

    pub async fn suspension_and_deletion_show(db: Database) {
        let mut log = Log::story();
        let mut projector = projector(&db).await;
        let queries = Queries::new(db.clone());
        let rows: [(user::Event, UserState); 4] = [
            (user::Suspended {}.into(), UserState::Suspended),
            (user::Resumed {}.into(), UserState::Active),
            (user::DeletionRequested {}.into(), UserState::Deleting),
            (user::Deleted {}.into(), UserState::Deleted),
        ];
        for (event, state) in rows {
            log.add(owner(), USER, [event]);
            projector.apply(&log.recorded).await.expect("projected");
            assert_eq!(user(&queries).await.state, state);
        }
        assert_eq!(user(&queries).await.steps[1].attempt, 3, "taken away under an attempt of its own");
    }

    pub async fn a_session_is_followed_to_its_end(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        let row = session(&queries).await;
        assert_eq!((row.state, row.username.as_deref()), (SessionState::Ended, Some("ada")));
        assert_eq!(row.gateway_name.as_deref(), Some("gw1"));
        assert_eq!(row.end_reason, Some(EndReason::Terminated { note: "enough".into() }));
        assert_eq!(row.resources, ["page"]);
        assert_eq!(row.address.map(|a| a.to_string()).as_deref(), Some("10.8.0.10"));
        assert_eq!((row.bytes_in, row.bytes_out), (1_000, 2_000));
        assert!(row.connected_at < row.ended_at && !row.receipts_overdue);
        let receipts = row.receipts.iter().map(|r| (r.layer, r.absence)).collect::<Vec<_>>();
        assert_eq!(receipts, Layer::ALL.map(|layer| (layer, Some(Absence::Gone))));
    }

    pub async fn a_session_shows_how_far_it_is(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.user();
        let before = log.recorded.len();
        log.session();
        let mut projector = projector(&db).await;
        let queries = Queries::new(db.clone());
        let mut seen = vec![];
        for upto in before + 1..=log.recorded.len() {
            projector.apply(&log.recorded[..upto]).await.expect("projected");
            if let Some(row) = queries.session(SESSION).await.expect("read") {
                seen.push(row.state);
            }
        }
        seen.dedup();
        let way = [
            SessionState::Challenged,
            SessionState::CodeIssued,
            SessionState::Verified,
            SessionState::Connecting,
            SessionState::Connected,
        ];
        assert_eq!(seen, way);
        let down = session::LayerChanged { layer: Layer::Vpn, up: false };
        log.add::<session::Event>(log::agent(), SESSION, [down.into()]);
        projector.apply(&log.recorded).await.expect("projected");
        assert_eq!(session(&queries).await.state, SessionState::Verified);
        log.ending();
        projector.apply(&log.recorded).await.expect("projected");
        let ending = session(&queries).await;
        assert_eq!(ending.state, SessionState::Ending);
        assert_eq!(ending.receipts.iter().filter(|r| r.absence.is_none()).count(), 5);
    }

    pub async fn a_session_denied_at_the_door_is_listed_with_its_finding(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        let row = queries.session(DENIED).await.expect("read").expect("a session");
        assert_eq!((row.state, row.gateway), (SessionState::Denied, None));
        let findings = row.verdict.expect("a verdict").findings;
        assert!(findings.iter().any(|f| f.rule == Rule::PhoneCountry && f.standing == Standing::Violated));
    }

    pub async fn active_sessions_are_those_that_are_not_over(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.user();
        log.session();
        log.denied();
        let queries = projected(&db, &log).await;
        let list = async |filter| {
            let page = queries.sessions(&filter, &PageRequest::default()).await.expect("read");
            page.rows.iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(list(SessionFilter::default()).await, [DENIED, SESSION]);
        assert_eq!(list(SessionFilter { active: Some(true), ..SessionFilter::default() }).await, [SESSION]);
        assert_eq!(
            list(SessionFilter { gateway: Some(GATEWAY), ..SessionFilter::default() }).await,
            [SESSION]
        );
        let user = SessionFilter {
            user: Some(USER),
            active: Some(true),
            gateway: Some(GATEWAY),
            ..SessionFilter::default()
        };
        assert_eq!(list(user).await, [SESSION]);
    }

    pub async fn policies_and_gateways_show_what_an_admin_may_see(db: Database) {
        let mut log = Log::story();
        let changed = log::document();
        let event = viworks_domain::policy::Changed { version: 2, document: changed.clone() };
        log.add::<viworks_domain::policy::Event>(owner(), POLICY.id, [event.into()]);
        log.health(Health::Degraded);
        let queries = projected(&db, &log).await;
        let policies = queries.policies(&PageRequest::default()).await.expect("read").rows;
        assert_eq!(
            policies.iter().map(|p| (p.version, p.state, &p.document)).collect::<Vec<_>>(),
            [(2, PolicyState::Active, &changed)]
        );
        let gateways = queries.gateways().await.expect("read").rows;
        let gateway = &gateways[0];
        assert_eq!((gateway.state, gateway.health), (GatewayState::Enrolled, Some(Health::Degraded)));
        assert!(gateway.started_at > gateway.enrolled_at);
    }

    pub async fn operators_are_found_by_name(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        let row = queries.operator_named("owner").await.expect("read").expect("an operator");
        assert_eq!((row.state, row.signed_in_at), (OperatorState::Active, Some(at(2))));
        assert_eq!(queries.operator_named("eve").await.expect("read"), None);
    }

    pub async fn pages_are_cut_where_the_last_one_ended(db: Database) {
        let mut log = Log::story();
        for n in 100..110u8 {
            let denied = session::Denied {
                user: USER,
                policy: POLICY,
                verdict: log::verdict(viworks_domain::policy::Gate::Login, "AU"),
            };
            log.add::<session::Event>(log::person(), SessionId([n; 16]), [denied.into()]);
        }
        let queries = projected(&db, &log).await;
        let mut seen = vec![];
        let mut request = PageRequest { cursor: None, limit: Some(5) };
        loop {
            let page = queries.sessions(&SessionFilter::default(), &request).await.expect("read");
            assert_eq!(page.seq, log.recorded.len() as u64);
            assert!(page.rows.len() <= 5);
            seen.extend(page.rows.iter().map(|row| row.id));
            let Some(next) = page.next else { break };
            request.cursor = Some(next);
        }
        assert_eq!(seen.len(), 12);
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), 12, "no row twice");

        let filter = AuditFilter::default();
        let whole = PageRequest { cursor: None, limit: Some(500) };
        let all = queries.audit(&filter, &whole).await.expect("read").rows;
        let mut listed = vec![];
        let mut request = PageRequest { cursor: None, limit: Some(3) };
        loop {
            let page = queries.audit(&AuditFilter::default(), &request).await.expect("read");
            listed.extend(page.rows);
            let Some(next) = page.next else { break };
            request.cursor = Some(next);
        }
        assert_eq!(listed, all);

        for nonsense in ["", "x", "1", "x.y"] {
            let request = PageRequest { cursor: Some(nonsense.into()), limit: None };
            let answer = queries.audit(&AuditFilter::default(), &request).await;
            assert!(matches!(answer, Err(QueryError::BadCursor)), "{nonsense:?}");
        }
    }

    const NAMES: [&str; 8] = ["ada", "Adam", "a_b", "a%b", "a\\b", "it's", "\u{e9}mile", "\u{c9}MILE"];

    /// One user of each name, in that order, each denied once at the door.
    async fn named(db: &Database) -> Queries {
        let mut log = Log::default();
        log.ground();
        let mut keys = HashMap::new();
        for (n, name) in NAMES.into_iter().enumerate() {
            let (user, key) = (UserId([n as u8 + 50; 16]), DataKey([n as u8 + 1; 32]));
            keys.insert(user, key.clone());
            let mut created = log::created();
            if let user::Event::Created(created) = &mut created {
                created.profile = Personal::seal(&Profile { username: name.into() }, user, &key, [1; 24]);
                created.policies = if n % 2 == 0 { vec![POLICY.id] } else { vec![] };
                created.gateways = if n % 3 == 0 { vec![GATEWAY] } else { vec![] };
            }
            log.add(owner(), user, [created]);
            let denied = session::Denied {
                user,
                policy: POLICY,
                verdict: log::verdict(viworks_domain::policy::Gate::Login, "AU"),
            };
            log.add::<session::Event>(log::person(), SessionId([n as u8 + 50; 16]), [denied.into()]);
        }
        log.add::<user::Event>(owner(), UserId([50; 16]), [user::Suspended {}.into()]);
        let mut projector = Projector::open(db.clone(), log::LOG, keys).await.expect("a projector");
        projector.apply(&log.recorded).await.expect("projected");
        Queries::new(db.clone())
    }

    async fn found(queries: &Queries, filter: UserFilter) -> Vec<String> {
        let rows = queries.users(&filter, &PageRequest::default()).await.expect("read").rows;
        assert!(rows.is_sorted_by(|a, b| a.created_at >= b.created_at), "newest first");
        rows.into_iter().rev().map(|row| row.username.unwrap_or_default()).collect()
    }

    pub async fn names_are_found_by_a_part_of_them_and_nothing_in_it_is_a_pattern(db: Database) {
        let queries = named(&db).await;
        for (text, wanted) in [
            ("AD", &["ada", "Adam"][..]),
            ("_", &["a_b"]),
            ("%", &["a%b"]),
            ("\\", &["a\\b"]),
            ("'", &["it's"]),
            ("", &NAMES),
            // As the browser finds them: only ASCII letters are the same in either case.
            ("\u{e9}", &["\u{e9}mile"]),
            ("MILE", &["\u{e9}mile", "\u{c9}MILE"]),
            ("\0", &[]),
            ("nobody", &[]),
        ] {
            let of_users = UserFilter { text: Some(text.into()), ..UserFilter::default() };
            assert_eq!(found(&queries, of_users).await, wanted, "{text:?}");
            let of_sessions = SessionFilter { text: Some(text.into()), ..SessionFilter::default() };
            let page = queries.sessions(&of_sessions, &PageRequest::default()).await.expect("read");
            let names = page.rows.into_iter().rev().map(|row| row.username.unwrap_or_default());
            assert_eq!(names.collect::<Vec<_>>(), wanted, "{text:?}");
        }
        let long = UserFilter { text: Some("a".repeat(100_000)), ..UserFilter::default() };
        assert_eq!(found(&queries, long).await, Vec::<String>::new());
    }

    pub async fn users_are_found_by_what_they_are_and_have(db: Database) {
        let queries = named(&db).await;
        let all = UserFilter::default;
        assert_eq!(found(&queries, UserFilter { state: Some(UserState::Suspended), ..all() }).await, ["ada"]);
        assert_eq!(found(&queries, UserFilter { policy: Some(POLICY.id), ..all() }).await.len(), 4);
        assert_eq!(found(&queries, UserFilter { gateway: Some(GATEWAY), ..all() }).await.len(), 3);
        let both = UserFilter { policy: Some(POLICY.id), gateway: Some(GATEWAY), ..all() };
        assert_eq!(found(&queries, both).await, ["ada", "\u{e9}mile"]);
        assert_eq!(found(&queries, UserFilter { id: Some(UserId([51; 16])), ..all() }).await, ["Adam"]);
    }
}
