//! The server's side of a phone's way: one phone, one session, one code.

use hpke::{
    Deserializable, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::DhP256HkdfSha256 as Kem,
};
use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use viworks_api::device::{
    DeviceStage, DeviceView, EnrolRequest, EnrolResponse, EnrolmentPayload, PostureRequest, WaitingSession,
};
use viworks_domain::{
    Millis, bytes,
    device::{DeviceKeys, enrolment_input},
    ids::{CodeId, DeviceId, Digest, OfferId, SessionId, UserId},
    label::Label,
    otp,
    policy::PostureValues,
    seal::SealedBox,
};

const DEVICE: DeviceId = DeviceId([2; 16]);
const OFFER: OfferId = OfferId([3; 16]);
const SECRET: [u8; 32] = [4; 32];
const SESSION: SessionId = SessionId([5; 16]);
const CHALLENGE: [u8; 32] = [6; 32];
const DESKTOP: Digest = Digest([7; 32]);
const ID: &str = "aeaqcaibaeaqcaibaeaqcaibae";

pub struct Server {
    url: String,
    house: Arc<House>,
}

struct House {
    ca: String,
    ca_digest: [u8; 32],
    view: watch::Sender<DeviceView>,
    looks: watch::Sender<u32>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    heard: Vec<String>,
    sign_key: Vec<u8>,
    agree_key: Vec<u8>,
    report: Option<PostureValues>,
    denies: bool,
    for_another: bool,
    verified_once_shown: bool,
}

impl Server {
    pub async fn start() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "an authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let house = Arc::new(House {
            ca: certificate.pem(),
            ca_digest: Sha256::digest(certificate.der()).into(),
            view: watch::Sender::new(DeviceView { seq: 1, session: None }),
            looks: watch::Sender::new(0),
            known: Mutex::default(),
        });
        let url = serve(&Issuer::new(params, key), Arc::clone(&house)).await;
        Self { url, house }
    }

    pub fn payload(&self) -> EnrolmentPayload {
        EnrolmentPayload {
            url: self.url.clone(),
            ca: self.house.ca_digest.to_vec().into(),
            device: DEVICE,
            offer: OFFER,
            secret: SECRET.to_vec().into(),
        }
    }

    pub fn stage(&self, stage: Option<DeviceStage>) {
        self.house.stage(stage);
    }

    pub fn denies(&self) {
        self.house.known().denies = true;
    }

    pub fn seals_for_another(&self) {
        self.house.known().for_another = true;
    }

    pub fn verified_once_shown(&self) {
        self.house.known().verified_once_shown = true;
    }

    /// Until somebody has asked for the session.
    pub async fn looked_at(&self) {
        let mut looks = self.house.looks.subscribe();
        looks.wait_for(|looks| *looks > 0).await.expect("the house stands");
    }

    pub fn report(&self) -> Option<PostureValues> {
        self.house.known().report.clone()
    }

    /// First lines of the requests.
    pub fn heard(&self) -> Vec<String> {
        self.house.known().heard.clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "the stand-in's clock")]
fn later(seconds: u64) -> Millis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    Millis(u64::try_from(now).expect("in time") + seconds * 1_000)
}

fn verified(key: &[u8], input: &[u8], signature: &[u8]) -> bool {
    let key = VerifyingKey::from_sec1_bytes(key).expect("a key");
    key.verify(input, &Signature::from_slice(signature).expect("64 bytes")).is_ok()
}

impl House {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().expect("not poisoned")
    }

    fn stage(&self, stage: Option<DeviceStage>) {
        let session = stage.map(|stage| WaitingSession {
            session: SESSION,
            stage,
            challenge: CHALLENGE.to_vec().into(),
            desktop_key: DESKTOP,
            desktop_name: "ada's laptop".into(),
            from: "10.77.0.11".into(),
            answer_by: later(300),
        });
        self.view.send_modify(|view| *view = DeviceView { seq: view.seq + 1, session });
    }

    /// The code, sealed by an independent implementation of RFC 9180.
    fn code(&self) -> DeviceStage {
        let (code, expires_at) = (CodeId([8; 16]), later(120));
        let device = if self.known().for_another { DeviceId([9; 16]) } else { DEVICE };
        let aad = otp::sealed_aad(SESSION, device, code, expires_at);
        let public = <Kem as hpke::Kem>::PublicKey::from_bytes(&self.known().agree_key).expect("a point");
        let (enc, ciphertext) = hpke::single_shot_seal::<ChaCha20Poly1305, HkdfSha256, Kem>(
            &OpModeS::Base,
            &public,
            Label::SealOtp.as_bytes(),
            b"004217",
            &aad,
        )
        .expect("sealed");
        DeviceStage::Code { code, sealed: SealedBox { enc: enc.to_bytes().to_vec(), ciphertext }, expires_at }
    }

    async fn answer(&self, line: &str, body: &[u8]) -> String {
        let path = line.split_whitespace().nth(1).unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        match path {
            "/v1/ca" => return self.ca.clone(),
            "/v1/devices/enrol" => return self.enrol(body),
            "/v1/device/session" => return self.view(query).await,
            _ => {}
        }
        match path.rsplit('/').next().unwrap_or_default() {
            "posture" => self.posture(body),
            "code" => self.stage(Some(self.code())),
            _ => {}
        }
        json!({"command": ID, "correlation": ID, "seq": 9}).to_string()
    }

    fn enrol(&self, body: &[u8]) -> String {
        let request: EnrolRequest = serde_json::from_slice(body).expect("a request");
        assert_eq!(request.secret, Digest(Sha256::digest(SECRET).into()));
        let (sign, agree) = (request.sign_key.0, request.agree_key.0);
        let keys = DeviceKeys { sign, agree, protection: request.protection };
        let input = enrolment_input(request.offer, request.secret, &keys);
        assert!(verified(&keys.sign, &input, &request.signature.0), "the enrolment is not signed");
        let mut known = self.known();
        (known.sign_key, known.agree_key) = (keys.sign, keys.agree);
        let token = "vwd_x.y".to_owned();
        serde_json::to_string(&EnrolResponse { device: DEVICE, user: UserId([1; 16]), token }).expect("JSON")
    }

    async fn view(&self, query: &str) -> String {
        let after = query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse().ok()).unwrap_or(0);
        self.looks.send_modify(|looks| *looks += 1);
        let mut views = self.view.subscribe();
        let newer = views.wait_for(|view| view.seq > after);
        let _ = tokio::time::timeout(Duration::from_secs(20), newer).await;
        let view = self.view.borrow().clone();
        let shown = matches!(&view.session, Some(s) if matches!(s.stage, DeviceStage::Code { .. }));
        if shown && self.known().verified_once_shown {
            self.stage(Some(DeviceStage::Verified));
        }
        serde_json::to_string(&view).expect("JSON")
    }

    fn posture(&self, body: &[u8]) {
        let request: PostureRequest = serde_json::from_slice(body).expect("a request");
        let input = otp::posture_input(SESSION, &CHALLENGE, DESKTOP, &request.report.0);
        let report = bytes::decode(&request.report.0).expect("a report");
        let denies = {
            let mut known = self.known();
            assert!(verified(&known.sign_key, &input, &request.signature.0), "the report is not signed");
            known.report = Some(report);
            known.denies
        };
        let denied = || DeviceStage::Denied { advice: "ask your administrator".into() };
        self.stage(Some(if denies { denied() } else { self.code() }));
    }
}

async fn serve(issuer: &Issuer<'static, KeyPair>, house: Arc<House>) -> String {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, issuer).expect("a certificate");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().expect("a key"))
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, house) = (acceptor.clone(), Arc::clone(&house));
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                let Some((line, body)) = read(&mut tls).await else { return };
                house.known().heard.push(line.clone());
                let answer = house.answer(&line, &body).await;
                let length = answer.len();
                let head = format!("HTTP/1.1 200 X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
                let _ = tls.write_all(&[head.as_bytes(), answer.as_bytes()].concat()).await;
                let _ = tls.shutdown().await;
            });
        }
    });
    url
}

/// The request's first line, and its body.
async fn read(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                return Some((head.lines().next()?.to_owned(), bytes[end + 4..].to_vec()));
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return None,
        }
    }
}
