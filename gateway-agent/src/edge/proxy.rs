//! From the pinned TLS connection to OpenVPN, byte for byte.

use super::{MOST_CONNECTIONS, Open, Shared, tls};
use crate::frames::FromEdge;
use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    rc::Rc,
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    time::timeout,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A client that knocked is ready to speak.
const HANDSHAKE: Duration = Duration::from_secs(5);
const REACH: Duration = Duration::from_secs(4);
const REACH_AGAIN: Duration = Duration::from_millis(50);
const VERDICT: Duration = Duration::from_secs(5);
/// OpenVPN's last word (HALT) still gets through; nothing of the client's does.
const LAST_WORDS: Duration = Duration::from_millis(100);
const BUFFER: usize = 16 * 1024;

pub(super) async fn accept(shared: Rc<Shared>, listener: TcpListener, acceptor: TlsAcceptor, vpn_port: u16) {
    let places = std::sync::Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = std::sync::Arc::clone(&places).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, from)) => {
                let (shared, acceptor) = (Rc::clone(&shared), acceptor.clone());
                tokio::task::spawn_local(async move {
                    let _place = place;
                    if let Err(error) = serve(&shared, stream, from.ip(), &acceptor, vpn_port).await {
                        tracing::debug!(%error, "a connection ended");
                    }
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(
    shared: &Rc<Shared>,
    stream: TcpStream,
    from: IpAddr,
    acceptor: &TlsAcceptor,
    vpn_port: u16,
) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let client = timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let key = tls::proved_key(client.get_ref().1).ok_or(io::ErrorKind::InvalidData)?;
    // Bound before it connects, so that control knows the port before OpenVPN can ask about it.
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let port = socket.local_addr()?.port();

    let connection = {
        let mut next = shared.next_connection.borrow_mut();
        *next += 1;
        *next
    };
    let (allow, mut allowed) = oneshot::channel();
    let (close, mut closed) = oneshot::channel();
    shared.connections.borrow_mut().insert(connection, Open { allow: Some(allow), close: Some(close) });
    let _known = Known { shared, connection };
    if !shared.tell(&FromEdge::TlsUp { connection, port, key, from }) {
        return Err(io::ErrorKind::NotConnected.into());
    }
    tokio::select! {
        verdict = timeout(VERDICT, &mut allowed) => verdict?.map_err(|_| io::ErrorKind::PermissionDenied)?,
        _ = &mut closed => return Err(io::ErrorKind::PermissionDenied.into()),
    }
    let server = reach(socket, port, vpn_port).await?;
    server.set_nodelay(true)?;
    pump(client, server, closed).await
}

/// OpenVPN takes a second when it starts again; whoever comes meanwhile waits. From the same port each time:
/// that is the one that `control` knows.
async fn reach(first: TcpSocket, port: u16, vpn_port: u16) -> io::Result<TcpStream> {
    let server = SocketAddr::from((Ipv4Addr::LOCALHOST, vpn_port));
    let mut socket = first;
    let tries = async {
        loop {
            match socket.connect(server).await {
                Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                    tokio::time::sleep(REACH_AGAIN).await;
                    socket = TcpSocket::new_v4()?;
                    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
                }
                answer => return answer,
            }
        }
    };
    timeout(REACH, tries).await?
}

/// Says goodbye to `control`, however the connection ended.
struct Known<'a> {
    shared: &'a Rc<Shared>,
    connection: u64,
}

impl Drop for Known<'_> {
    fn drop(&mut self) {
        self.shared.connections.borrow_mut().remove(&self.connection);
        self.shared.tell(&FromEdge::TlsDown { connection: self.connection });
    }
}

async fn pump(
    client: TlsStream<TcpStream>,
    server: TcpStream,
    mut closed: oneshot::Receiver<()>,
) -> io::Result<()> {
    let (mut from_client, mut to_client) = tokio::io::split(client);
    let (mut from_server, mut to_server) = server.into_split();
    let ended = {
        let up = copy(&mut from_client, &mut to_server);
        let down = copy(&mut from_server, &mut to_client);
        tokio::pin!(up, down);
        tokio::select! {
            done = &mut up => done.map(|()| false),
            done = &mut down => done.map(|()| false),
            // Closed by its end here: the sender was dropped.
            _ = &mut closed => Ok(true),
        }
    };
    if matches!(ended, Ok(true)) {
        let _ = timeout(LAST_WORDS, copy(&mut from_server, &mut to_client)).await;
    }
    let _ = timeout(LAST_WORDS, to_client.shutdown()).await;
    ended.map(drop)
}

async fn copy(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let n = from.read(&mut buffer).await?;
        if n == 0 {
            return Ok(());
        }
        to.write_all(&buffer[..n]).await?;
        to.flush().await?;
    }
}
