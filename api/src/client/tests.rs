//! Against a real TLS 1.3 server in this process that answers from a script and remembers what it was asked.

use super::*;
use crate::{operator::SignInRequest, problem::code};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::sync::{Arc, Mutex};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};

const ACCEPTED: &str =
    r#"{"command":"aeaqcaibaeaqcaibaeaqcaibae","correlation":"aeaqcaibaeaqcaibaeaqcaibae","seq":7}"#;
const PENDING: &str =
    r#"{"command":"aeaqcaibaeaqcaibaeaqcaibae","correlation":"aeaqcaibaeaqcaibaeaqcaibae"}"#;
const PROBLEM: &str = r#"{"type":"urn:viworks:problem:sign_in","title":"Sign-in failed","status":401,"code":"sign_in","correlation":"aeaqcaibaeaqcaibaeaqcaibae"}"#;

struct Server {
    url: String,
    ca: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("not poisoned").clone()
    }

    fn client(&self) -> Client {
        Client::new(&self.url, &Ca::from_pem(self.ca.as_bytes()).expect("a CA")).expect("a client")
    }
}

fn key() -> IdempotencyKey {
    IdempotencyKey::from_random([1; 16])
}

fn sign_in() -> SignInRequest {
    SignInRequest { name: "owner".into(), password: "secret".into() }
}

#[tokio::test]
async fn a_problem_is_a_typed_error_with_its_correlation() {
    let server = serve(vec![(401, PROBLEM.into())]).await;
    let error = server.client().sign_in(&key(), &sign_in()).await.err().expect("refused");
    assert_eq!(error.code(), Some(code::SIGN_IN));
    assert!(error.correlation().is_some());
    assert!(!error.is_worth_asking_again());
}

#[tokio::test]
async fn what_is_pending_is_asked_again_with_the_same_key() {
    let server = serve(vec![(202, PENDING.into()), (200, ACCEPTED.into())]).await;
    let id = viworks_domain::ids::UserId([1; 16]);
    let accepted = server.client().suspend_user(id, &key()).await.expect("decided");
    assert_eq!(accepted.seq, 7);
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked[0].starts_with("POST /v1/users/aeaqcaibaeaqcaibaeaqcaibae/suspend HTTP/1.1"));
    let header = format!("idempotency-key: {}", key().as_str());
    assert!(asked.iter().all(|request| request.contains(&header)));
}

#[tokio::test]
async fn a_bootstrap_is_never_asked_for_twice_with_one_key() {
    let server = serve(vec![(202, PENDING.into())]).await;
    let session = OpenSession::for_tests(server.client());
    let request = crate::desktop::BootstrapRequest { csr: vec![1].into() };
    let answer = session.bootstrap(&key(), &request).await;
    assert!(matches!(answer, Err(ApiError::Pending(_))));
    assert_eq!(server.asked().len(), 1);
}

#[tokio::test]
async fn the_token_travels_as_bearer_and_is_not_printed() {
    let me = r#"{"operator":"aeaqcaibaeaqcaibaeaqcaibae","name":"o","role":"owner","may":[],"expires_at":1}"#;
    let server = serve(vec![(200, me.into())]).await;
    let client = server.client().with_token("vwo_abc.def").expect("a token");
    client.me().await.expect("me");
    assert!(server.asked()[0].contains("authorization: Bearer vwo_abc.def"));
    assert!(!format!("{client:?}").contains("def"));
}

#[tokio::test]
async fn a_long_poll_says_what_it_has_seen_and_how_long_it_waits() {
    let server = serve(vec![(200, r#"{"seq":9,"session":null}"#.into())]).await;
    let device = server.client().as_device("vwd_abc.def").expect("a token");
    let view = device.session(Newer::than(8, Duration::from_secs(30))).await.expect("a view");
    assert_eq!(view.seq, 9);
    assert!(server.asked()[0].starts_with("GET /v1/device/session?after=8&wait=30 HTTP/1.1"));
}

#[tokio::test]
async fn a_server_under_another_ca_is_not_told_anything() {
    let (server, other) = (serve(vec![(200, ACCEPTED.into())]).await, authority().0);
    let ca = Ca::from_pem(other.as_bytes()).expect("a CA");
    let client = Client::new(&server.url, &ca).expect("a client");
    let error = client.sign_in(&key(), &sign_in()).await.err().expect("refused");
    assert!(matches!(error, ApiError::NotTrusted(_)), "{error:?}");
    assert!(server.asked().is_empty());
}

#[tokio::test]
async fn a_ca_is_kept_only_if_its_fingerprint_is_the_one_given() {
    let mut server = serve(vec![]).await;
    let pem = std::mem::take(&mut server.ca);
    let expected = Ca::from_pem(pem.as_bytes()).expect("a CA").fingerprint();

    let server = serve(vec![(200, pem.clone()), (200, pem)]).await;
    let ca = Ca::fetch(&server.url, &expected.0).await.expect("the CA");
    assert_eq!(ca.fingerprint(), expected);
    assert!(server.asked()[0].starts_with("GET /v1/ca HTTP/1.1"));
    let error = Ca::fetch(&server.url, &[0; 32]).await.expect_err("another");
    assert!(matches!(error, ApiError::Setup(SetupError::OtherFingerprint)));
}

#[tokio::test]
async fn nobody_at_the_address_is_worth_asking_again() {
    let url = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
        format!("https://{}", listener.local_addr().expect("an address"))
    };
    let client = Client::new(&url, &Ca::from_pem(authority().0.as_bytes()).expect("a CA")).expect("a client");
    let error = client.me().await.expect_err("nobody");
    assert!(matches!(error, ApiError::Unreachable(_)) && error.is_worth_asking_again());
}

#[tokio::test]
async fn an_answer_that_is_not_ours_is_said_to_be_so() {
    for (status, body) in [(200, "<html>"), (502, "<html>"), (202, "{}"), (301, "")] {
        let server = serve(vec![(status, body.into())]).await;
        let error = server.client().me().await.expect_err("not ours");
        assert!(matches!(error, ApiError::Unintelligible { status: s } if s == status), "{status}");
    }
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let server = serve(vec![(200, "x".repeat(MAX_ANSWER + 1))]).await;
    assert!(matches!(server.client().me().await, Err(ApiError::TooLong)));
}

#[test]
fn only_a_plain_https_address_is_taken() {
    let ca = Ca::from_pem(authority().0.as_bytes()).expect("a CA");
    for wrong in
        ["http://h:1", "h:1", "https://", "https://u:p@h", "https://h/x", "https://h?x", "https://h#x"]
    {
        assert_eq!(Client::new(wrong, &ca).err(), Some(SetupError::BadUrl), "{wrong}");
    }
    assert!(Client::new("https://127.0.0.1:8443", &ca).is_ok());
    assert!(Client::new("https://[::1]:8443/", &ca).is_ok());
}

#[test]
fn a_file_with_no_certificate_or_two_is_no_ca() {
    let pem = authority().0;
    for wrong in [String::new(), "nonsense".into(), format!("{pem}{pem}")] {
        assert_eq!(Ca::from_pem(wrong.as_bytes()).err(), Some(SetupError::NotOneCertificate));
    }
}

fn authority() -> (String, Issuer<'static, KeyPair>) {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let certificate = params.self_signed(&key).expect("a certificate");
    (certificate.pem(), Issuer::new(params, key))
}

async fn serve(script: Vec<(u16, String)>) -> Server {
    let (ca, issuer) = authority();
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let log = asked.clone();
    tokio::spawn(async move {
        let mut script = script.into_iter();
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(mut tls) = acceptor.accept(tcp).await else { continue };
            let Some(request) = read_request(&mut tls).await else { continue };
            log.lock().expect("not poisoned").push(request);
            let (status, body) = script.next().expect("an answer in the script");
            let head =
                format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", body.len());
            let _ = tls.write_all(head.as_bytes()).await;
            let _ = tls.write_all(body.as_bytes()).await;
            let _ = tls.shutdown().await;
        }
    });
    Server { url, ca, asked }
}

/// Head and body, as text with header names in lower case.
async fn read_request(stream: &mut (impl AsyncReadExt + Unpin)) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return Some(text);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return None,
        }
    }
}
