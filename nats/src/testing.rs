//! A real nats-server with the real configuration and identities, for tests: on a free port, in a directory of
//! its own, gone with the value.

mod server;

pub use server::{CA, CLIENT_CERTIFICATE, CLIENT_KEY, TestServer, find_server};

use crate::{
    Clock,
    bus::Bus,
    connect::{self, Link},
    identity::{
        claims::USER_LIFETIME,
        credentials::Credentials,
        nkey::{KeyPair, Kind},
        operator::Operator,
        push::Accounts,
        role::BusRole,
    },
    stream,
};
use async_nats::Client;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use viworks_domain::{
    Millis,
    aggregate::LogIdentity,
    ids::{BusAccount, GatewayId, LogId},
};

/// Every wait of a test ends here: far more than a loaded machine needs.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const LOG: LogIdentity = LogIdentity { log_id: LogId([1; 16]), epoch: 1 };

/// The machine's time; tests run against a server that has no other.
#[expect(clippy::disallowed_methods, reason = "the test's shell reads the clock here and nowhere else")]
pub fn now() -> Millis {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Millis(u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX))
}

pub fn machine_clock() -> Clock {
    Arc::new(now)
}

/// A clock that stands until it is moved, starting at the machine's time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicU64>);

impl Default for TestClock {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(now().0)))
    }
}

impl TestClock {
    pub fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(u64::try_from(by.as_millis()).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let this = self.clone();
        Arc::new(move || this.now())
    }
}

/// Asks until it is so, or panics saying what was waited for.
///
/// # Panics
/// When [`PATIENCE`] runs out.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(tokio::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A gateway as far as the bus knows it.
#[derive(Clone, Debug)]
pub struct TestGateway {
    pub id: GatewayId,
    pub account: BusAccount,
    pub user: KeyPair,
    pub jwt: String,
}

impl TestGateway {
    pub fn credentials(&self) -> Credentials {
        Credentials::fixed(self.user.clone(), self.jwt.clone())
    }
}

impl TestServer {
    /// Enrols a gateway: its account is pushed, its consumer made, its user minted.
    ///
    /// # Panics
    /// When the server does not take it.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn gateway(&self, n: u8) -> TestGateway {
        let id = GatewayId([n; 16]);
        let account = self.operator.gateway_account(id).expect("its own kind of key");
        let jwt = self.operator.gateway_account_jwt(id, now()).expect("minted");
        Accounts::new(self.system().await).push(&account, &jwt).await.expect("pushed");
        stream::ensure_gateway(&self.bus(BusRole::Admission).await, &account).await.expect("a consumer");
        let user = KeyPair::generate(Kind::User).expect("entropy");
        let jwt = self.operator.gateway_user(id, &user.public(), now(), USER_LIFETIME).expect("minted");
        TestGateway { id, account, user, jwt }
    }

    /// A connection of that role, with streams and consumers made.
    ///
    /// # Panics
    /// When the server does not accept it.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn bus(&self, role: BusRole) -> Bus {
        Bus::connect(&self.link(), &self.credentials(role), role).await.expect("connects")
    }

    /// The credentials of that role.
    ///
    /// # Panics
    /// Never for a server's own operator.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub fn credentials(&self, role: BusRole) -> Credentials {
        let text = self.operator.role_credentials(role, now()).expect("minted");
        Credentials::from_text(&text).expect("its own text")
    }

    /// A connection of the system account.
    ///
    /// # Panics
    /// When the server does not accept it.
    #[expect(clippy::expect_used, reason = "for tests only")]
    pub async fn system(&self) -> Client {
        let text = self.operator.system_credentials(now()).expect("minted");
        let credentials = Credentials::from_text(&text).expect("its own text");
        connect::connect(&self.link(), &credentials, "system", "_INBOX.system").await.expect("connects")
    }

    pub fn operator(&self) -> &Arc<Operator> {
        &self.operator
    }

    pub fn link(&self) -> Link {
        Link { servers: vec![self.url()], tls: self.client_tls.clone() }
    }
}
