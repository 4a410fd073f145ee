//! One client, one OpenVPN, from start to gone.

use super::{
    Settings, config,
    management::{self, Said},
};
use crate::frame::{self, FromHelper, Refused, Start, ToHelper};
use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines},
    net::{
        UnixListener, UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    process::{Child, Command},
    sync::mpsc,
    time::timeout,
};

/// Tunnels at a time: several people on one machine, not a way to use it up.
const TUNNELS: usize = 8;
/// A client connects when it has everything.
const START_TIME: Duration = Duration::from_secs(30);
/// OpenVPN connects to its management socket within milliseconds.
const OPENVPN_TIME: Duration = Duration::from_secs(10);

/// Why a session is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    ClientGone,
    OpenVpnGone,
    NotStarted(Refused),
    /// Something was asked for that is not signed, or not part of the protocol.
    NotUnderstood,
}

/// Which tunnels are taken: the number names the interface.
#[derive(Clone, Default)]
pub struct Slots(Arc<Mutex<[bool; TUNNELS]>>);

struct Slot {
    slots: Slots,
    n: usize,
}

impl Slots {
    fn take(&self) -> Option<Slot> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n = taken.iter().position(|taken| !taken)?;
        taken[n] = true;
        Some(Slot { slots: self.clone(), n })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.slots.0.lock().unwrap_or_else(PoisonError::into_inner)[self.n] = false;
    }
}

/// Says no and closes.
pub async fn refuse(mut client: UnixStream, why: Refused) {
    // A client that is gone already needs no answer.
    let _ = frame::write(&mut client, &FromHelper::Refused(why)).await;
}

pub async fn run(client: UnixStream, settings: &Settings) -> Ended {
    let Some(slot) = settings.slots.take() else {
        refuse(client, Refused::Busy).await;
        return Ended::NotStarted(Refused::Busy);
    };
    let (from, mut to) = client.into_split();
    if frame::write(&mut to, &FromHelper::Ready { version: frame::VERSION }).await.is_err() {
        return Ended::ClientGone;
    }
    let mut client = listen(from);
    let start = match timeout(START_TIME, client.recv()).await {
        Ok(Some(ToHelper::Start(start))) => start,
        Ok(Some(_)) => return Ended::NotUnderstood,
        Ok(None) | Err(_) => return Ended::ClientGone,
    };
    match Tunnel::open(&start, &slot, settings).await {
        Ok(tunnel) => tunnel.relay(client, to).await,
        Err(why) => {
            let _ = frame::write(&mut to, &FromHelper::Refused(why)).await;
            Ended::NotStarted(why)
        }
    }
}

/// Frames as they come; the channel closes when the client is gone or says what is no frame.
fn listen(mut from: OwnedReadHalf) -> mpsc::Receiver<ToHelper> {
    let (tell, heard) = mpsc::channel(4);
    tokio::spawn(async move {
        while let Ok(frame) = frame::read(&mut from).await {
            if tell.send(frame).await.is_err() {
                return;
            }
        }
    });
    heard
}

struct Tunnel {
    /// Killed when dropped, and the interface and its routes with it.
    openvpn: Child,
    lines: Lines<BufReader<OwnedReadHalf>>,
    say: OwnedWriteHalf,
    interface: String,
    socket: PathBuf,
}

impl Tunnel {
    async fn open(start: &Start, slot: &Slot, settings: &Settings) -> Result<Self, Refused> {
        let interface = format!("viworks{}", slot.n);
        let socket = settings.private.join(format!("{}.sock", slot.n));
        let place =
            config::Place { interface: &interface, management: &socket, account: settings.account.as_ref() };
        let text = config::text(start, place).map_err(|_| Refused::BadStart)?;
        let failed = |error: std::io::Error| {
            tracing::error!(%error, "OpenVPN cannot be run");
            Refused::NoOpenVpn
        };
        let _ = std::fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).map_err(failed)?;
        let mut openvpn = spawn(&settings.openvpn).map_err(failed)?;
        if let Some(mut stdin) = openvpn.stdin.take() {
            stdin.write_all(text.as_bytes()).await.map_err(failed)?;
            stdin.shutdown().await.map_err(failed)?;
        }
        if let Some(stdout) = openvpn.stdout.take() {
            tokio::spawn(journal(stdout));
        }
        let connected = tokio::select! {
            accepted = timeout(OPENVPN_TIME, listener.accept()) => accepted.ok().and_then(Result::ok),
            _ = openvpn.wait() => None,
        };
        let _ = std::fs::remove_file(&socket);
        let Some((management, _)) = connected else {
            tracing::error!("OpenVPN ended before it spoke; its output at debug level says why");
            return Err(Refused::NoOpenVpn);
        };
        let (hear, mut say) = management.into_split();
        say.write_all(management::GREETING.as_bytes()).await.map_err(failed)?;
        Ok(Self { openvpn, lines: BufReader::new(hear).lines(), say, interface, socket })
    }

    async fn relay(mut self, mut client: mpsc::Receiver<ToHelper>, mut to: OwnedWriteHalf) -> Ended {
        let mut asked = VecDeque::new();
        let mut next = 0u32;
        let ended = loop {
            let told = tokio::select! {
                frame = client.recv() => match frame {
                    Some(ToHelper::Signature { id, signature }) if asked.front() == Some(&id) => {
                        asked.pop_front();
                        let answer = management::signature(&signature);
                        if self.say.write_all(answer.as_bytes()).await.is_err() {
                            break Ended::OpenVpnGone;
                        }
                        None
                    }
                    Some(_) => break Ended::NotUnderstood,
                    None => break Ended::ClientGone,
                },
                line = self.lines.next_line() => match line {
                    Ok(Some(line)) => match management::read(&line) {
                        Said::Sign(data) => {
                            next = next.wrapping_add(1);
                            asked.push_back(next);
                            Some(FromHelper::Sign { id: next, data })
                        }
                        Said::Unsignable => break Ended::NotUnderstood,
                        Said::Up(address) => Some(FromHelper::Up { address, interface: self.interface.clone() }),
                        Said::Halted(reason) => Some(FromHelper::Halted { reason }),
                        Said::Hold | Said::Nothing => None,
                    },
                    Ok(None) | Err(_) => break Ended::OpenVpnGone,
                },
            };
            if let Some(frame) = told
                && frame::write(&mut to, &frame).await.is_err()
            {
                break Ended::ClientGone;
            }
        };
        // Gone before anybody hears that it is.
        let _ = self.openvpn.kill().await;
        let _ = frame::write(&mut to, &FromHelper::Ended).await;
        ended
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.socket);
    }
}

fn spawn(openvpn: &Path) -> std::io::Result<Child> {
    Command::new(openvpn)
        .args(["--config", "stdin"])
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
}

/// OpenVPN's own words, for whoever looks for a fault: they hold addresses.
async fn journal(stdout: tokio::process::ChildStdout) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(target: "openvpn", "{line}");
    }
}
