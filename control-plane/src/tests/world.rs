//! A gateway and phones that hold their keys and speak the real protocols, with nothing behind them: what the
//! control plane sees of both.

use super::stand::{Stand, key};
use crate::{clock, entropy};
use ed25519_dalek::SigningKey;
use p256::{
    SecretKey,
    ecdsa::{self, Signature, signature::Signer as _},
    elliptic_curve::sec1::ToSec1Point as _,
    pkcs8::EncodePublicKey as _,
};
use rcgen::{CertificateParams, KeyPair};
use sha2::{Digest as _, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::{sync::mpsc, task::JoinHandle};
use viworks_api::{
    bytes::Bytes,
    client::{Client, EnrolledDevice, Newer, OpenSession},
    desktop::{AnswerRequest, BootstrapRequest, DesktopStage, DesktopView, OpenRequest, open_input},
    device::{DeviceStage, EnrolRequest, EnrolmentPayload, PostureRequest, WaitingSession},
    gateway::{self, EnrolmentToken, InviteRequest},
    policy::DraftRequest,
    user::{CreateRequest, UserState},
};
use viworks_domain::{
    bytes,
    device::{DeviceKeys, enrolment_input},
    envelope::{self, Kind},
    gateway::{Endpoint, Health},
    gateway_bus::{GatewayCommand, News, Order, Report, Telemetry},
    ids::{Digest, GatewayId, Incarnation, LogId, PolicyId, SessionId, UserId},
    label::Label,
    otp,
    policy::{Document, KeyProtection, PostureValues},
    seal,
    session::{Absence, Layer},
};
use viworks_nats::{
    connect::{self, Link},
    gateway_bus::agent::AgentBus,
    identity::{credentials::Credentials, nkey},
};

pub const PASSWORD: &str = "a good password";
/// The tunnel address that the gateway assigns.
pub const ADDRESS: [u8; 4] = [10, 8, 0, 10];
const PATIENCE: Duration = Duration::from_secs(20);

pub struct World {
    pub stand: Stand,
    pub owner: Client,
    pub policy: PolicyId,
    pub gateway: Gateway,
}

impl World {
    /// A policy that lets people in from Australia, and a gateway that is up.
    pub async fn up(concurrent_sessions: u32) -> Self {
        let stand = Stand::up().await;
        let (owner, _) = stand.owner().await;
        let document: Document = serde_json::from_value(serde_json::json!({
            "name": "office", "time_zone": "UTC", "windows": [], "not_after": null,
            "countries": { "allow": ["AU"], "deny": [] }, "posture": {},
            "resources": [{ "label": "wiki", "address": "10.78.0.2", "port": 80, "protocol": "tcp" }],
            "image": "page", "max_minutes": 60, "lease_seconds": 300,
            "concurrent_sessions": concurrent_sessions,
        }))
        .expect("a document");
        let draft = DraftRequest { document, activate: true };
        let policy = owner.draft_policy(&key(), &draft).await.expect("drafted").id;
        let gateway = Gateway::enrol(&stand, &owner).await;
        Self { stand, owner, policy, gateway }
    }

    /// Somebody all the way in: password, phone, code, bootstrap, tunnel.
    pub async fn connected(&self, name: &str) -> (UserId, Desktop) {
        let (user, phone) = self.person(name).await;
        let desktop = Desktop::sign_in(&self.stand.client(), name).await;
        let session = desktop.session.id();
        let code = phone.code_for(session).await;
        let answer = desktop.session.answer(&key(), &AnswerRequest { code }).await.expect("an answer");
        assert!(answer.verified);
        let request = BootstrapRequest { csr: desktop.request() };
        let bootstrap = desktop.session.bootstrap(&key(), &request).await.expect("released");
        self.gateway.tunnel_up(session, bootstrap.bootstrap);
        desktop.sees(|stage| matches!(stage, DesktopStage::Connected { .. })).await;
        (user, desktop)
    }

    /// A user whose steps the gateway has done, with an enrolled phone.
    pub async fn person(&self, name: &str) -> (UserId, Phone) {
        let request = CreateRequest {
            username: name.into(),
            password: PASSWORD.into(),
            policies: vec![self.policy],
            gateways: vec![self.gateway.id],
            instead: None,
        };
        let user = self.owner.create_user(&key(), &request).await.expect("created");
        let mut newer = Newer::than(user.accepted.seq, PATIENCE);
        loop {
            let shown = self.owner.user(user.id, newer).await.expect("shown");
            if shown.row.state == UserState::Active {
                break;
            }
            newer = Newer::than(shown.seq + 1, PATIENCE);
        }
        let offer = self.owner.enrol_phone(user.id, &key()).await.expect("offered");
        (user.id, Phone::enrol(&self.stand.client(), &offer.payload).await)
    }
}

/// What an agent does on the bus, without a tunnel behind it.
pub struct Gateway {
    pub id: GatewayId,
    /// What the test lets it report.
    news: mpsc::UnboundedSender<News>,
    pub telemetry: mpsc::UnboundedSender<Telemetry>,
    running: JoinHandle<()>,
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.running.abort();
    }
}

impl Gateway {
    async fn enrol(stand: &Stand, owner: &Client) -> Self {
        let endpoint = Endpoint { address: [10, 0, 0, 1].into(), spa_port: 62201, tls_port: 443 };
        let invite = InviteRequest { name: "gw1".into(), endpoint };
        let invited = owner.invite_gateway(&key(), &invite).await.expect("invited");
        let token = EnrolmentToken::parse(&invited.token).expect("a token");
        let user = nkey::KeyPair::generate(nkey::Kind::User).expect("entropy");
        let bus_key = KeyPair::generate().expect("a key");
        let report_key = SigningKey::from_bytes(&entropy::bytes());
        let request = gateway::EnrolRequest {
            gateway: token.gateway,
            secret: token.secret,
            bus_user: user.public(),
            bus_csr: request_for(&bus_key),
            tls_csr: request_for(&KeyPair::generate().expect("a key")),
            vpn_csr: request_for(&KeyPair::generate().expect("a key")),
            opening_key: Bytes(point(&scalar())),
            report_key: Bytes(report_key.verifying_key().to_bytes().to_vec()),
        };
        let enrolled = stand.client().enrol_gateway(&key(), &request).await.expect("enrolled");
        let tls = connect::tls(&enrolled.bus_ca, &enrolled.bus_certificate, &bus_key.serialize_pem());
        let link = Link { servers: enrolled.bus_urls.clone(), tls: tls.expect("TLS") };
        let credentials = Credentials::fixed(user, enrolled.bus_jwt.clone());
        let bus = AgentBus::connect(&link, &credentials).await.expect("a bus");
        let (news, asked) = mpsc::unbounded_channel();
        let (telemetry, measured) = mpsc::unbounded_channel();
        let agent = Agent {
            id: invited.id,
            log_id: enrolled.log_id,
            epoch: enrolled.epoch,
            incarnation: Incarnation(entropy::bytes()),
            report_key,
            report_n: 0,
            bus,
        };
        let root = <[u8; 32]>::try_from(enrolled.root_key.0.as_slice()).expect("32 bytes");
        let root = ed25519_dalek::VerifyingKey::from_bytes(&root).expect("a key");
        let keys = enrolled.keys.verify(&root, clock::now()).expect("signed by the root").keys;
        Self { id: invited.id, news, telemetry, running: tokio::spawn(agent.run(keys, asked, measured)) }
    }

    pub fn health(&self, health: Health) {
        self.news.send(News::Health { health }).expect("the gateway runs");
    }

    /// The pinned TLS connection and the tunnel of a session stand.
    pub fn tunnel_up(&self, session: SessionId, bootstrap: viworks_domain::ids::BootstrapId) {
        let layer = |layer| News::Layer { session, layer, up: true };
        for news in [News::Consumed { session, bootstrap }, layer(Layer::Tls), layer(Layer::Vpn)] {
            self.news.send(news).expect("the gateway runs");
        }
    }
}

/// Agents that say nothing are down.
const WORD_EVERY: Duration = Duration::from_secs(2);

struct Agent {
    id: GatewayId,
    log_id: LogId,
    epoch: u32,
    incarnation: Incarnation,
    report_key: SigningKey,
    report_n: u64,
    bus: AgentBus,
}

impl Agent {
    async fn run(
        mut self,
        keys: Vec<[u8; 32]>,
        mut asked: mpsc::UnboundedReceiver<News>,
        mut measured: mpsc::UnboundedReceiver<Telemetry>,
    ) {
        self.report(News::Started { sessions: vec![] }).await;
        self.report(News::Health { health: Health::Up }).await;
        let mut orders = self.bus.orders().await.expect("orders");
        let mut words = tokio::time::interval(WORD_EVERY);
        loop {
            tokio::select! {
                // That it lives, and nothing more. While the bus is away nobody hears it.
                _ = words.tick() => drop(self.bus.telemetry(&Telemetry::default()).await),
                Some(news) = asked.recv() => self.report(news).await,
                Some(word) = measured.recv() => self.bus.telemetry(&word).await.expect("said"),
                delivery = orders.next() => {
                    let delivery = delivery.expect("the bus");
                    let body = envelope::open(Kind::GatewayCommand, delivery.payload(), |id| {
                        let known = keys.iter().find(|key| envelope::KeyId::of(*key) == id)?;
                        ed25519_dalek::VerifyingKey::from_bytes(known).ok()
                    });
                    let command: GatewayCommand = bytes::decode(body.expect("signed")).expect("an order");
                    assert_eq!(command.recipient, self.id);
                    self.obey(command.order).await;
                    delivery.ack().await.expect("acknowledged");
                }
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Provision(step) => {
                let (user, place, action, attempt) = (step.user, step.place, step.action, step.attempt);
                self.report(News::Step { user, place, action, attempt, result: Ok(()) }).await;
            }
            Order::Admit(admit) => {
                let (session, bootstrap) = (admit.session, admit.bootstrap);
                self.report(News::Admitted { session, bootstrap, address: ADDRESS.into() }).await;
            }
            Order::End(end) => {
                for layer in Layer::AT_GATEWAY {
                    let (session, end, absence) = (end.session, end.end, Absence::Gone);
                    self.report(News::Receipt { session, end, layer, absence }).await;
                }
            }
            Order::Renew(_) | Order::Keys(_) => {}
        }
    }

    async fn report(&mut self, news: News) {
        self.report_n += 1;
        let report = Report {
            log_id: self.log_id,
            epoch: self.epoch,
            gateway: self.id,
            incarnation: self.incarnation,
            report_n: self.report_n,
            at: clock::now(),
            news,
        };
        let sealed = envelope::seal(Kind::Report, &self.report_key, &bytes::encode(&report));
        self.bus.report(sealed).await.expect("taken");
    }
}

/// A phone: two keys, and what it says of itself.
pub struct Phone {
    sign: SecretKey,
    agree: SecretKey,
    device: viworks_domain::ids::DeviceId,
    api: EnrolledDevice,
}

impl Phone {
    async fn enrol(client: &Client, payload: &str) -> Self {
        let payload = EnrolmentPayload::parse(payload).expect("a payload");
        let (sign, agree) = (scalar(), scalar());
        let secret = Digest(Sha256::digest(&payload.secret.0).into());
        let keys =
            DeviceKeys { sign: point(&sign), agree: point(&agree), protection: KeyProtection::Hardware };
        let request = EnrolRequest {
            device: payload.device,
            offer: payload.offer,
            secret,
            signature: signed(&sign, &enrolment_input(payload.offer, secret, &keys)),
            sign_key: Bytes(keys.sign),
            agree_key: Bytes(keys.agree),
            protection: keys.protection,
        };
        let enrolled = client.enrol_device(&key(), &request).await.expect("enrolled");
        let api = client.as_device(&enrolled.token).expect("a token");
        Self { sign, agree, device: payload.device, api }
    }

    /// The sign-in that waits for this phone, once it is as wanted.
    pub async fn sees(&self, wanted: impl Fn(&WaitingSession) -> bool) -> WaitingSession {
        let mut after = 0;
        loop {
            let newer = Newer { after: Some(after), wait: Some(PATIENCE) };
            let view = self.api.session(newer).await.expect("a view");
            if let Some(waiting) = view.session.filter(&wanted) {
                return waiting;
            }
            assert!(view.seq > after, "the phone waited in vain");
            after = view.seq;
        }
    }

    /// Speaks about a sign-in from where it is.
    pub async fn report(&self, waiting: &WaitingSession, country: &str) {
        let country = Some(country.parse().expect("a country"));
        let values = PostureValues {
            reported_at: clock::now(),
            os: "android".into(),
            os_version: "16".into(),
            network_country: country,
            sim_country: country,
            rooted: false,
            emulator: false,
            screen_lock: true,
            key_protection: KeyProtection::Hardware,
        };
        let report = bytes::encode(&values);
        let challenge = waiting.challenge.array().expect("32 bytes");
        let input = otp::posture_input(waiting.session, &challenge, waiting.desktop_key, &report);
        let request = PostureRequest { report: Bytes(report), signature: signed(&self.sign, &input) };
        self.api.post_posture(waiting.session, &key(), &request).await.expect("heard");
    }

    /// Reports from Australia and reads the code that only this phone opens.
    pub async fn code_for(&self, session: SessionId) -> String {
        let waiting = self.sees(|w| w.session == session && w.stage == DeviceStage::Posture).await;
        self.report(&waiting, "AU").await;
        let is_code = |w: &WaitingSession| matches!(w.stage, DeviceStage::Code { .. });
        let waiting = self.sees(|w| w.session == session && is_code(w)).await;
        let DeviceStage::Code { code, sealed, expires_at } = waiting.stage else { unreachable!() };
        let aad = otp::sealed_aad(session, self.device, code, expires_at);
        let digits = seal::open_with(&sealed, Label::SealOtp, &aad, &self.agree).expect("opens");
        String::from_utf8(digits.to_vec()).expect("digits")
    }

    pub async fn deny(&self, session: SessionId) {
        self.api.deny(session, &key()).await.expect("heard");
    }
}

/// A desktop at the moment of its sign-in.
pub struct Desktop {
    pub session: OpenSession,
    pub key: KeyPair,
}

impl Desktop {
    pub async fn sign_in(client: &Client, name: &str) -> Self {
        let (request, session_key) = Self::request_to_open(name);
        let (session, _) = client.open_session(&key(), &request).await.expect("opened");
        Self { session, key: session_key }
    }

    pub fn request_to_open(name: &str) -> (OpenRequest, KeyPair) {
        let (session_key, install) = (KeyPair::generate().expect("a key"), scalar());
        let session_spki = spki(&session_key);
        let install_spki = install.public_key().to_public_key_der().expect("encodes").as_bytes().to_vec();
        let request = OpenRequest {
            username: name.into(),
            password: PASSWORD.into(),
            desktop_name: "a desktop".into(),
            signature: signed(&install, &open_input(&session_spki, &install_spki)),
            session_key: Bytes(session_spki),
            install_key: Bytes(install_spki),
        };
        (request, session_key)
    }

    pub async fn sees(&self, wanted: impl Fn(&DesktopStage) -> bool) -> DesktopView {
        let mut after = 0;
        loop {
            let newer = Newer { after: Some(after), wait: Some(PATIENCE) };
            let view = self.session.view(newer).await.expect("a view");
            if wanted(&view.stage) {
                return view;
            }
            assert!(view.seq > after, "the desktop waited in vain; it sees {:?}", view.stage);
            after = view.seq;
        }
    }

    pub fn request(&self) -> Bytes {
        request_for(&self.key)
    }
}

pub fn spki(key: &KeyPair) -> Vec<u8> {
    use rcgen::PublicKeyData as _;
    key.subject_public_key_info()
}

pub fn other_than(code: &str) -> String {
    let last = if code.ends_with('7') { '3' } else { '7' };
    format!("{}{last}", &code[..5])
}

fn request_for(key: &KeyPair) -> Bytes {
    let request = CertificateParams::default().serialize_request(key).expect("a request");
    Bytes(request.der().to_vec())
}

fn scalar() -> SecretKey {
    loop {
        if let Ok(key) = SecretKey::from_slice(&entropy::bytes::<32>()) {
            return key;
        }
    }
}

fn point(key: &SecretKey) -> Vec<u8> {
    key.public_key().to_sec1_point(false).as_bytes().to_vec()
}

fn signed(key: &SecretKey, input: &[u8]) -> Bytes {
    let signature: Signature = ecdsa::SigningKey::from(key.clone()).sign(input);
    Bytes(signature.to_bytes().to_vec())
}

/// The bus's TLS as a session's certificate would try it.
pub fn with_certificate(bus_ca: &str, certificate: &str, key: &KeyPair) -> Arc<rustls::ClientConfig> {
    Arc::new(connect::tls(bus_ca, certificate, &key.serialize_pem()).expect("TLS"))
}
