//! `edge`: everything a stranger can send ends here. No capability, no file, no program to execute.
//!
//! It checks MACs and certificates; what follows from them, `control` decides.

mod proxy;
mod spa;
mod tls;

use crate::{
    frames::{EdgeBoot, FromEdge, ToChild, ToEdge},
    link::{self, Link, LinkError},
    privileges,
};
use std::{
    cell::RefCell,
    collections::HashMap,
    io,
    net::{TcpListener, UdpSocket},
    os::fd::{AsFd, OwnedFd},
    rc::Rc,
};
use tokio::sync::oneshot;

#[derive(Debug, thiserror::Error)]
pub enum EdgeError {
    #[error("the parent did not say what to do")]
    Link(#[from] LinkError),
    #[error(transparent)]
    Powers(#[from] privileges::CannotDrop),
    #[error("the TLS identity cannot be used")]
    Tls(#[from] tls::BadIdentity),
    #[error("a socket failed")]
    Io(#[from] io::Error),
}

/// Connections handshaking or open at the same time; each costs about 40 KiB.
const MOST_CONNECTIONS: usize = 4_096;

/// What the tasks of this process share. One thread, so no locks.
pub(crate) struct Shared {
    /// To `control`, while it is there.
    control: RefCell<Option<Rc<Link>>>,
    keys: RefCell<spa::Keys>,
    connections: RefCell<HashMap<u64, Open>>,
    next_connection: RefCell<u64>,
}

/// A connection that `control` has been told about.
pub(crate) struct Open {
    pub allow: Option<oneshot::Sender<()>>,
    /// Dropping it closes the connection.
    pub close: Option<oneshot::Sender<()>>,
}

impl Shared {
    /// To `control`; what cannot be said now is not said.
    pub fn tell(&self, frame: &FromEdge) -> bool {
        let told = self.control.borrow().as_ref().is_some_and(|link| link.try_send(frame).is_ok());
        if !told {
            tracing::debug!("control is not there or does not keep up");
        }
        told
    }
}

/// # Errors
/// Whatever keeps it from starting. It ends when the parent does.
pub fn run() -> Result<(), EdgeError> {
    let stdin = io::stdin().as_fd().try_clone_to_owned()?;
    let (boot, fds) = link::recv_with_fds::<ToChild>(&stdin)?;
    let (ToChild::Edge(boot), Ok([udp, tcp])) = (boot, <[OwnedFd; 2]>::try_from(fds)) else {
        return Err(LinkError::NotAFrame.into());
    };
    privileges::become_user(boot.user, boot.user, &[], false)?;
    privileges::die_with_parent()?;
    let acceptor = tls::acceptor(&boot)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, serve(stdin, boot, udp.into(), tcp.into(), acceptor))
}

async fn serve(
    parent: OwnedFd,
    boot: EdgeBoot,
    udp: UdpSocket,
    tcp: TcpListener,
    acceptor: tokio_rustls::TlsAcceptor,
) -> Result<(), EdgeError> {
    let parent = Link::new(parent)?;
    let udp = Rc::new(tokio::net::UdpSocket::from_std(udp)?);
    let tcp = tokio::net::TcpListener::from_std(tcp)?;
    let shared = Rc::new(Shared {
        control: RefCell::new(None),
        keys: RefCell::new(spa::Keys::new(boot.gateway)),
        connections: RefCell::new(HashMap::new()),
        next_connection: RefCell::new(0),
    });
    tokio::task::spawn_local(spa::listen(Rc::clone(&shared), Rc::clone(&udp)));
    tokio::task::spawn_local(proxy::accept(Rc::clone(&shared), tcp, acceptor, boot.vpn_port));
    loop {
        match parent.recv_with_fds::<ToChild>().await {
            Ok((ToChild::Peer(_), fds)) => {
                for fd in fds {
                    let link = Rc::new(Link::new(fd)?);
                    tokio::task::spawn_local(obey(Rc::clone(&shared), link, Rc::clone(&udp)));
                }
            }
            Ok((ToChild::Stop, _)) | Err(LinkError::Gone) => return Ok(()),
            Ok(_) => return Err(LinkError::NotAFrame.into()),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A new `control` knows of no connection and has given no key: what stood for the one before goes.
async fn obey(shared: Rc<Shared>, link: Rc<Link>, udp: Rc<tokio::net::UdpSocket>) {
    forget_everything(&shared);
    *shared.control.borrow_mut() = Some(Rc::clone(&link));
    if link.send(&FromEdge::Hello).await.is_err() {
        return;
    }
    loop {
        match link.recv::<ToEdge>().await {
            Ok(ToEdge::GiveKey { ticket, bootstrap, key, until }) => {
                shared.keys.borrow_mut().give(bootstrap, key.0, until);
                shared.tell(&FromEdge::Done { ticket });
            }
            Ok(ToEdge::TakeKey { ticket, bootstrap }) => {
                shared.keys.borrow_mut().take(bootstrap);
                shared.tell(&FromEdge::Done { ticket });
            }
            Ok(ToEdge::AckKnock { bootstrap, nonce }) => spa::ack(&shared, &udp, bootstrap, nonce).await,
            Ok(ToEdge::Allow { connection }) => {
                let mut connections = shared.connections.borrow_mut();
                if let Some(allow) = connections.get_mut(&connection).and_then(|open| open.allow.take()) {
                    let _ = allow.send(());
                }
            }
            Ok(ToEdge::Close { connection }) => {
                if let Some(open) = shared.connections.borrow_mut().get_mut(&connection) {
                    open.close = None;
                } else {
                    shared.tell(&FromEdge::TlsDown { connection });
                }
            }
            Err(error) => {
                if !matches!(error, LinkError::Gone) {
                    tracing::error!(%error, "control sent what is no frame");
                }
                break;
            }
        }
    }
    // Only if no newer control has taken its place already.
    if shared.control.borrow().as_ref().is_some_and(|current| Rc::ptr_eq(current, &link)) {
        *shared.control.borrow_mut() = None;
        forget_everything(&shared);
    }
}

fn forget_everything(shared: &Shared) {
    shared.keys.borrow_mut().clear();
    for open in shared.connections.borrow_mut().values_mut() {
        open.allow = None;
        open.close = None;
    }
}
