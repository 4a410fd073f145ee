//! A gateway without its rules: it acks knocks, proxies TLS to OpenVPN, and admits whoever OpenVPN asks about.

use crate::{authority::Authority, ground::eventually};
use rustls::{RootCertStore, ServerConfig, server::WebPkiClientVerifier};
use sha2::{Digest as _, Sha256};
use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddrV4},
    path::Path,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, copy_bidirectional},
    net::{TcpListener, TcpStream, UdpSocket, UnixStream},
    sync::{mpsc, watch},
};
use tokio_rustls::TlsAcceptor;
use viworks_domain::{
    Millis,
    ids::{Digest, GatewayId},
    spa::Knock,
};

pub const ID: GatewayId = GatewayId([1; 16]);
pub const SPA_KEY: [u8; 32] = [4; 32];
const OPENVPN_PORT: u16 = 1194;
/// Seconds. OpenVPN waits for an answer half as long, and may round that down by a whole second: two were
/// sometimes none.
const RENEGOTIATES: u32 = 8;

pub struct Gateway {
    pub spa_port: u16,
    pub tls_port: u16,
    /// SHA-256 of the TLS server key's SPKI.
    pub key: Digest,
    tunnels: Arc<AtomicUsize>,
    cut: watch::Sender<u32>,
    say: mpsc::UnboundedSender<String>,
    openvpn: Child,
    /// What it says: open, for the directory may be gone before it is read.
    log: fs::File,
}

impl Gateway {
    pub async fn start(dir: &Path, gateways: &Authority, sessions: &Authority) -> Self {
        let (openvpn, log) = openvpn(dir, gateways, sessions);
        let tunnels = Arc::new(AtomicUsize::new(0));
        let say = manage(&dir.join("server.sock"), Arc::clone(&tunnels)).await;
        hide_the_servers_side().await;
        let spa_port = acknowledge().await;
        let (cut, cuts) = watch::channel(0);
        let (tls_port, key) = proxy(gateways, sessions, cuts).await;
        Self { spa_port, tls_port, key, tunnels, cut, say, openvpn, log }
    }

    /// How many were admitted.
    pub fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }

    /// As an end goes: the reason reaches the client before the connection does.
    pub fn halt(&self) {
        let last = self.tunnels() - 1;
        self.say.send(format!("client-kill {last} HALT,over\n")).expect("managed");
    }

    /// As a network does.
    pub fn break_connections(&self) {
        self.cut.send_modify(|n| *n += 1);
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.openvpn.kill();
        let _ = self.openvpn.wait();
        if std::thread::panicking() {
            println!("the server's OpenVPN said:\n{}", io::read_to_string(&self.log).unwrap_or_default());
        }
    }
}

fn openvpn(dir: &Path, gateways: &Authority, sessions: &Authority) -> (Child, fs::File) {
    let (certificate, key) = gateways.server();
    let config = format!(
        "mode server\ntls-server\nlocal 127.0.0.1\nport {OPENVPN_PORT}\nproto tcp-server\ndev srv0\ndev-type tun\n\
         topology subnet\nifconfig 10.8.0.1 255.255.255.0\nifconfig-pool 10.8.0.100 10.8.0.200 255.255.255.0\n\
         push \"topology subnet\"\npush \"route-gateway 10.8.0.1\"\npush \"dhcp-option DNS 10.8.0.1\"\n\
         push \"redirect-gateway def1\"\ndh none\ntls-version-min 1.3\nremote-cert-tls client\n\
         data-ciphers AES-128-GCM\nmanagement {sock} unix\nmanagement-client-auth\nkeepalive 10 30\n\
         socket-flags TCP_NODELAY\npush \"socket-flags TCP_NODELAY\"\nreneg-sec {RENEGOTIATES} {RENEGOTIATES}\nverb 3\n\
         <ca>\n{ca}</ca>\n<cert>\n{cert}</cert>\n<key>\n{key}</key>\n",
        sock = dir.join("server.sock").display(),
        ca = sessions.pem,
        cert = certificate.pem(),
        key = key.serialize_pem(),
    );
    let file = dir.join("server.conf");
    fs::write(&file, config).expect("written");
    let path = dir.join("server.log");
    let said = fs::File::create(&path).expect("a log");
    let log = fs::File::open(&path).expect("the log");
    let child = Command::new("openvpn").arg(&file).stdin(Stdio::null()).stdout(said).spawn();
    (child.expect("OpenVPN runs"), log)
}

/// Both ends are in one namespace: without its address, the server's end cannot be taken for the way to itself.
async fn hide_the_servers_side() {
    let ip = |words: &[&str]| Command::new("ip").args(words).output().expect("ip runs").stdout;
    eventually("the server's interface", || {
        let shown = ip(&["-o", "addr", "show", "dev", "srv0"]);
        String::from_utf8_lossy(&shown).contains("10.8.0.1/24").then_some(())
    })
    .await;
    ip(&["addr", "flush", "dev", "srv0"]);
}

/// Answers OpenVPN's questions: everybody is let in, with this session's address and route.
async fn manage(path: &Path, tunnels: Arc<AtomicUsize>) -> mpsc::UnboundedSender<String> {
    eventually("the server's management socket", || path.exists().then_some(())).await;
    let stream = UnixStream::connect(path).await.expect("connected");
    let (hear, mut speak) = stream.into_split();
    let (say, mut words) = mpsc::unbounded_channel::<String>();
    tokio::spawn(async move {
        while let Some(words) = words.recv().await {
            speak.write_all(words.as_bytes()).await.expect("said");
        }
    });
    let answer = say.clone();
    tokio::spawn(async move {
        let mut lines = BufReader::new(hear).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let asked =
                line.strip_prefix(">CLIENT:CONNECT,").or_else(|| line.strip_prefix(">CLIENT:REAUTH,"));
            let Some((cid, kid)) = asked.and_then(|ids| ids.split_once(',')) else { continue };
            tunnels.fetch_add(1, Ordering::SeqCst);
            let admitted = format!(
                "client-auth {cid} {kid}\nifconfig-push 10.8.0.10 255.255.255.0\n\
                 push \"route 10.9.2.2 255.255.255.255\"\nEND\nclient-pending-auth {cid} {kid} ok 60\n"
            );
            let _ = answer.send(admitted);
        }
    });
    say
}

async fn acknowledge() -> u16 {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
    let port = socket.local_addr().expect("an address").port();
    tokio::spawn(async move {
        let mut packet = [0; 200];
        let mut first = true;
        while let Ok((n, from)) = socket.recv_from(&mut packet).await {
            // The first is lost, as networks do.
            if std::mem::take(&mut first) {
                continue;
            }
            let sent = u64::from_be_bytes(packet[35..43].try_into().expect("8 bytes"));
            let knock =
                Knock::verify(&packet[..n], ID, Millis(sent), |_| Some(SPA_KEY)).expect("a right knock");
            socket.send_to(&knock.ack(&SPA_KEY), from).await.expect("answered");
        }
    });
    port
}

async fn proxy(gateways: &Authority, sessions: &Authority, cuts: watch::Receiver<u32>) -> (u16, Digest) {
    let (certificate, key) = gateways.server();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(sessions.der.clone().into()).expect("a root");
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .expect("a verifier");
    let config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3")
        .with_client_cert_verifier(verifier)
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().expect("a key"))
        .expect("a server");
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("bound");
    let port = listener.local_addr().expect("an address").port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, mut cuts) = (acceptor.clone(), cuts.clone());
            tokio::spawn(async move {
                tcp.set_nodelay(true).expect("set");
                let Ok(mut tls) = acceptor.accept(tcp).await else { return };
                let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, OPENVPN_PORT);
                let Ok(mut openvpn) = TcpStream::connect(to).await else { return };
                openvpn.set_nodelay(true).expect("set");
                cuts.mark_unchanged();
                tokio::select! {
                    _ = copy_bidirectional(&mut tls, &mut openvpn) => {}
                    _ = cuts.changed() => {}
                }
            });
        }
    });
    use rcgen::PublicKeyData;
    (port, Digest(Sha256::digest(key.subject_public_key_info()).into()))
}
