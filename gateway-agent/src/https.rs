//! The two questions that a gateway asks over HTTPS, with as little HTTP as they need: one request per
//! connection, TLS 1.3, one CA, no redirect, no proxy, an answer of bounded length.
//!
//! (The typed client of `api` would make this binary half as large again.)

use rustls::{
    ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::{io, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use viworks_api::{IDEMPOTENCY_KEY, gateway::CA_PATH, problem::Problem};

const PATIENCE: Duration = Duration::from_secs(20);
/// The largest answer is an enrolment's, with its certificates: a few kilobytes.
const LONGEST_ANSWER: u64 = 256 * 1024;
/// How often a command that got 202 is asked again: the same key means the same command.
const ASKED_AGAIN: u32 = 4;

#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    #[error("{0} is not an address such as https://control.example:8443")]
    BadUrl(String),
    #[error("the CA cannot be used")]
    BadCa,
    #[error("whoever answers is not who the token names")]
    OtherFingerprint,
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
    #[error("the control plane cannot be reached")]
    Unreachable(#[from] io::Error),
    #[error("{}{}", .0.title, .0.detail.as_ref().map(|d| format!(": {d}")).unwrap_or_default())]
    Problem(Box<Problem>),
    #[error("the answer (status {0}) makes no sense")]
    Unintelligible(u16),
    #[error("the control plane is still deciding; try again")]
    Undecided,
}

/// One server, under one CA.
#[derive(Clone)]
pub struct Https {
    authority: String,
    address: String,
    name: ServerName<'static>,
    tls: Arc<ClientConfig>,
}

impl Https {
    /// # Errors
    /// The URL is not `https://host[:port]`, or the PEM not one usable CA.
    pub fn new(url: &str, ca_pem: &str) -> Result<Self, HttpsError> {
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).map_err(|_| HttpsError::BadCa)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca).map_err(|_| HttpsError::BadCa)?;
        let tls = builder()?.with_root_certificates(roots).with_no_client_auth();
        Self::with(url, tls)
    }

    fn with(url: &str, mut tls: ClientConfig) -> Result<Self, HttpsError> {
        let bad = || HttpsError::BadUrl(url.to_owned());
        let authority = url.strip_prefix("https://").ok_or_else(bad)?.trim_end_matches('/');
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ', '\r', '\n']) {
            return Err(bad());
        }
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            _ => (authority, "443"),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let port: u16 = port.parse().map_err(|_| bad())?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad())?;
        let address = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { authority: authority.to_owned(), address, name, tls: Arc::new(tls) })
    }

    /// The server's CA as PEM, if its SHA-256 is the one that came on another way. Until it is compared nobody
    /// is believed and nothing is told.
    ///
    /// # Errors
    /// [`HttpsError::OtherFingerprint`] when somebody else answers.
    pub async fn fetch_ca(url: &str, fingerprint: &[u8]) -> Result<String, HttpsError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unseen = Arc::new(Unseen(provider));
        let tls = builder()?.dangerous().with_custom_certificate_verifier(unseen).with_no_client_auth();
        let request = "GET {path} HTTP/1.1\r\n".replace("{path}", CA_PATH);
        let (status, body) = Self::with(url, tls)?.ask(&request, &[]).await?;
        let pem = String::from_utf8(body).map_err(|_| HttpsError::Unintelligible(status))?;
        let ca = CertificateDer::from_pem_slice(pem.as_bytes()).map_err(|_| HttpsError::BadCa)?;
        if status == 200 && Sha256::digest(&ca).as_slice() == fingerprint {
            Ok(pem)
        } else {
            Err(HttpsError::OtherFingerprint)
        }
    }

    /// A command; asked again with the same key until it is decided.
    ///
    /// # Errors
    /// [`HttpsError::Problem`] with the server's own words when it refuses.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &[u8; 16],
        body: &impl Serialize,
    ) -> Result<T, HttpsError> {
        let body = serde_json::to_vec(body).map_err(|_| HttpsError::Unintelligible(0))?;
        let key = data_encoding::BASE32_NOPAD.encode(key).to_ascii_lowercase();
        let head = format!(
            "POST {path} HTTP/1.1\r\ncontent-type: application/json\r\n{IDEMPOTENCY_KEY}: {key}\r\n\
             content-length: {}\r\n",
            body.len()
        );
        for _ in 0..=ASKED_AGAIN {
            let (status, answer) = self.ask(&head, &body).await?;
            return match status {
                202 => continue,
                200..=299 => serde_json::from_slice(&answer).map_err(|_| HttpsError::Unintelligible(status)),
                _ => Err(serde_json::from_slice(&answer)
                    .map_or(HttpsError::Unintelligible(status), |p| HttpsError::Problem(Box::new(p)))),
            };
        }
        Err(HttpsError::Undecided)
    }

    /// Status and body.
    async fn ask(&self, head: &str, body: &[u8]) -> Result<(u16, Vec<u8>), HttpsError> {
        let asked = async {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let connector = TlsConnector::from(Arc::clone(&self.tls));
            let mut stream = connector.connect(self.name.clone(), stream).await?;
            let request = format!(
                "{head}host: {}\r\nuser-agent: viworks-agent/{}\r\naccept: application/json\r\n\
                 connection: close\r\n\r\n",
                self.authority,
                env!("CARGO_PKG_VERSION")
            );
            stream.write_all(&[request.as_bytes(), body].concat()).await?;
            stream.flush().await?;
            let mut answer = vec![];
            let read = (&mut stream).take(LONGEST_ANSWER).read_to_end(&mut answer).await;
            Ok::<_, io::Error>((read, answer))
        };
        let (read, answer) = timeout(PATIENCE, asked).await.map_err(io::Error::from)??;
        match (parse(&answer), read) {
            // Whole by its own length: how the connection ended does not matter.
            (Some(answer), _) => Ok(answer),
            (None, Err(error)) => Err(error.into()),
            (None, Ok(_)) => Err(HttpsError::Unintelligible(0)),
        }
    }
}

fn builder() -> Result<rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])
}

/// Status and body of a whole answer with a `content-length`; our server always gives one.
fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    })?;
    let body = answer.get(end + 4..)?.get(..length)?;
    Some((status, body.to_vec()))
}

/// Believes nobody and lets anybody speak: for the one answer that is compared with a fingerprint.
#[derive(Debug)]
struct Unseen(Arc<CryptoProvider>);

impl ServerCertVerifier for Unseen {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.3 only".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_https_authority_is_an_address() {
        let tls = || builder().unwrap().with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let of = |url: &str| Https::with(url, tls()).map(|https| https.address).ok();
        assert_eq!(of("https://10.77.0.1:8443").as_deref(), Some("10.77.0.1:8443"));
        assert_eq!(of("https://control.example/").as_deref(), Some("control.example:443"));
        assert_eq!(of("https://[::1]:8443").as_deref(), Some("[::1]:8443"));
        for wrong in ["http://a", "https://", "https://a/b", "https://u@a", "https://a:x", "a", "https://a b"]
        {
            assert_eq!(of(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_answer_is_whole_or_none() {
        let answer = b"HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(parse(answer), Some((409, b"{}".to_vec())));
        for cut in 0..answer.len() {
            assert_eq!(parse(&answer[..cut]), None);
        }
        assert_eq!(parse(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"), None);
    }
}
