//! Does what the engine wants done, each thing in a task of its own, and hands back what came of it.

use super::{
    failure,
    identity::{InstallKey, SessionKey},
    outer_tls, tunnel,
    words::Words,
};
use crate::{
    clock,
    engine::{ActKey, Down, Effect, Input, Ticket},
};
use secrecy::{ExposeSecret, SecretString};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::{
    net::{TcpStream, UdpSocket},
    sync::mpsc,
    task::JoinHandle,
};
use tokio_rustls::client::TlsStream;
use viworks_api::{
    client::{ApiError, Client, IdempotencyKey, Newer, OpenSession},
    desktop::{AnswerRequest, BootstrapRequest, OpenRequest},
};
use viworks_domain::{ids::Digest, otp::Digits, spa};
use zeroize::Zeroize;

/// Who signs in, from where.
pub struct Person {
    pub client: Client,
    pub user: String,
    pub password: SecretString,
    pub desktop: String,
}

/// What came of something; some of it only the hands can use.
pub enum Heard {
    Input(Input),
    Opened(Box<OpenSession>, Input),
    TlsStands { n: u32, tls: Box<TlsStream<TcpStream>> },
}

pub struct Hands {
    person: Arc<Person>,
    install: Arc<InstallKey>,
    session: Option<Arc<SessionKey>>,
    opened: Option<OpenSession>,
    helper: PathBuf,
    tell: mpsc::Sender<Heard>,
    tls: Option<(u32, Box<TlsStream<TcpStream>>)>,
    /// What stands or falls with this attempt.
    tasks: Vec<Task>,
    udp: Option<mpsc::Sender<(SocketAddrV4, Vec<u8>)>>,
}

/// Aborted when dropped.
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Hands {
    pub fn new(
        person: Person,
        install: InstallKey,
        session: SessionKey,
        helper: PathBuf,
        tell: mpsc::Sender<Heard>,
    ) -> Self {
        Self {
            person: Arc::new(person),
            install: Arc::new(install),
            session: Some(Arc::new(session)),
            opened: None,
            helper,
            tell,
            tls: None,
            tasks: vec![],
            udp: None,
        }
    }

    /// What a task brought, as an input if it is one.
    pub fn hear(&mut self, heard: Heard) -> Option<Input> {
        match heard {
            Heard::Input(input) => Some(input),
            Heard::Opened(session, input) => {
                self.opened = Some(*session);
                Some(input)
            }
            Heard::TlsStands { n, tls } => {
                self.tls = Some((n, tls));
                Some(Input::TlsUp { n })
            }
        }
    }

    pub fn act(&mut self, effect: Effect, words: Words) {
        match effect {
            Effect::OpenSession { key } => self.open(key),
            Effect::Poll { after, wait } => self.poll(after, wait),
            Effect::Answer { key, digits } => self.answer(key, digits),
            Effect::AskBootstrap { key } => self.bootstrap(key),
            Effect::Knock { to, packet } => self.knock(to, packet),
            Effect::ConnectTls { n, to, gateway_key, certificate } => {
                self.connect(n, to, gateway_key, certificate);
            }
            Effect::StartTunnel { n, ca, certificate } => self.tunnel(n, ca, certificate),
            Effect::CutTunnel => {
                self.tasks.clear();
                self.tls = None;
                self.udp = None;
            }
            Effect::SignOut { key } => self.sign_out(key),
            Effect::Wipe => {
                self.session = None;
                self.opened = None;
            }
            Effect::Show(shown) => words.show(&shown),
        }
    }

    /// For the session as it was opened; before that there is nothing to ask.
    fn ask<F>(&self, ask: impl FnOnce(OpenSession) -> F)
    where
        F: Future<Output = Input> + Send + 'static,
    {
        let Some(session) = self.opened.clone() else { return };
        let (answer, tell) = (ask(session), self.tell.clone());
        tokio::spawn(async move {
            // Nobody listens once it has ended.
            let _ = tell.send(Heard::Input(answer.await)).await;
        });
    }

    fn open(&self, key: ActKey) {
        let Some(session) = self.session.clone() else { return };
        let (person, install, tell) = (self.person.clone(), self.install.clone(), self.tell.clone());
        tokio::spawn(async move {
            let heard = match open(&person, &install, &session, key).await {
                Ok((session, view)) => Heard::Opened(Box::new(session), Input::Opened(view)),
                Err(error) => Heard::Input(Input::OpenFailed(failure::of(error))),
            };
            let _ = tell.send(heard).await;
        });
    }

    fn poll(&self, after: u64, wait: Duration) {
        self.ask(async move |session| match session.view(Newer::than(after, wait)).await {
            Ok(view) => Input::Seen(view),
            Err(error) => Input::PollFailed(failure::of(error)),
        });
    }

    fn answer(&self, key: ActKey, digits: Digits) {
        self.ask(async move |session| {
            let code = String::from_utf8_lossy(digits.as_bytes()).into_owned();
            let mut request = AnswerRequest { code };
            let answer = session.answer(&IdempotencyKey::from_random(key), &request).await;
            request.code.zeroize();
            match answer {
                Ok(answer) => Input::Answered(answer),
                Err(error) => Input::AnswerFailed(failure::of(error)),
            }
        });
    }

    fn bootstrap(&self, key: ActKey) {
        let Some(request) = self.session.as_ref().and_then(|key| key.certificate_request().ok()) else {
            return;
        };
        self.ask(async move |session| {
            let request = BootstrapRequest { csr: request.into() };
            match session.bootstrap(&IdempotencyKey::from_random(key), &request).await {
                Ok(bootstrap) => match Ticket::new(bootstrap, clock::now()) {
                    Ok(ticket) => Input::Bootstrapped(Box::new(ticket)),
                    Err(_) => Input::BootstrapFailed(crate::engine::Failure::Broken),
                },
                Err(error) => Input::BootstrapFailed(failure::of(error)),
            }
        });
    }

    fn sign_out(&self, key: ActKey) {
        self.ask(async move |session| {
            let answer = session.sign_out(&IdempotencyKey::from_random(key)).await;
            match answer {
                Ok(_) => Input::SignedOut,
                Err(error) => Input::SignOutFailed(failure::of(error)),
            }
        });
    }

    fn knock(&mut self, to: SocketAddrV4, packet: Vec<u8>) {
        let tell = self.tell.clone();
        let udp = self.udp.get_or_insert_with(|| {
            let (send, packets) = mpsc::channel(8);
            self.tasks.push(Task(tokio::spawn(exchange(packets, tell))));
            send
        });
        // One packet more or less: there is always another.
        let _ = udp.try_send((to, packet));
    }

    fn connect(&mut self, n: u32, to: SocketAddrV4, gateway_key: Digest, certificate: String) {
        let Some(session) = self.session.clone() else { return };
        let tell = self.tell.clone();
        self.tasks.push(Task(tokio::spawn(async move {
            let heard = match outer_tls::connect(to, gateway_key, &certificate, &session).await {
                Ok(tls) => Heard::TlsStands { n, tls: Box::new(tls) },
                Err(error) => {
                    tracing::debug!(%error, cause = ?std::error::Error::source(&error), "no outer TLS");
                    Heard::Input(Input::TlsFailed { n })
                }
            };
            let _ = tell.send(heard).await;
        })));
    }

    fn tunnel(&mut self, n: u32, ca: String, certificate: String) {
        let (Some(session), Some((_, tls))) = (self.session.clone(), self.tls.take_if(|(of, _)| *of == n))
        else {
            return;
        };
        let (tell, helper) = (self.tell.clone(), self.helper.clone());
        self.tasks.push(Task(tokio::spawn(async move {
            let said = tell.clone();
            // Room for it there is: the loop hears faster than tunnels stand.
            let up = move |address| drop(said.try_send(Heard::Input(Input::TunnelUp { n, address })));
            let how: Down = tunnel::run(&helper, *tls, &ca, &certificate, session, up).await;
            let _ = tell.send(Heard::Input(Input::TunnelDown { n, how })).await;
        })));
    }
}

async fn open(
    person: &Person,
    install: &InstallKey,
    session: &SessionKey,
    key: ActKey,
) -> Result<(OpenSession, viworks_api::desktop::DesktopView), ApiError> {
    let not_a_key = |_| ApiError::Unintelligible { status: 0 };
    let session_key = session.public().map_err(not_a_key)?;
    let (install_key, signature) = install.vouches_for(&session_key).map_err(not_a_key)?;
    let mut request = OpenRequest {
        username: person.user.clone(),
        password: person.password.expose_secret().to_owned(),
        desktop_name: person.desktop.clone(),
        session_key: session_key.into(),
        install_key: install_key.into(),
        signature: signature.into(),
    };
    let opened = person.client.open_session(&IdempotencyKey::from_random(key), &request).await;
    request.password.zeroize();
    opened
}

/// Sends what is to be sent, from one port, and brings back what that address answers.
async fn exchange(mut packets: mpsc::Receiver<(SocketAddrV4, Vec<u8>)>, tell: mpsc::Sender<Heard>) {
    let Ok(socket) = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)).await else { return };
    let mut answer = [0; spa::KNOCK_LEN + 1];
    let mut gateway = None;
    loop {
        tokio::select! {
            packet = packets.recv() => {
                let Some((to, packet)) = packet else { return };
                gateway = Some(to);
                // A network that is down now may be up for the next one.
                let _ = socket.send_to(&packet, to).await;
            }
            received = socket.recv_from(&mut answer) => {
                if let Ok((n, from)) = received
                    && gateway.is_some_and(|to| std::net::SocketAddr::V4(to) == from)
                    && tell.send(Heard::Input(Input::Packet(answer[..n].to_vec()))).await.is_err()
                {
                    return;
                }
            }
        }
    }
}
