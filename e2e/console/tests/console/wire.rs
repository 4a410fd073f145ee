//! The server without a browser: its key, and requests that no browser would make.

use crate::failure::{Done, Failure, fail};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use sha2::{Digest as _, Sha256};
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

const PATIENCE: Duration = Duration::from_secs(10);

/// How to know the server: by its certificate authority, and, for Chromium, by its one key.
pub struct Trust {
    /// `host:port`
    pub address: String,
    connector: TlsConnector,
    /// Base64 of the SHA-256 of the server's public key, for `--ignore-certificate-errors-spki-list`.
    pub spki: String,
}

impl Trust {
    pub fn of(url: &str, ca: &str) -> Done<Self> {
        let Some(address) = url.strip_prefix("https://") else { fail!("expected https, got {url}") };
        let pem = std::fs::read(ca)?;
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| Failure(format!("{ca}: {error}")))?;
            roots.add(certificate).map_err(|error| Failure(format!("{ca}: {error}")))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Failure(format!("TLS: {error}")))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let connector = TlsConnector::from(Arc::new(config));
        let mut trust = Self { address: address.to_owned(), connector, spki: String::new() };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        trust.spki = runtime.block_on(trust.shown_key())?;
        Ok(trust)
    }

    async fn connect(&self) -> Done<TlsStream<TcpStream>> {
        let host = self.address.rsplit_once(':').map_or(self.address.as_str(), |(host, _)| host).to_owned();
        let name = ServerName::try_from(host).map_err(|error| Failure(format!("{error}")))?;
        let tcp = TcpStream::connect(&self.address).await?;
        Ok(self.connector.connect(name, tcp).await?)
    }

    async fn shown_key(&self) -> Done<String> {
        let stream = self.connect().await?;
        let shown = stream.get_ref().1.peer_certificates().and_then(<[_]>::first);
        let Some(shown) = shown else { fail!("the server showed no certificate") };
        let (_, parsed) = x509_parser::parse_x509_certificate(shown)
            .map_err(|error| Failure(format!("the server's certificate: {error}")))?;
        Ok(data_encoding::BASE64.encode(&Sha256::digest(parsed.public_key().raw)))
    }

    /// The head of what is answered; `head` are the request's lines, without `Host` and the empty line at the end.
    pub async fn answer(&self, head: &[String]) -> Done<Answer> {
        let talk = async {
            let mut stream = self.connect().await?;
            let (first, rest) =
                head.split_first().map_or(("", &head[..0]), |(first, rest)| (first.as_str(), rest));
            let mut request = format!("{first}\r\nHost: {}\r\n", self.address);
            for line in rest {
                request.push_str(line);
                request.push_str("\r\n");
            }
            request.push_str("\r\n");
            stream.write_all(request.as_bytes()).await?;
            let mut said = Vec::new();
            let mut block = [0; 4096];
            while !said.windows(4).any(|end| end == b"\r\n\r\n") {
                match stream.read(&mut block).await? {
                    0 => break,
                    n => said.extend_from_slice(&block[..n]),
                }
            }
            Answer::read(&String::from_utf8_lossy(&said))
        };
        match tokio::time::timeout(PATIENCE, talk).await {
            Ok(answer) => answer,
            Err(_) => fail!("the server did not answer {head:?} within {} s", PATIENCE.as_secs()),
        }
    }
}

/// The head of an answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
}

impl Answer {
    fn read(text: &str) -> Done<Self> {
        let head = text.split("\r\n\r\n").next().unwrap_or_default();
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let Some(status) = status else { fail!("expected an HTTP answer, got {text:?}") };
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Ok(Self { status, headers })
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}
