//! The privileged helper: it runs OpenVPN for a client that may not, and takes it down when that client is gone.
//!
//! It builds OpenVPN's configuration itself, gives it on stdin, and never has a private key. One tunnel per
//! connection; the client's socket closing is the one way to end it that cannot be forgotten.

pub mod arguments;
mod config;
mod management;
mod peer;
mod session;
mod socket;

use arguments::Arguments;
use session::Slots;
use std::{path::PathBuf, process::ExitCode, sync::Arc};
use tokio::{
    net::{UnixListener, UnixStream},
    signal::unix::{SignalKind, signal},
};

/// Bad usage of the machine: a configuration that cannot work (sysexits.h: EX_USAGE).
const BAD_CONFIGURATION: u8 = 64;

/// What every connection is served with.
struct Settings {
    openvpn: PathBuf,
    /// Private to us: management sockets are made here.
    private: PathBuf,
    group: Option<u32>,
    /// As whom OpenVPN goes on once it has what needs rights.
    account: Option<config::Account>,
    slots: Slots,
}

/// Why the helper does not start.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("there is no group {0} on this machine; create it or give another --group")]
    NoGroup(String),
    #[error("{path} is not a program that only root can change; give OpenVPN's path with --openvpn")]
    NotOpenVpn { path: PathBuf },
    #[error("another viworks-tunneld listens on {path}; stop it or give another --socket")]
    AlreadyRunning { path: PathBuf },
    #[error("{path}: {what}")]
    Socket { path: PathBuf, what: &'static str, source: std::io::Error },
    #[error("signals cannot be waited for")]
    Signals(#[source] std::io::Error),
}

/// Runs until it is told to stop.
pub async fn run(arguments: Arguments) -> ExitCode {
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            tell(&fault);
            ExitCode::from(BAD_CONFIGURATION)
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), Fault> {
    let group = arguments.group.as_deref().map(peer::group_id).transpose()?;
    let openvpn = arguments.openvpn()?;
    let socket = socket::Published::bind(&arguments.socket, group)?;
    let private = socket.private().to_path_buf();
    let account = peer::nobody();
    if account.is_none() {
        tracing::warn!("there is no user nobody on this machine: OpenVPN stays root");
    }
    let settings = Arc::new(Settings { openvpn, private, group, account, slots: Slots::default() });
    let mut stop = signal(SignalKind::terminate()).map_err(Fault::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Fault::Signals)?;
    tracing::info!(socket = %arguments.socket.display(), "serving");
    tokio::select! {
        () = accept(socket.listener(), settings) => {}
        _ = stop.recv() => {}
        _ = interrupt.recv() => {}
    }
    // Dropping the runtime drops every session, and each kills its OpenVPN.
    Ok(())
}

async fn accept(listener: &UnixListener, settings: Arc<Settings>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => drop(tokio::spawn(one(client, Arc::clone(&settings)))),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
        }
    }
}

async fn one(client: UnixStream, settings: Arc<Settings>) {
    match peer::identify(&client, settings.group) {
        Ok(peer) => {
            tracing::info!(uid = peer.uid, pid = peer.pid, "a client connects");
            let ended = session::run(client, &settings).await;
            tracing::info!(uid = peer.uid, pid = peer.pid, ?ended, "the client's tunnel is gone");
        }
        Err(refusal) => {
            tracing::warn!(%refusal, "a client is refused");
            session::refuse(client, crate::frame::Refused::NotPermitted).await;
        }
    }
}

#[expect(clippy::print_stderr, reason = "a helper that does not start says why")]
fn tell(fault: &Fault) {
    eprintln!("viworks-tunneld: {fault}");
    let mut cause = std::error::Error::source(fault);
    while let Some(error) = cause {
        eprintln!("  because: {error}");
        cause = error.source();
    }
}
