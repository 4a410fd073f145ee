//! Gateways on the bus: orders, reports, telemetry; enrolment, expiry and revocation.

use ed25519_dalek::SigningKey;
use futures_util::StreamExt;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use viworks_domain::{
    Millis, bytes,
    envelope::{self, Kind},
    gateway::Health,
    gateway_bus::{End, GatewayCommand, News, Order, Report, Telemetry},
    ids::{BusAccount, EndId, Incarnation, SessionId},
    process::gateway_command,
    session::EndReason,
};
use viworks_nats::{
    connect,
    gateway_bus::{
        agent::{AgentBus, renewing},
        intake::{self, FindGateway, KnownGateway, ReportIntake},
        orders::OrderSender,
    },
    identity::{
        claims,
        credentials::Credentials,
        push::{Accounts, PushError},
        role::BusRole,
    },
    subject::local,
    testing::{LOG, PATIENCE, TestGateway, TestServer, now, until},
};

#[tokio::test]
async fn orders_arrive_in_order_and_again_until_they_are_acknowledged() {
    let mut server = TestServer::start().await;
    let gateway = server.gateway(7).await;
    let orders = OrderSender::new(server.bus(BusRole::Process).await, order_key());
    let agent = AgentBus::connect(&server.link(), &gateway.credentials()).await.unwrap();
    for seq in 1..=3 {
        orders.send(&gateway.account, &end(&gateway, seq)).await.unwrap();
    }
    let mut inbox = agent.orders().await.unwrap();
    for seq in 1..=3 {
        let delivery = inbox.next().await.unwrap();
        assert_eq!(opened(delivery.payload()), end(&gateway, seq));
        // The third is not acknowledged.
        if seq < 3 {
            delivery.double_ack().await.unwrap();
        }
    }
    drop(inbox);
    // The server dies with it; both come back, and so does the order.
    server.kill();
    server.restart().await;
    let mut inbox = agent.orders().await.unwrap();
    // A killed server may have forgotten acknowledgements: older orders come again, none is left out.
    let third = async {
        loop {
            let delivery = inbox.next().await.unwrap();
            let order = opened(delivery.payload());
            until("it is acknowledged", || async { delivery.double_ack().await.ok() }).await;
            if order == end(&gateway, 3) {
                break;
            }
        }
    };
    // The third waits until its consumer's patience has run out, ten seconds.
    tokio::time::timeout(PATIENCE * 2, third).await.unwrap();
}

#[tokio::test]
async fn a_report_is_durable_when_acknowledged_and_comes_in_verified_under_its_gateways_account() {
    let server = TestServer::start().await;
    let (gateway, other) = (server.gateway(7).await, server.gateway(8).await);
    let agent = AgentBus::connect(&server.link(), &gateway.credentials()).await.unwrap();
    // Not genuine, each in its way: no envelope, another key, another gateway's name.
    agent.report(b"no envelope".to_vec()).await.unwrap();
    let stranger = SigningKey::from_bytes(&[1; 32]);
    agent
        .report(envelope::seal(Kind::Report, &stranger, &bytes::encode(&report(&gateway, 1))))
        .await
        .unwrap();
    agent.report(sealed(&report(&other, 1))).await.unwrap();
    let seq = agent.report(sealed(&report(&gateway, 2))).await.unwrap();
    assert_eq!(seq, 4);

    let known = Known(gateway.clone());
    let mut intake = ReportIntake::open(server.bus(BusRole::Intake).await, LOG, known).await.unwrap();
    let incoming = tokio::time::timeout(PATIENCE, intake.next()).await.unwrap().unwrap();
    assert_eq!((incoming.report.report_n, &incoming.account), (2, &gateway.account));
    incoming.done().await.unwrap();
    let setup = server.bus(BusRole::Setup).await;
    let parked = setup.jetstream.get_stream("VW_PARKED").await.unwrap().cached_info().state.messages;
    assert_eq!(parked, 3);
}

#[tokio::test]
async fn telemetry_and_leases_pass_without_being_kept() {
    let server = TestServer::start().await;
    let gateway = server.gateway(7).await;
    let agent = AgentBus::connect(&server.link(), &gateway.credentials()).await.unwrap();
    let api = server.bus(BusRole::Api).await;
    let mut readings = std::pin::pin!(intake::telemetry(&api).await.unwrap());
    let reading = Telemetry { at: Millis(5), ..Telemetry::default() };
    let (account, seen) = until("a reading is heard", async || {
        agent.telemetry(&reading).await.unwrap();
        tokio::time::timeout(Duration::from_millis(100), readings.next()).await.ok().flatten()
    })
    .await;
    assert_eq!((account, seen), (gateway.account.clone(), reading));

    let mut leases = agent.leases().await.unwrap();
    let orders = OrderSender::new(server.bus(BusRole::Process).await, order_key());
    let lease = until("a lease is heard", async || {
        orders.send_lease(&gateway.account, &end(&gateway, 1)).await.unwrap();
        tokio::time::timeout(Duration::from_millis(100), leases.next()).await.ok()
    })
    .await
    .unwrap();
    assert_eq!(opened(&lease), end(&gateway, 1));
}

#[tokio::test]
async fn an_expired_user_is_minted_anew_and_goes_on() {
    let server = TestServer::start().await;
    let gateway = server.gateway(7).await;
    let minted = Arc::new(AtomicU32::new(0));
    let (operator, count) = (Arc::clone(server.operator()), Arc::clone(&minted));
    let (id, user) = (gateway.id, gateway.user.public());
    // Each lives two seconds; renewed only once it is over.
    let mint = renewing(
        None,
        |_| Duration::ZERO,
        move || {
            count.fetch_add(1, Ordering::SeqCst);
            let jwt = operator.gateway_user(id, &user, now(), Duration::from_secs(2));
            async move { Ok(jwt.unwrap()) }
        },
    );
    let credentials = Credentials { user: gateway.user.clone(), mint };
    let agent = AgentBus::connect(&server.link(), &credentials).await.unwrap();
    until("it is connected", || async { agent.report(b"first".to_vec()).await.ok() }).await;
    let first = minted.load(Ordering::SeqCst);
    // The server cuts it off, and it comes back by itself with another.
    until("it was minted again", || async { (minted.load(Ordering::SeqCst) > first).then_some(()) }).await;
    until("it reports again", || async { agent.report(b"again".to_vec()).await.ok() }).await;
}

#[tokio::test]
async fn a_revoked_gateway_is_cut_off_and_stays_out_and_others_do_not_notice() {
    let server = TestServer::start().await;
    let (gateway, other) = (server.gateway(7).await, server.gateway(8).await);
    let agent = AgentBus::connect(&server.link(), &gateway.credentials()).await.unwrap();
    let bystander = AgentBus::connect(&server.link(), &other.credentials()).await.unwrap();
    until("it is connected", || async { agent.report(b"before".to_vec()).await.ok() }).await;
    until("the other too", || async { bystander.report(b"before".to_vec()).await.ok() }).await;

    let accounts = Accounts::new(server.system().await);
    let live = accounts.lookup(&gateway.account).await.unwrap().unwrap();
    let revoked = server.operator().revoked_account_jwt(gateway.id, Millis(now().0 + 1_000)).unwrap();
    accounts.push(&gateway.account, &revoked).await.unwrap();
    until("it is cut off", || async { agent.report(b"after".to_vec()).await.is_err().then_some(()) }).await;
    let again = connect::connect(&server.link(), &gateway.credentials(), "gateway", local::INBOX).await;
    assert!(again.is_err());
    bystander.report(b"still here".to_vec()).await.unwrap();

    // The account's earlier JWT would let it back in; it is not sent.
    assert!(claims::issued_at(&live) < claims::issued_at(&revoked));
    let older = accounts.push(&gateway.account, &live).await;
    assert!(matches!(older, Err(PushError::Older(_))), "{older:?}");
}

#[tokio::test]
async fn a_user_of_another_accounts_making_is_not_let_in() {
    let server = TestServer::start().await;
    let (gateway, other) = (server.gateway(7).await, server.gateway(8).await);
    // Without a JWT of its own account; with one that another account issued to somebody else.
    for (user, jwt) in [(&gateway.user, ""), (&gateway.user, other.jwt.as_str())] {
        let credentials = Credentials::fixed(user.clone(), jwt.to_owned());
        let connected = connect::connect(&server.link(), &credentials, "gateway", local::INBOX).await;
        assert!(connected.is_err());
    }
    for name in ["*", ">", "", gateway.account.as_str()] {
        let minted = server.operator().gateway_user(gateway.id, name, now(), Duration::from_secs(60));
        assert!(minted.is_err(), "{name}");
    }
}

fn order_key() -> SigningKey {
    SigningKey::from_bytes(&[21; 32])
}

fn report_key() -> SigningKey {
    SigningKey::from_bytes(&[22; 32])
}

fn end(gateway: &TestGateway, seq: u64) -> GatewayCommand {
    let end = End {
        session: SessionId([3; 16]),
        session_version: 4,
        end: EndId([5; 16]),
        reason: EndReason::WindowClosed,
    };
    gateway_command(gateway.id, Order::End(end), seq, 0, LOG, Millis(1))
}

fn opened(bytes_: &[u8]) -> GatewayCommand {
    let key = order_key().verifying_key();
    bytes::decode(envelope::open(Kind::GatewayCommand, bytes_, |_| Some(key)).unwrap()).unwrap()
}

fn report(gateway: &TestGateway, report_n: u64) -> Report {
    Report {
        log_id: LOG.log_id,
        epoch: LOG.epoch,
        gateway: gateway.id,
        incarnation: Incarnation([6; 16]),
        report_n,
        at: Millis(1),
        news: News::Health { health: Health::Up },
    }
}

fn sealed(report: &Report) -> Vec<u8> {
    envelope::seal(Kind::Report, &report_key(), &bytes::encode(report))
}

/// Knows one gateway, and that its reports are signed with [`report_key`].
struct Known(TestGateway);

impl FindGateway for Known {
    async fn find(
        &self,
        account: &BusAccount,
    ) -> Result<Option<KnownGateway>, Box<dyn std::error::Error + Send + Sync>> {
        let report_key = report_key().verifying_key();
        Ok((*account == self.0.account).then_some(KnownGateway { gateway: self.0.id, report_key }))
    }
}
