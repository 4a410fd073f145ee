//! The server's side of a desktop's way, with one user, one password and one code.

use crate::{authority::Authority, gateway, gateway::Gateway};
use rustls::ServerConfig;
use serde_json::json;
use std::{
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    sync::watch,
};
use tokio_rustls::TlsAcceptor;
use viworks_api::desktop::{
    AnswerRequest, AnswerResponse, Bootstrap, BootstrapRequest, DesktopStage, DesktopView, OpenRequest,
    OpenResponse,
};
use viworks_domain::{
    Millis,
    ids::{BootstrapId, Digest, SessionId},
};

const CORRELATION: &str = "aeaqcaibaeaqcaibaeaqcaibae";

pub struct Api {
    pub url: String,
    pub ca: PathBuf,
    house: Arc<House>,
}

struct House {
    view: watch::Sender<DesktopView>,
    heard: Mutex<Vec<String>>,
    bootstraps: AtomicUsize,
    wrong: AtomicUsize,
    other_key: AtomicBool,
    gateways: Authority,
    sessions: Authority,
    spa_port: u16,
    tls_port: u16,
    key: Digest,
}

impl Api {
    pub async fn start(dir: &Path, gateways: Authority, sessions: Authority, gateway: &Gateway) -> Self {
        let https = Authority::new();
        let ca = dir.join("ca.pem");
        std::fs::write(&ca, &https.pem).expect("written");
        let first = DesktopView { seq: 1, stage: DesktopStage::WaitingForPhone { answer_by: later(300) } };
        let house = Arc::new(House {
            view: watch::Sender::new(first),
            heard: Mutex::default(),
            bootstraps: AtomicUsize::new(0),
            wrong: AtomicUsize::new(0),
            other_key: AtomicBool::new(false),
            gateways,
            sessions,
            spa_port: gateway.spa_port,
            tls_port: gateway.tls_port,
            key: gateway.key,
        });
        let url = serve(&https, Arc::clone(&house)).await;
        Self { url, ca, house }
    }

    pub fn stage(&self, stage: DesktopStage) {
        self.house.stage(stage);
    }

    pub fn phone_speaks(&self) {
        self.stage(DesktopStage::CodeRequired { answer_by: later(300), wrong_answers_left: 5 });
    }

    pub fn promise_another_key(&self) {
        self.house.other_key.store(true, Ordering::SeqCst);
    }

    pub fn bootstraps(&self) -> usize {
        self.house.bootstraps.load(Ordering::SeqCst)
    }

    /// First lines of the requests.
    pub fn heard(&self) -> Vec<String> {
        self.house.heard.lock().expect("not poisoned").clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "the stand-in's clock")]
fn later(seconds: u64) -> Millis {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis();
    Millis(u64::try_from(now).expect("in time") + seconds * 1_000)
}

impl House {
    fn stage(&self, stage: DesktopStage) {
        self.view.send_modify(|view| *view = DesktopView { seq: view.seq + 1, stage });
    }

    async fn answer(&self, line: &str, body: &[u8]) -> (u16, String) {
        let path = line.split_whitespace().nth(1).unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        if line.starts_with("GET") {
            let after =
                query.split('&').find_map(|pair| pair.strip_prefix("after=")?.parse().ok()).unwrap_or(0);
            let mut views = self.view.subscribe();
            let newer = views.wait_for(|view| view.seq > after);
            let _ = tokio::time::timeout(Duration::from_secs(20), newer).await;
            return json_of(&*self.view.borrow());
        }
        match path.rsplit('/').next().unwrap_or_default() {
            "sessions" => self.open(body),
            "answer" => self.judge(body),
            "bootstrap" => self.bootstrap(body),
            _ => {
                let id = CORRELATION;
                (200, json!({"command": id, "correlation": id, "seq": 9}).to_string())
            }
        }
    }

    fn open(&self, body: &[u8]) -> (u16, String) {
        let request: OpenRequest = serde_json::from_slice(body).expect("a request");
        if request.password != "the password" {
            return (401, problem("sign_in", "Sign-in failed", 401));
        }
        let view = self.view.borrow().clone();
        let session = SessionId([1; 16]);
        json_of(&OpenResponse { session, token: "vws_x.y".into(), seq: view.seq, view: view.stage })
    }

    fn judge(&self, body: &[u8]) -> (u16, String) {
        let request: AnswerRequest = serde_json::from_slice(body).expect("a request");
        let verified = request.code == "492817";
        if verified {
            self.stage(DesktopStage::Verified { ends_at: later(3_600) });
        } else {
            let wrong = self.wrong.fetch_add(1, Ordering::SeqCst) + 1;
            let left = u8::try_from(5 - wrong).expect("answers left");
            self.stage(DesktopStage::CodeRequired { answer_by: later(300), wrong_answers_left: left });
        }
        let view = self.view.borrow().clone();
        json_of(&AnswerResponse { seq: view.seq, verified, stage: view.stage })
    }

    fn bootstrap(&self, body: &[u8]) -> (u16, String) {
        let request: BootstrapRequest = serde_json::from_slice(body).expect("a request");
        self.bootstraps.fetch_add(1, Ordering::SeqCst);
        let other = self.other_key.load(Ordering::SeqCst);
        json_of(&Bootstrap {
            bootstrap: BootstrapId([2; 16]),
            gateway: gateway::ID,
            gateway_address: Ipv4Addr::LOCALHOST,
            spa_port: self.spa_port,
            tls_port: self.tls_port,
            gateway_key: if other { Digest([9; 32]) } else { self.key },
            spa_key: gateway::SPA_KEY.to_vec().into(),
            client_address: Ipv4Addr::LOCALHOST.into(),
            certificate: self.sessions.client(&request.csr.0).pem(),
            gateway_ca: self.gateways.pem.clone(),
            address: Ipv4Addr::new(10, 8, 0, 10),
            page: "http://10.8.0.1/s/x/".into(),
            resources: vec!["wiki".into()],
            server_time: later(0),
            use_before: later(60),
            ends_at: later(3_600),
        })
    }
}

fn json_of(value: &impl serde::Serialize) -> (u16, String) {
    (200, serde_json::to_string(value).expect("JSON"))
}

fn problem(code: &str, title: &str, status: u16) -> String {
    let kind = format!("urn:viworks:problem:{code}");
    json!({"type": kind, "title": title, "status": status, "code": code, "correlation": CORRELATION})
        .to_string()
}

async fn serve(https: &Authority, house: Arc<House>) -> String {
    let (certificate, key) = https.server();
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().expect("a key"))
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, house) = (acceptor.clone(), Arc::clone(&house));
            tokio::spawn(async move {
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                let Some((line, body)) = read(&mut tls).await else { return };
                house.heard.lock().expect("not poisoned").push(line.clone());
                let (status, answer) = house.answer(&line, &body).await;
                let length = answer.len();
                let head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
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
