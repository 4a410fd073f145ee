//! What a feed is told to read again.

crate::tests::checks! {
    every_row_that_reads_otherwise_is_among_the_changes,
    the_audits_row_of_a_provisioning_is_told_anew_with_its_steps,
    a_row_is_told_once_however_often_it_changed,
    what_is_worth_a_word_is_told_once_for_each_time,
    operators_are_told_whenever_their_sign_ins_may_count_otherwise,
    an_erasure_is_told_apart,
    the_phones_verdict_is_the_last_reports,
}

mod checks {
    use crate::{
        AuditFilter, Changed, ChangedRow, Database, Moment, Notice, PageRequest, Queries, Row, SessionFilter,
        UserFilter,
        tests::{
            log::{self, DENIED, DEVICE, GATEWAY, Log, OWNER, POLICY, SESSION, USER, owner},
            projected, projector,
        },
    };
    use std::collections::BTreeMap;
    use viworks_domain::{
        actor::Actor,
        gateway::Health,
        ids::Digest,
        operator,
        permission::Role,
        policy::Gate,
        session,
        user::{self, Step, StepFailure},
    };

    async fn after(queries: &Queries, seq: u64) -> Vec<ChangedRow> {
        let changed = queries.moment().await.expect("a moment").changed_after(seq, 10_000).await;
        let Changed::Since { rows, .. } = changed.expect("read") else { panic!("all are kept") };
        rows
    }

    /// Every row that a screen may show, by what it is known by.
    async fn everything(queries: &Queries) -> BTreeMap<String, Row> {
        let all = PageRequest { cursor: None, limit: Some(500) };
        let mut moment: Moment = queries.moment().await.expect("a moment");
        let mut rows = vec![];
        let users = moment.users(&UserFilter::default(), &all).await.expect("read").rows;
        rows.extend(users.into_iter().map(Row::User));
        let sessions = moment.sessions(&SessionFilter::default(), &all).await.expect("read").rows;
        rows.extend(sessions.into_iter().map(Row::Session));
        rows.extend(moment.gateways().await.expect("read").rows.into_iter().map(Row::Gateway));
        rows.extend(moment.policies(&all).await.expect("read").rows.into_iter().map(Row::Policy));
        for correlation in 0..=255 {
            let correlation = Some(viworks_domain::ids::CorrelationId([correlation; 16]));
            let story = AuditFilter { correlation, ..AuditFilter::default() };
            let page = moment.audit(&story, &all).await.expect("read");
            assert_eq!(page.next, None);
            rows.extend(page.rows.into_iter().map(Row::Audit));
        }
        rows.into_iter().map(|row| (name(&row), row)).collect()
    }

    fn name(row: &Row) -> String {
        match row {
            Row::User(row) => format!("user {}", row.id),
            Row::Session(row) => format!("session {}", row.id),
            Row::Gateway(row) => format!("gateway {}", row.id),
            Row::Policy(row) => format!("policy {}", row.id),
            Row::Audit(row) => format!("audit {}.{}", row.seq, row.n),
            Row::Notice(notice, _) => format!("notice {notice}"),
            Row::Operator(id) => format!("operator {id}"),
            Row::Erased(id) => format!("erased {id}"),
        }
    }

    /// A long story, with everything that can happen to what is shown.
    fn whole() -> Log {
        let mut log = Log::story();
        log.health(Health::Degraded);
        log.health(Health::Down);
        let second = viworks_domain::ids::GatewayId([99; 16]);
        let steps = vec![Step::Vpn { gateway: second }, Step::Panel { gateway: second }];
        log.act();
        let added = user::GatewaysAssigned { gateways: vec![GATEWAY, second], steps };
        log.add::<user::Event>(owner(), USER, [added.into()]);
        let changed = viworks_domain::policy::Changed { version: 2, document: log::document() };
        log.add::<viworks_domain::policy::Event>(owner(), POLICY.id, [changed.into()]);
        let revoked = viworks_domain::device::Revoked {};
        log.add::<viworks_domain::device::Event>(owner(), DEVICE, [revoked.into()]);
        log.refuse(owner(), USER, "user.not_suspended");
        for event in [
            user::Event::from(user::Suspended {}),
            user::Resumed {}.into(),
            user::PoliciesAssigned { policies: vec![] }.into(),
            user::DeletionRequested {}.into(),
            user::Deleted {}.into(),
        ] {
            log.add(owner(), USER, [event]);
        }
        log.add::<viworks_domain::gateway::Event>(
            owner(),
            GATEWAY,
            [viworks_domain::gateway::Retired {}.into()],
        );
        log
    }

    pub async fn every_row_that_reads_otherwise_is_among_the_changes(db: Database) {
        let log = whole();
        let mut projector = projector(&db).await;
        let queries = Queries::new(db.clone());
        let mut before = everything(&queries).await;
        for upto in 1..=log.recorded.len() {
            projector.apply(&log.recorded[..upto]).await.expect("projected");
            let told = after(&queries, upto as u64 - 1).await;
            let told: BTreeMap<_, _> =
                told.into_iter().map(|changed| (name(&changed.row), changed.row)).collect();
            let now = everything(&queries).await;
            for (name, row) in &now {
                if before.get(name) != Some(row) {
                    assert_eq!(told.get(name), Some(row), "{name} at {upto}");
                }
            }
            before = now;
        }
    }

    pub async fn the_audits_row_of_a_provisioning_is_told_anew_with_its_steps(db: Database) {
        let mut log = Log::default();
        log.ground();
        let created = log.recorded.len() as u64 + 1;
        log.user();
        let mut projector = projector(&db).await;
        // In one transaction with its creation, and in one of its own.
        let (first, rest) = log.recorded.split_at(created as usize + 2);
        projector.apply(first).await.expect("projected");
        let queries = Queries::new(db.clone());
        let told = async |seq: u64| {
            let rows = after(&queries, seq).await.into_iter();
            rows.filter_map(|changed| match changed.row {
                Row::Audit(row) if row.seq == created => Some((changed.last, row.details["steps"].clone())),
                _ => None,
            })
            .collect::<Vec<_>>()
        };
        assert_eq!(told(created).await[0].0, created + 2, "the directory step is done");
        projector.apply(rest).await.expect("projected");
        for step in 0..3 {
            assert_eq!(told(first.len() as u64).await[0].1[step]["progress"], "done");
        }
    }

    pub async fn a_row_is_told_once_however_often_it_changed(db: Database) {
        let log = Log::story();
        let queries = projected(&db, &log).await;
        let rows = after(&queries, 0).await;
        let mut names: Vec<_> = rows.iter().map(|changed| name(&changed.row)).collect();
        names.sort();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(rows.is_sorted_by_key(|changed| changed.last));
        let session = rows.iter().find(|changed| name(&changed.row) == format!("session {SESSION}"));
        let session = session.expect("told");
        let times = sqlx::query("SELECT seq FROM changes WHERE topic = 'sessions' AND row_id = $1")
            .bind(SESSION.to_string())
            .fetch_all(&db.pool)
            .await
            .expect("read")
            .len();
        assert!(times > 10 && session.last <= log.recorded.len() as u64, "{times} times, told once");
    }

    pub async fn what_is_worth_a_word_is_told_once_for_each_time(db: Database) {
        let mut log = Log::story();
        let healths = [
            Health::Up,
            Health::Degraded,
            Health::Up,
            Health::Down,
            Health::Down,
            Health::Degraded,
            Health::Up,
        ];
        for health in healths.into_iter().chain([Health::Down, Health::Up]) {
            log.health(health);
        }
        log.act();
        log.add::<user::Event>(owner(), USER, [user::DeletionRequested {}.into()]);
        let failed = user::StepFailed { step: log::VPN, attempt: 3, reason: StepFailure::ScriptFailed };
        log.add::<user::Event>(log::agent(), USER, [failed.into()]);
        let queries = projected(&db, &log).await;
        let told = after(&queries, 0).await.into_iter().filter_map(|changed| match changed.row {
            Row::Notice(notice, name) => Some((notice, name.unwrap_or_default())),
            _ => None,
        });
        let up = (Notice::GatewayUp(GATEWAY), "gw1".to_owned());
        let down = (Notice::GatewayDown(GATEWAY), "gw1".to_owned());
        let ada = "ada".to_owned();
        // Degraded is not down and not up; a user who goes waits for no provisioning.
        let expected = vec![
            up.clone(),
            (Notice::ProvisioningFailed(USER), ada.clone()),
            (Notice::Provisioned(USER), ada.clone()),
            (Notice::Terminated(SESSION), ada),
            down.clone(),
            down,
            up,
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    pub async fn operators_are_told_whenever_their_sign_ins_may_count_otherwise(db: Database) {
        let mut log = Log::story();
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded).await.expect("projected");
        let queries = Queries::new(db.clone());
        for event in [
            operator::Event::from(operator::SignedOut { token: Digest([2; 32]) }),
            operator::RoleChanged { role: Role::Viewer }.into(),
            operator::Disabled {}.into(),
        ] {
            let seq = log.add(Actor::Machine, OWNER, [event]);
            projector.apply(&log.recorded).await.expect("projected");
            let told = after(&queries, seq - 1).await;
            assert!(told.iter().any(|changed| changed.row == Row::Operator(OWNER)), "{told:?}");
        }
    }

    pub async fn an_erasure_is_told_apart(db: Database) {
        let mut log = Log::story();
        let before = log.recorded.len() as u64;
        for event in
            [user::Event::from(user::DeletionRequested {}), user::Deleted {}.into(), user::Erased {}.into()]
        {
            log.add(owner(), USER, [event]);
        }
        let queries = projected(&db, &log).await;
        let mut moment = queries.moment().await.expect("a moment");
        assert!(moment.erased_after(before).await.expect("read"));
        assert!(!moment.erased_after(before + 3).await.expect("read"));
        drop(moment);
        assert!(after(&queries, before).await.iter().any(|changed| changed.row == Row::Erased(USER)));
    }

    pub async fn the_phones_verdict_is_the_last_reports(db: Database) {
        let mut log = Log::story();
        let mut projector = projector(&db).await;
        projector.apply(&log.recorded).await.expect("projected");
        let queries = Queries::new(db.clone());
        let verdict =
            async || queries.user(USER).await.expect("read").expect("a user").devices[0].verdict.clone();
        assert_eq!(verdict().await, Some(log::verdict(Gate::Posture, "AU")));
        let elsewhere = log::verdict(Gate::Posture, "XX");
        let posture = session::PostureRecorded { device: DEVICE, policy: POLICY, verdict: elsewhere.clone() };
        let seq = log.add::<session::Event>(Actor::Device { id: DEVICE }, DENIED, [posture.into()]);
        projector.apply(&log.recorded).await.expect("projected");
        assert_eq!(verdict().await, Some(elsewhere));
        let told = after(&queries, seq - 1).await;
        assert!(told.iter().any(|changed| matches!(&changed.row, Row::User(row) if row.id == USER)));
    }
}
