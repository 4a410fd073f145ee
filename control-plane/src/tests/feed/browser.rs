//! What a console's page is to the feed: a socket, and the rows it holds.

use crate::tests::stand::Stand;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, StatusCode, header};
use std::{collections::BTreeMap, time::Duration};
use tokio::net::TcpStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message, client::IntoClientRequest as _},
};
use viworks_api::feed::{
    AuditQuery, Change, Frame, Notice, PATH, Position, Query, Request, RowId, Rows, SUBPROTOCOL,
    SessionQuery, UserQuery, Window, WindowId,
};
use viworks_api::operator::Me;
use viworks_domain::bytes;

pub const PATIENCE: Duration = Duration::from_secs(30);

pub type Socket = WebSocketStream<tokio_rustls::client::TlsStream<TcpStream>>;

/// Rows per window, taken in as a console does, with every check that a console makes.
pub struct Browser {
    socket: Socket,
    windows: BTreeMap<WindowId, Window>,
    pub held: BTreeMap<WindowId, BTreeMap<RowId, Change>>,
    pub position: Option<Position>,
    pub notices: Vec<Notice>,
    pub resyncs: usize,
    pub resumed: bool,
    pub me: Me,
    /// Telemetry and histories, as they came.
    pub words: Vec<Frame>,
}

pub const fn users(id: WindowId) -> Window {
    let query = UserQuery { id: None, text: None, state: None, policy: None, gateway: None };
    Window { id, query: Query::Users(query), limit: 100 }
}

pub const fn audit(id: WindowId) -> Window {
    let query = AuditQuery { user: None, session: None, correlation: None, kind: None };
    Window { id, query: Query::Audit(query), limit: 500 }
}

pub const fn sessions(id: WindowId) -> Window {
    let query = SessionQuery { id: None, active: None, text: None, user: None, gateway: None, policy: None };
    Window { id, query: Query::Sessions(query), limit: 100 }
}

/// The upgrade as a browser asks for it: with the cookie, from our page.
pub async fn upgrade(
    stand: &Stand,
    change: impl FnOnce(&mut http::HeaderMap),
    token: Option<&str>,
) -> Result<Socket, StatusCode> {
    let mut request = format!("wss://{}{PATH}", stand.address).into_client_request().expect("a request");
    let headers = request.headers_mut();
    let value = |text: &str| HeaderValue::from_str(text).expect("a header");
    headers.insert(header::ORIGIN, value(&stand.url));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, value(SUBPROTOCOL));
    if let Some(token) = token {
        headers.insert(header::COOKIE, value(&format!("__Host-viworks={token}")));
    }
    change(headers);
    match tokio_tungstenite::client_async(request, stand.connect().await).await {
        Ok((socket, response)) => {
            assert_eq!(response.headers().get(header::SEC_WEBSOCKET_PROTOCOL), Some(&value(SUBPROTOCOL)));
            Ok(socket)
        }
        Err(tungstenite::Error::Http(response)) => Err(response.status()),
        Err(error) => panic!("no answer to the upgrade: {error}"),
    }
}

impl Browser {
    /// Opened, with every window's rows.
    pub async fn open(stand: &Stand, token: &str, windows: &[Window]) -> Self {
        let mut browser = Self::connect(stand, token, None, windows).await;
        browser.settle().await;
        browser
    }

    /// Opened, the welcome heard, and nothing else.
    pub async fn connect(stand: &Stand, token: &str, resume: Option<Position>, windows: &[Window]) -> Self {
        let socket = upgrade(stand, |_| {}, Some(token)).await.expect("let in");
        Self::on(socket, resume, windows).await
    }

    /// Speaks first, on a socket that stands.
    pub async fn on(mut socket: Socket, resume: Option<Position>, windows: &[Window]) -> Self {
        let open = Request::Open { resume, windows: windows.to_vec() };
        socket.send(Message::binary(bytes::encode(&open))).await.expect("sent");
        let first = hear(&mut socket).await.expect("a welcome");
        let Frame::Welcome { at, resumed, me, .. } = first else { panic!("no welcome: {first:?}") };
        Self {
            socket,
            windows: windows.iter().map(|window| (window.id, window.clone())).collect(),
            held: BTreeMap::new(),
            position: Some(at),
            notices: vec![],
            resyncs: 0,
            resumed,
            me,
            words: vec![],
        }
    }

    /// Comes back with what another connection held.
    pub async fn resume(self, stand: &Stand, token: &str) -> Self {
        let windows: Vec<_> = self.windows.values().cloned().collect();
        let mut again = Self::connect(stand, token, self.position, &windows).await;
        if again.resumed {
            again.held = self.held;
            again.notices = self.notices;
            assert_eq!(again.position, self.position, "deltas begin where the client is");
        }
        again
    }

    pub async fn say(&mut self, request: &Request) {
        self.send(Message::binary(bytes::encode(request))).await;
    }

    pub async fn send(&mut self, message: Message) {
        self.socket.send(message).await.expect("sent");
    }

    pub async fn watch(&mut self, window: Window) {
        self.held.remove(&window.id);
        self.windows.insert(window.id, window.clone());
        self.say(&Request::Watch(window)).await;
        self.settle().await;
    }

    /// The next frame.
    pub async fn hear(&mut self) -> Frame {
        match self.hear_any().await {
            Ok(frame) => frame,
            Err(code) => panic!("closed with {code:?}"),
        }
    }

    /// The next frame, or the code that the server closed with.
    pub async fn hear_any(&mut self) -> Result<Frame, Option<u16>> {
        hear(&mut self.socket).await
    }

    /// The code that the server closes with, whatever it says before.
    pub async fn closed(&mut self) -> Option<u16> {
        // A feed that goes on says a head every second: each word in time is not yet an end.
        let closed = async {
            loop {
                if let Err(code) = self.hear_any().await {
                    break code;
                }
            }
        };
        tokio::time::timeout(PATIENCE, closed).await.expect("an end")
    }

    /// Until every window has its rows.
    pub async fn settle(&mut self) {
        while self.held.len() < self.windows.len() {
            self.take_in().await;
        }
    }

    /// Until the rows are as wanted.
    pub async fn sees(&mut self, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            self.take_in().await;
        }
    }

    /// Until everything up to the sequence is here.
    pub async fn reaches(&mut self, seq: u64) {
        while self.seq() < seq {
            self.take_in().await;
        }
    }

    pub fn seq(&self) -> u64 {
        self.position.expect("welcomed").seq
    }

    pub fn rows(&self, window: WindowId) -> Vec<&Change> {
        self.held[&window].values().collect()
    }

    /// One frame, with what a console checks: nothing missed, nothing out of turn.
    pub async fn take_in(&mut self) {
        let frame = self.hear().await;
        let position = self.position.as_mut().expect("welcomed");
        match frame.clone() {
            Frame::Welcome { .. } => panic!("welcomed twice"),
            Frame::Snapshot { window, seq, rows, .. } => {
                assert_eq!(seq, position.seq, "a snapshot stands where the connection stands");
                let rows: Vec<Change> = match rows {
                    Rows::Users(rows) => rows.into_iter().map(Change::User).collect(),
                    Rows::Sessions(rows) => rows.into_iter().map(Change::Session).collect(),
                    Rows::Gateways(rows) => rows.into_iter().map(Change::Gateway).collect(),
                    Rows::Policies(rows) => rows.into_iter().map(Change::Policy).collect(),
                    Rows::Audit(rows) => rows.into_iter().map(Change::Audit).collect(),
                };
                let rows = rows.into_iter().map(|row| (row.row_id().expect("a row"), row)).collect();
                self.held.insert(window, rows);
            }
            Frame::Delta { prev_seq, seq, changes } => {
                assert_eq!(prev_seq, position.seq, "gapless");
                assert!(seq > prev_seq);
                position.seq = seq;
                for change in changes {
                    self.change(change);
                }
            }
            Frame::Head { seq, log_head, .. } => {
                assert_eq!(seq, position.seq, "a head says what the deltas have said");
                assert!(log_head >= seq);
            }
            Frame::Resync => {
                self.resyncs += 1;
                self.held.clear();
            }
            Frame::Telemetry { .. } | Frame::History { .. } => self.words.push(frame),
            Frame::Refused { window, code } => panic!("window {window} was refused: {code}"),
        }
    }

    fn change(&mut self, change: Change) {
        let Some(id) = change.row_id() else {
            let Change::Notice(notice) = change else { unreachable!() };
            self.notices.push(notice);
            return;
        };
        let mut concerned = false;
        for (window, held) in &mut self.held {
            let query = &self.windows[window].query;
            concerned |= query.concerns(&change);
            if query.matches(&change) {
                held.insert(id, change.clone());
            } else if query.concerns(&change) {
                held.remove(&id);
            }
        }
        assert!(concerned, "nobody asked for {change:?}");
    }
}

pub async fn hear(socket: &mut Socket) -> Result<Frame, Option<u16>> {
    loop {
        let message = tokio::time::timeout(PATIENCE, socket.next()).await.expect("in time");
        match message {
            Some(Ok(Message::Binary(message))) => return Ok(bytes::decode(&message).expect("a frame")),
            Some(Ok(Message::Close(close))) => return Err(close.map(|close| close.code.into())),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(None),
        }
    }
}
