//! The gateway's door as a stranger, or somebody with a bootstrap, finds it.

use super::{Fault, clock, entropy};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpStream, UdpSocket},
    time::timeout,
};
use tokio_rustls::client::TlsStream;
use viworks_api::desktop::Bootstrap;
use viworks_desktop::connect::{
    identity::SessionKey,
    outer_tls::{self, OuterFault},
};
use viworks_domain::{Millis, spa};

/// A knock that is not answered within this meets silence: an answer takes milliseconds on this wire.
const SILENT: Duration = Duration::from_millis(800);
/// The same for a handshake, which costs both ends some work.
const UNANSWERED: Duration = Duration::from_secs(3);
/// OpenVPN speaks within this, on a busy machine too; a refusal comes sooner.
const SPEAKS: Duration = Duration::from_secs(5);
const KNOCKS: u32 = 3;

/// `P_CONTROL_HARD_RESET_CLIENT_V2`, key 0, a session id, no acks, packet 0; before it, as on any TCP, its length.
const HELLO: [u8; 16] = [0, 14, 7 << 3, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 0];
/// `P_CONTROL_HARD_RESET_SERVER_V2`, key 0.
const HELLO_BACK: u8 = 8 << 3;

/// A bootstrap, kept longer than is right.
pub struct Offer {
    bootstrap: Bootstrap,
    key: [u8; 32],
    /// By the clock here.
    use_before: Millis,
}

/// How a TLS connection was met; it stands for as long as this value lives.
pub enum Met {
    Silence,
    Refused,
    /// Behind the TLS OpenVPN answered.
    OpenVpn {
        _stream: Box<TlsStream<TcpStream>>,
    },
}

impl Met {
    pub const fn saw(&self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::Refused => "refused",
            Self::OpenVpn { .. } => "openvpn answers",
        }
    }
}

impl Offer {
    pub fn new(bootstrap: Bootstrap) -> Result<Self, Fault> {
        let key = bootstrap.spa_key.array().ok_or(Fault::NotAKey)?;
        let lives = bootstrap.use_before.since(bootstrap.server_time);
        Ok(Self { key, use_before: clock::now().plus(lives), bootstrap })
    }

    pub fn certificate(&self) -> &str {
        &self.bootstrap.certificate
    }

    pub fn remaining(&self) -> Duration {
        self.use_before.since(clock::now())
    }

    /// Knocks, some times for the packet that may be lost.
    pub async fn knock(&self) -> Result<&'static str, Fault> {
        let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).await?;
        socket.connect((self.bootstrap.gateway_address, self.bootstrap.spa_port)).await?;
        for _ in 0..KNOCKS {
            let knock = spa::Knock {
                gateway: self.bootstrap.gateway,
                bootstrap: self.bootstrap.bootstrap,
                time: clock::now(),
                nonce: entropy::bytes(),
                address: self.bootstrap.client_address,
            };
            socket.send(&knock.to_packet(&self.key)).await?;
            let mut answer = [0; spa::KNOCK_LEN + 1];
            // A port that is closed says so; that too is an answer, and not one to a knock.
            if let Ok(Ok(n)) = timeout(SILENT, socket.recv(&mut answer)).await {
                return Ok(if knock.is_answered_by(&answer[..n], &self.key) {
                    "answered"
                } else {
                    "something else"
                });
            }
        }
        Ok("silence")
    }

    /// TLS with that key and certificate, and a word to the OpenVPN behind it.
    pub async fn tls(&self, key: &SessionKey, certificate: &str) -> Result<Met, Fault> {
        let to = SocketAddrV4::new(self.bootstrap.gateway_address, self.bootstrap.tls_port);
        let connecting = outer_tls::connect(to, self.bootstrap.gateway_key, certificate, key);
        let mut stream = match timeout(UNANSWERED, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(OuterFault::Connect(_))) => return Ok(Met::Refused),
            Ok(Err(other)) => return Err(other.into()),
            Err(_) => return Ok(Met::Silence),
        };
        // A TLS 1.3 client hears what its certificate was worth only with the first bytes it reads.
        let mut back = [0; 3];
        let spoken = async {
            stream.write_all(&HELLO).await?;
            stream.flush().await?;
            stream.read_exact(&mut back).await
        };
        match timeout(SPEAKS, spoken).await {
            Ok(Ok(_)) if back[2] == HELLO_BACK => Ok(Met::OpenVpn { _stream: Box::new(stream) }),
            Ok(_) => Ok(Met::Refused),
            Err(_) => Ok(Met::Silence),
        }
    }
}
