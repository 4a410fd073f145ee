//! What somebody should look at, until it is over.

crate::tests::checks! {
    late_receipts_are_an_alert_until_the_session_has_ended,
    a_gateway_that_is_not_up_is_an_alert_until_it_is,
    a_failed_step_is_an_alert_until_none_is,
    a_spent_day_of_answers_is_an_alert_until_a_new_phone,
    a_token_used_twice_is_an_alert,
}

mod checks {
    use crate::{
        AlertKind, Database, Queries,
        tests::{
            log::{self, DEVICE, END, GATEWAY, Log, SESSION, USER, owner},
            projector,
        },
    };
    use viworks_domain::{
        actor::Actor,
        device,
        gateway::{self, Health},
        ids::DeviceId,
        session::{self, Layer},
        user,
    };

    async fn open(db: &Database, log: &Log) -> Vec<(AlertKind, String)> {
        projector(db).await.apply(&log.recorded).await.expect("projected");
        let alerts = Queries::new(db.clone()).alerts(true).await.expect("read").rows;
        alerts.into_iter().map(|alert| (alert.kind, alert.subject)).collect()
    }

    pub async fn late_receipts_are_an_alert_until_the_session_has_ended(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.user();
        log.session();
        log.ending();
        let overdue = session::ReceiptsOverdue { end: END, missing: vec![Layer::Spa] };
        log.add::<session::Event>(log::agent(), SESSION, [overdue.into()]);
        assert_eq!(open(&db, &log).await, [(AlertKind::ReceiptsOverdue, SESSION.to_string())]);
        let row = Queries::new(db.clone()).session(SESSION).await.expect("read").expect("a session");
        assert!(row.receipts_overdue);
        for layer in Layer::AT_GATEWAY {
            log.receipt(layer);
        }
        assert_eq!(open(&db, &log).await, []);
        assert_eq!(Queries::new(db.clone()).alerts(false).await.expect("read").rows.len(), 2);
    }

    pub async fn a_gateway_that_is_not_up_is_an_alert_until_it_is(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.health(Health::Down);
        assert_eq!(open(&db, &log).await, [(AlertKind::GatewayDown, GATEWAY.to_string())]);
        log.health(Health::Up);
        assert_eq!(open(&db, &log).await, []);
        log.health(Health::Degraded);
        assert_eq!(open(&db, &log).await.len(), 1);
        log.add::<gateway::Event>(owner(), GATEWAY, [gateway::Retired {}.into()]);
        assert_eq!(open(&db, &log).await, []);
    }

    pub async fn a_failed_step_is_an_alert_until_none_is(db: Database) {
        let mut log = Log::default();
        log.ground();
        log.user();
        let failed = log.recorded.iter().position(|r| {
            r.decision.aggregate == USER.into() && r.decision.events.iter().any(|e| e.kind == 3)
        });
        let all = std::mem::take(&mut log.recorded);
        log.recorded = all[..=failed.expect("a failed step")].to_vec();
        assert_eq!(open(&db, &log).await, [(AlertKind::StepFailed, USER.to_string())]);
        log.recorded = all;
        assert_eq!(open(&db, &log).await, []);
    }

    pub async fn a_spent_day_of_answers_is_an_alert_until_a_new_phone(db: Database) {
        let mut log = Log::story();
        log.refuse(log::person(), USER, "user.too_many_attempts");
        assert_eq!(open(&db, &log).await, [(AlertKind::AttemptsSpent, USER.to_string())]);
        let added = user::DeviceAdded { device: DeviceId([55; 16]) };
        log.add::<user::Event>(owner(), USER, [added.into()]);
        assert_eq!(open(&db, &log).await, []);
    }

    pub async fn a_token_used_twice_is_an_alert(db: Database) {
        let mut log = Log::story();
        log.add::<device::Event>(Actor::Stranger, DEVICE, [device::Revoked {}.into()]);
        assert_eq!(open(&db, &log).await, [(AlertKind::TokenUsedTwice, DEVICE.to_string())]);
    }
}
