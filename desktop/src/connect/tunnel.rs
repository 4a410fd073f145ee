//! The tunnel's client side: the loopback port for one connection, the relay into the outer TLS, and the helper.

use super::{identity::SessionKey, trouble};
use crate::{
    certificate_verify::is_certificate_verify,
    engine::{Down, HelperTrouble},
    frame::{self, FrameError, FromHelper, Start, ToHelper},
};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use std::{
    io,
    net::{Ipv4Addr, SocketAddrV4},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream, UnixStream, unix::OwnedReadHalf, unix::OwnedWriteHalf},
    time::timeout,
};
use tokio_rustls::client::TlsStream;

/// A helper that is there answers at once.
const HELPER_TIME: Duration = Duration::from_secs(3);

/// A connection to the helper, greeted.
pub struct Helper {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
}

/// # Errors
/// Nobody is there, or it does not serve us.
pub async fn greet(socket: &Path) -> Result<Helper, HelperTrouble> {
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => HelperTrouble::NotPermitted,
        _ => HelperTrouble::NotRunning,
    })?;
    let (mut from, to) = stream.into_split();
    match timeout(HELPER_TIME, frame::read(&mut from)).await {
        Ok(Ok(FromHelper::Ready { version: frame::VERSION })) => Ok(Helper { from, to }),
        Ok(Ok(FromHelper::Refused(refused))) => Err(trouble(refused)),
        _ => Err(HelperTrouble::NotRunning),
    }
}

/// Runs one tunnel until it is down; `up` is called when it stands. Dropping the future takes it down.
pub async fn run(
    helper: &Path,
    tls: TlsStream<TcpStream>,
    ca: &str,
    certificate: &str,
    session: Arc<SessionKey>,
    up: impl Fn(Ipv4Addr) + Send,
) -> Down {
    let (Some(ca), Some(certificate)) = (der(ca), der(certificate)) else { return Down::Broken };
    let Ok(listener) = TcpListener::bind(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).await else {
        return Down::Broken;
    };
    let Ok(port) = listener.local_addr().map(|address| address.port()) else { return Down::Broken };
    let mut helper = match greet(helper).await {
        Ok(helper) => helper,
        Err(trouble) => return Down::Helper(trouble),
    };
    let start = ToHelper::Start(Start { port, ca, certificate });
    if frame::write(&mut helper.to, &start).await.is_err() {
        return Down::Helper(HelperTrouble::NotRunning);
    }
    let mut relay = std::pin::pin!(relay(listener, tls));
    let mut said = std::pin::pin!(listen(helper, &session, up));
    tokio::select! {
        down = &mut said => down,
        // OpenVPN sees the same and ends; its last words, if there are any, come through the helper.
        () = &mut relay => timeout(HELPER_TIME, said).await.unwrap_or(Down::Broken),
    }
}

/// Exactly one connection is taken; then nobody listens any more.
async fn relay(listener: TcpListener, mut tls: TlsStream<TcpStream>) {
    let Ok((mut openvpn, _)) = listener.accept().await else { return };
    drop(listener);
    let _ = openvpn.set_nodelay(true);
    // Either side going away is the end of both, and what OpenVPN says of it counts.
    let _ = copy_bidirectional(&mut openvpn, &mut tls).await;
}

async fn listen(mut helper: Helper, session: &SessionKey, up: impl Fn(Ipv4Addr) + Send) -> Down {
    let mut halted = None;
    loop {
        match frame::read::<FromHelper>(&mut helper.from).await {
            Ok(FromHelper::Sign { id, data }) => {
                let answer = if is_certificate_verify(&data) {
                    ToHelper::Signature { id, signature: session.sign(&data) }
                } else {
                    tracing::error!("the helper wants something signed that is no client's proof");
                    ToHelper::NotSigned { id }
                };
                if frame::write(&mut helper.to, &answer).await.is_err() {
                    return halted.map_or(Down::Broken, Down::Halted);
                }
            }
            Ok(FromHelper::Up { address, .. }) => up(address),
            Ok(FromHelper::Halted { reason }) => halted = Some(reason),
            Ok(FromHelper::Refused(refused)) => return Down::Helper(trouble(refused)),
            Ok(FromHelper::Ready { .. } | FromHelper::Ended)
            | Err(FrameError::Gone(_) | FrameError::TooLong | FrameError::Malformed) => {
                return halted.map_or(Down::Broken, Down::Halted);
            }
        }
    }
}

fn der(pem: &str) -> Option<Vec<u8>> {
    CertificateDer::from_pem_slice(pem.as_bytes()).ok().map(|der| der.to_vec())
}
