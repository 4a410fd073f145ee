//! The timeline.

crate::tests::checks! {
    creating_a_user_is_one_row_whose_steps_fill_in,
    a_row_names_the_operator_who_acted_and_nobody_else,
    a_row_says_which_operator_and_which_gateway_it_is_about,
    a_story_is_under_one_correlation,
    a_session_is_told_whole,
    every_refusal_of_an_operator_is_listed,
    what_processes_and_gateways_are_refused_is_not,
    a_denial_names_its_finding_and_no_rule_that_holds,
    nothing_personal_or_secret_is_told,
    of_a_resource_its_label_is_told_and_not_where_it_stands,
}

mod checks {
    use crate::{
        AuditFilter, AuditRow, Database, PageRequest, Queries,
        tests::{
            log::{self, DENIED, GATEWAY, Log, OWNER, POLICY, SESSION, USER, owner},
            projected, projector,
        },
    };
    use std::collections::BTreeSet;
    use viworks_domain::{
        actor::{Actor, ProcessName},
        decision::Outcome,
        gateway::Health,
        ids::OperatorId,
        operator,
        permission::Role,
        policy,
    };

    async fn list(queries: &Queries, filter: AuditFilter) -> Vec<AuditRow> {
        let all = PageRequest { cursor: None, limit: Some(500) };
        queries.audit(&filter, &all).await.expect("read").rows
    }

    fn kinds(rows: &[AuditRow]) -> Vec<&str> {
        rows.iter().rev().map(|row| row.kind.as_str()).collect()
    }

    pub async fn creating_a_user_is_one_row_whose_steps_fill_in(db: Database) {
        let mut log = Log::default();
        log.ground();
        let before = log.recorded.len();
        log.user();
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded[..=before]).await.expect("projected");
        let queries = Queries::new(db.clone());
        let of_user = || AuditFilter { user: Some(USER), ..AuditFilter::default() };
        let rows = list(&queries, of_user()).await;
        assert_eq!(kinds(&rows), ["user.created"]);
        assert_eq!(rows[0].details["steps"][1]["progress"], "pending");
        projector.apply(&log.recorded[..before + 4]).await.expect("projected");
        let rows = list(&queries, of_user()).await;
        assert_eq!(kinds(&rows), ["user.created"]);
        assert_eq!(rows[0].details["steps"][0]["progress"], "done");
        assert_eq!(rows[0].details["steps"][1]["progress"]["failed"], "script_failed");
        projector.apply(&log.recorded).await.expect("projected");
        let rows = list(&queries, of_user()).await;
        assert_eq!(
            kinds(&rows),
            ["user.created", "user.step_retried", "user.device_added", "device.offered", "device.enrolled"]
        );
        let created = rows.last().expect("rows");
        assert!((0..3).all(|n| created.details["steps"][n]["progress"] == "done"), "{}", created.details);
    }

    pub async fn a_row_names_the_operator_who_acted_and_nobody_else(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.act();
        let anna = OperatorId([77; 16]);
        let invited = operator::Invited { name: "ops-anna".into(), role: Role::Owner };
        log.add::<operator::Event>(owner(), anna, [invited.into()]);
        log.act();
        let anna = Actor::Operator { id: anna, version: 1 };
        log.add::<policy::Event>(anna.clone(), POLICY.id, [policy::Activated { version: 2 }.into()]);
        let queries = projected(&db, &log).await;
        let rows = list(&queries, AuditFilter::default()).await;
        for row in &rows {
            let name = match &row.actor {
                who if *who == anna => Some("ops-anna"),
                who if *who == owner() => Some("owner"),
                _ => None,
            };
            assert_eq!(row.operator.as_deref(), name, "{}", row.kind);
        }
        let all = rows.iter().map(|row| row.operator.as_deref()).collect::<BTreeSet<_>>();
        assert_eq!(all, BTreeSet::from([None, Some("ops-anna"), Some("owner")]));
    }

    pub async fn a_row_says_which_operator_and_which_gateway_it_is_about(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.health(Health::Down);
        let disabled = operator::Disabled {};
        log.add::<operator::Event>(Actor::Machine, OWNER, [disabled.into()]);
        let queries = projected(&db, &log).await;
        let rows = list(&queries, AuditFilter::default()).await;
        let told = |kind: &str| {
            let row = rows.iter().find(|row| row.kind == kind);
            row.map(|row| row.summary.as_str()).unwrap_or_default()
        };
        assert_eq!(told("operator.disabled"), "operator disabled: owner");
        assert_eq!(told("operator.invited"), "operator owner invited as owner");
        assert_eq!(told("gateway.health_changed"), "gateway is down: gw1");
    }

    pub async fn a_story_is_under_one_correlation(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.user();
        let correlation = log.session();
        log.end();
        let queries = projected(&db, &log).await;
        let rows =
            list(&queries, AuditFilter { correlation: Some(correlation), ..AuditFilter::default() }).await;
        let kinds = kinds(&rows);
        assert_eq!(kinds.first().copied(), Some("user.login_succeeded"));
        assert_eq!(kinds.last().copied(), Some("session.ended"));
        assert!(rows.iter().all(|row| row.user == Some(USER) && row.session == Some(SESSION)));
    }

    pub async fn a_session_is_told_whole(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        let rows = list(&queries, AuditFilter { session: Some(SESSION), ..AuditFilter::default() }).await;
        let receipts = rows.iter().filter(|row| row.kind == "session.receipt_recorded").count();
        assert_eq!(receipts, 6);
        let summaries = rows.iter().map(|row| row.summary.as_str()).collect::<Vec<_>>();
        assert!(summaries.contains(&"ending: terminated by administrator: enough"));
        assert!(summaries.contains(&"wrong code, 4 left"));
    }

    pub async fn every_refusal_of_an_operator_is_listed(db: Database) {
        let mut log = Log::story();
        log.act();
        log.refuse(owner(), USER, "user.not_suspended");
        log.refuse(owner(), GATEWAY, "gateway.unchanged");
        log.decide(owner(), USER.into(), Outcome::Expired, vec![]);
        let queries = projected(&db, &log).await;
        let refused = AuditFilter { kind: Some("command.refused".into()), ..AuditFilter::default() };
        let rows = list(&queries, refused).await;
        assert_eq!(rows.len(), 2);
        assert_eq!(
            (rows[1].user, rows[1].details["code"].as_str()),
            (Some(USER), Some("user.not_suspended"))
        );
        assert_eq!(rows[1].actor, owner());
        let expired = AuditFilter { kind: Some("command.expired".into()), ..AuditFilter::default() };
        assert_eq!(list(&queries, expired).await.len(), 1);
    }

    pub async fn what_processes_and_gateways_are_refused_is_not(db: Database) {
        let mut log = Log::story();
        log.refuse(Actor::Process { name: ProcessName::SessionDeadlines }, SESSION, "session.not_yet");
        log.refuse(log::agent(), SESSION, "session.unchanged");
        let queries = projected(&db, &log).await;
        let refused = AuditFilter { kind: Some("command.refused".into()), ..AuditFilter::default() };
        assert_eq!(list(&queries, refused).await, []);
    }

    pub async fn a_denial_names_its_finding_and_no_rule_that_holds(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        let rows = list(&queries, AuditFilter { session: Some(DENIED), ..AuditFilter::default() }).await;
        assert_eq!(kinds(&rows), ["session.denied"]);
        let findings = rows[0].details["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0]["rule"], "phone_country");
        assert_eq!(rows[0].details["phone_country"], "XX");
    }

    pub async fn nothing_personal_or_secret_is_told(db: Database) {
        let queries = projected(&db, &Log::story()).await;
        for row in list(&queries, AuditFilter::default()).await {
            let told = format!("{} {}", row.summary, row.details);
            for secret in ["ada", "127.0.0.1", "10.8.0.10", "desk", "phc"] {
                assert!(!told.contains(secret), "{told} tells {secret}");
            }
        }
    }
    pub async fn of_a_resource_its_label_is_told_and_not_where_it_stands(db: Database) {
        let mut log = Log::story();
        let document = log::document();
        let changed = policy::Changed { version: 9, document: document.clone() };
        log.add::<policy::Event>(owner(), POLICY.id, [changed.into()]);
        let queries = projected(&db, &log).await;
        let all = list(&queries, AuditFilter::default()).await;
        for kind in ["policy.drafted", "policy.changed"] {
            let row = all.iter().find(|row| row.kind == kind).expect("told");
            let mut wanted = serde_json::json!({ "document": document });
            wanted["document"]["resources"] = serde_json::json!([{ "label": "page" }]);
            assert_eq!(row.details, wanted, "{kind}");
        }
    }
}
