//! A desktop's way in, by hand: knock, TLS with the session's certificate, OpenVPN through it.

use super::{
    clock::{PATIENCE, Watch},
    control_plane::Admitted,
    ground::{Ground, enter, inside, within},
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::{Child, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    time::Duration,
};
use tokio_rustls::TlsConnector;
use viworks_domain::spa::Knock;

pub struct Desktop {
    namespace: String,
    gateway_ca: String,
}

const GATEWAY: [u8; 4] = [10, 77, 0, 2];

impl Desktop {
    pub fn new(ground: &Ground, gateway_ca: &str) -> Self {
        Self { namespace: ground.desktop(), gateway_ca: gateway_ca.to_owned() }
    }

    pub fn tcp_answers(&self, to: SocketAddr) -> bool {
        within(&self.namespace, || TcpStream::connect_timeout(&to, Duration::from_millis(500)).is_ok())
    }

    /// How long the answer took.
    pub fn knock_with(&self, admitted: &Admitted, key: &[u8; 32], patience: Duration) -> Option<Duration> {
        within(&self.namespace, || {
            let socket = UdpSocket::bind("10.77.0.11:0").unwrap();
            socket.set_read_timeout(Some(patience)).unwrap();
            let knock = Self::a_knock(admitted);
            let watch = Watch::start();
            socket.send_to(&knock.to_packet(key), (std::net::Ipv4Addr::from(GATEWAY), 62_201)).unwrap();
            let mut answer = [0; 200];
            let n = socket.recv(&mut answer).ok()?;
            assert!(knock.is_answered_by(&answer[..n], key), "an answer that is none");
            Some(watch.elapsed())
        })
    }

    /// A knock of this bootstrap, made now.
    pub fn a_knock(admitted: &Admitted) -> Knock {
        Knock {
            gateway: admitted.gateway,
            bootstrap: admitted.bootstrap,
            time: viworks_nats::testing::now(),
            nonce: viworks_agent::entropy::bytes().unwrap(),
            address: [10, 77, 0, 11].into(),
        }
    }

    /// Whether anything comes back.
    pub fn is_answered(&self, packet: &[u8]) -> bool {
        within(&self.namespace, || {
            let socket = UdpSocket::bind("10.77.0.11:0").unwrap();
            socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            socket.send_to(packet, (std::net::Ipv4Addr::from(GATEWAY), 62_201)).unwrap();
            socket.recv(&mut [0; 200]).is_ok()
        })
    }

    /// Wrong packets that cost a MAC each, as fast as one thread sends them, while `act` goes on; gives how many
    /// a second.
    pub fn flooding<T: Send>(&self, admitted: &Admitted, act: impl FnOnce() -> T + Send) -> (T, u64) {
        let packet = Self::a_knock(admitted).to_packet(&[9; 32]);
        let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                enter(&self.namespace);
                let socket = UdpSocket::bind("10.77.0.11:0").unwrap();
                socket.connect((std::net::Ipv4Addr::from(GATEWAY), 62_201)).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let _ = socket.send(&packet);
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
            let watch = Watch::start();
            super::clock::until("the flood", || sent.load(Ordering::Relaxed) > 20_000);
            let done = act();
            stop.store(true, Ordering::Relaxed);
            let rate = sent.load(Ordering::Relaxed) as f64 / watch.elapsed().as_secs_f64();
            (done, rate as u64)
        })
    }

    /// Whether the outer TLS connection carries anything: its first byte, or nothing but its end.
    pub fn is_carried(&self, admitted: &Admitted) -> bool {
        let (namespace, config) = (self.namespace.clone(), self.tls(admitted));
        let name = ServerName::try_from(admitted.gateway.to_string()).unwrap();
        within(&namespace, || {
            let stream = TcpStream::connect(SocketAddr::from((GATEWAY, 443))).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(8))).unwrap();
            let connection = rustls::ClientConnection::new(Arc::new(config), name).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            // A hard reset of OpenVPN's, as a client would begin: OpenVPN would answer.
            let reset = [0, 14, 0x38, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0];
            stream.write_all(&reset).is_ok() && stream.read_exact(&mut [0]).is_ok()
        })
    }

    fn tls(&self, admitted: &Admitted) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.gateway_ca.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(admitted.certificate_pem.as_bytes()).unwrap()],
                PrivateKeyDer::from_pem_slice(admitted.key_pem.as_bytes()).unwrap(),
            )
            .unwrap()
    }

    /// The whole way.
    pub fn connect(&self, admitted: &Admitted) -> Tunnel {
        let took = self.knock_with(admitted, &admitted.spa_key, PATIENCE).unwrap();
        println!("knock to answer: {} us", took.as_micros());
        let watch = Watch::start();
        let local = self.carry(admitted);
        let mut openvpn = inside(&self.namespace, "openvpn")
            .args(["--config", "stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let config = format!(
            "client\ndev tun7\ndev-type tun\nproto tcp-client\nremote 127.0.0.1 {}\nnobind\nremote-cert-tls server\n\
             auth-nocache\nconnect-retry 1 2\nconnect-retry-max 1\nsocket-flags TCP_NODELAY\nverb 3\n\
             <ca>\n{}</ca>\n<cert>\n{}</cert>\n<key>\n{}</key>\n",
            local.port(),
            self.gateway_ca,
            admitted.certificate_pem,
            admitted.key_pem
        );
        openvpn.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        let (lines, said) = mpsc::channel();
        let stdout = openvpn.stdout.take().unwrap();
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)).map_while(Result::ok) {
                let _ = lines.send(line);
            }
        });
        let mut tunnel = Tunnel { namespace: self.namespace.clone(), openvpn, took: Duration::MAX };
        let mut all = vec![];
        while let Ok(line) = said.recv_timeout(PATIENCE) {
            let up = line.contains("Initialization Sequence Completed");
            all.push(line);
            if up {
                tunnel.took = watch.elapsed();
                println!("answer to tunnel up: {} ms", tunnel.took.as_millis());
                std::thread::spawn(move || said.iter().count());
                return tunnel;
            }
        }
        panic!("the tunnel does not come up:\n{}", all.join("\n"));
    }

    /// A loopback port for one connection, carried over the outer TLS.
    fn carry(&self, admitted: &Admitted) -> SocketAddr {
        let (namespace, config) = (self.namespace.clone(), self.tls(admitted));
        let name = ServerName::try_from(admitted.gateway.to_string()).unwrap();
        let (bound, local) = mpsc::channel();
        std::thread::spawn(move || {
            enter(&namespace);
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            bound.send(listener.local_addr().unwrap()).unwrap();
            let (inner, _) = listener.accept().unwrap();
            inner.set_nonblocking(true).unwrap();
            inner.set_nodelay(true).unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let carried = runtime.block_on(async {
                let mut inner = tokio::net::TcpStream::from_std(inner)?;
                let outer = tokio::net::TcpStream::connect(SocketAddr::from((GATEWAY, 443))).await?;
                outer.set_nodelay(true)?;
                let mut outer = TlsConnector::from(Arc::new(config)).connect(name, outer).await?;
                tokio::io::copy_bidirectional(&mut inner, &mut outer).await
            });
            println!("the outer connection ended: {carried:?}");
        });
        local.recv().unwrap()
    }
}

pub struct Tunnel {
    namespace: String,
    openvpn: Child,
    /// From the knock's answer to the tunnel.
    pub took: Duration,
}

impl Tunnel {
    /// The whole answer, head and body.
    pub fn fetch(&self, path: &str) -> String {
        within(&self.namespace, || {
            let mut stream =
                TcpStream::connect_timeout(&"10.8.0.1:80".parse().unwrap(), Duration::from_secs(5)).unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
            write!(stream, "GET {path} HTTP/1.1\r\nHost: page\r\nConnection: close\r\n\r\n").unwrap();
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        })
    }

    pub fn reaches(&self, to: SocketAddr) -> bool {
        // Whoever has no route to it tries all the same.
        let _ = inside(&self.namespace, "ip")
            .args(["route", "replace", &to.ip().to_string(), "dev", "tun7"])
            .output();
        within(&self.namespace, || {
            let Ok(mut stream) = TcpStream::connect_timeout(&to, Duration::from_millis(700)) else {
                return false;
            };
            let _ = stream.set_read_timeout(Some(Duration::from_millis(700)));
            let mut hello = [0; 5];
            stream.read_exact(&mut hello).is_ok() && &hello == b"hello"
        })
    }

    /// A connection to the resource that stays.
    pub fn open(&self, to: SocketAddr) -> TcpStream {
        within(&self.namespace, || {
            let mut stream = TcpStream::connect_timeout(&to, Duration::from_secs(5)).unwrap();
            stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
            stream.read_exact(&mut [0; 5]).unwrap();
            stream
        })
    }

    pub fn ends_within(&mut self, patience: Duration) -> bool {
        viworks_agent::clock::wait_until(patience, || matches!(self.openvpn.try_wait(), Ok(Some(_))))
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = self.openvpn.kill();
        let _ = self.openvpn.wait();
    }
}

/// Whether what is sent comes back.
pub fn echoes(stream: &mut TcpStream) -> bool {
    stream.write_all(b"x").is_ok() && stream.read_exact(&mut [0]).is_ok()
}
