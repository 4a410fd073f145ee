//! One connection, from its first word to its last.

use super::{
    Batch, Feed,
    hub::MOST_CHANGES,
    position::{Position, Taken},
    seats::Seat,
    signed_in, snapshot,
    socket::{NOT_UNDERSTOOD, Over, Socket},
    turn::Set,
    view::View,
};
use crate::{
    app::App,
    clock,
    http::{Permit, Read, WebSocket},
};
use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::broadcast::{self, error::RecvError},
    time::{Interval, MissedTickBehavior},
};
use viworks_api::feed::{self, Frame, HEAD_EVERY, OPEN_WITHIN, Request, Window, WindowId, close};
use viworks_domain::bytes as postcard;
use viworks_projections::{Changed, Moment, QueryError};

/// What a browser's socket is behind TLS.
type Wire = Socket<TokioIo<Upgraded>>;
type Ring = broadcast::Receiver<Arc<Batch>>;

/// Heads between two pings. Browsers answer them without being asked.
const PING_EVERY: u32 = 10;
/// Heads without a word or an answer from the other end: three pings went unheard.
const SILENT_HEADS: u32 = 3 * PING_EVERY;
/// RFC 6455: the server met something unexpected. The client comes back in a while.
const INTERNAL: u16 = 1011;
/// Batches that a new window may have to wait for; further behind, everything is read anew.
const CATCH_UP: usize = 4;

/// Sequences that a client may be behind to be told one by one: a night's worth of news is read as snapshots, and
/// nobody wants a toast for each of it.
const MOST_BEHIND: u64 = 10_000;

/// Talks to whoever was admitted until either end is over.
pub async fn serve(app: Arc<App>, permit: Permit<Read>, socket: WebSocket) {
    let mut socket = Socket(socket);
    let seat = app.feed.seats.take(permit.operator);
    let over = match &seat {
        Some(seat) => until_over(&app, &permit, seat, &mut socket).await,
        None => Over::Close(close::TOO_MANY),
    };
    tracing::debug!(operator = %permit.operator, ?over, "a feed ended");
    leave(seat, socket, over).await;
}

/// Whoever waits for the seats to be empty waits for the goodbyes too.
async fn leave<S: AsyncRead + AsyncWrite + Unpin>(seat: Option<Seat>, socket: Socket<S>, over: Over) {
    socket.close(over).await;
    drop(seat);
}

async fn until_over(app: &App, permit: &Permit<Read>, seat: &Seat, socket: &mut Wire) -> Over {
    let mut stop = app.feed.stop.clone();
    // Before the sign-in is looked at for the first time: where nobody reads the ring, nobody rings.
    let live = app.feed.live.subscribe();
    tokio::select! {
        // A sender that is gone is a node that goes.
        _ = stop.wait_for(|stop| *stop) => Over::Close(close::GOING_AWAY),
        code = signed_in::ended(app, permit, seat.changed.clone()) => Over::Close(code),
        over = talk(app, permit, seat, socket, live) => over,
    }
}

async fn talk(app: &App, permit: &Permit<Read>, seat: &Seat, socket: &mut Wire, live: Ring) -> Over {
    let opened = tokio::time::timeout(OPEN_WITHIN, first_word(socket)).await;
    let (resume, windows) = match opened {
        Ok(Ok(opened)) => opened,
        Ok(Err(over)) => return over,
        // It has said nothing wrong: a page that was asleep comes back.
        Err(_) => return Over::Close(close::GOING_AWAY),
    };
    let mut connection = Connection::new(app, permit, seat, socket, &live);
    drop(live);
    let result = async {
        connection.open(resume, windows).await?;
        connection.go_on().await
    };
    match result.await {
        Ok(never) => match never {},
        Err(Fault::Over(over)) => over,
        Err(Fault::Database(QueryError::OtherLog { .. })) => Over::Close(close::GOING_AWAY),
        Err(Fault::Database(error)) => {
            tracing::error!(error = &error as &dyn std::error::Error, "a feed cannot read the database");
            Over::Close(INTERNAL)
        }
    }
}

async fn first_word(socket: &mut Wire) -> Result<(Option<feed::Position>, Vec<Window>), Over> {
    loop {
        match socket.next().await? {
            None => {}
            Some(Request::Open { resume, windows }) => return Ok((resume, windows)),
            Some(Request::Watch(_) | Request::Unwatch(_)) => return Err(NOT_UNDERSTOOD),
        }
    }
}

enum Fault {
    Over(Over),
    Database(QueryError),
}

impl From<Over> for Fault {
    fn from(over: Over) -> Self {
        Self::Over(over)
    }
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Self::Database(error)
    }
}

enum Never {}

struct Connection<'a> {
    app: &'a App,
    feed: &'a Feed,
    permit: &'a Permit<Read>,
    seat: &'a Seat,
    socket: &'a mut Wire,
    live: Ring,
    words: broadcast::Receiver<Bytes>,
    heads: Interval,
    position: Position,
    view: View,
    /// Heads since the other end was heard.
    unheard: u32,
}

impl<'a> Connection<'a> {
    fn new(
        app: &'a App,
        permit: &'a Permit<Read>,
        seat: &'a Seat,
        socket: &'a mut Wire,
        live: &Ring,
    ) -> Self {
        let feed = app.feed.as_ref();
        let mut heads = tokio::time::interval(HEAD_EVERY);
        heads.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            app,
            feed,
            permit,
            seat,
            socket,
            // Before anything is read: what comes while it is read is kept. What came before is in what is read.
            live: live.resubscribe(),
            words: feed.words.subscribe(),
            heads,
            position: Position::at(0),
            view: View::new(permit.role),
            unheard: 0,
        }
    }

    async fn open(&mut self, resume: Option<feed::Position>, windows: Vec<Window>) -> Result<(), Fault> {
        let mut refused = vec![];
        for window in windows {
            let id = window.id;
            if let Err(code) = self.view.watch(window) {
                refused.push((id, code));
            }
        }
        let came = *self.app.log_head.borrow();
        match resume {
            Some(at) if self.can_resume(at).await? => self.resume(at).await?,
            _ => {
                let (seq, set) = read_all(self.app, self.seat, &self.view).await?;
                // Tables that are built anew come past what it was told, or what was old when it came.
                let told = resume.filter(|at| at.log == self.feed.log).map_or(0, |at| at.seq);
                self.position = Position::at(seq).having_come_at(told.max(came));
                self.send_all(set.after(self.welcome(false))).await?;
            }
        }
        for (id, code) in refused {
            self.refuse(id, code).await?;
        }
        Ok(())
    }

    /// Whether everything that has changed since is still known, and nothing of it is that something is gone.
    async fn can_resume(&mut self, at: feed::Position) -> Result<bool, Fault> {
        if at.log != self.feed.log {
            return Ok(false);
        }
        let mut turn = self.feed.turn(self.seat).await?;
        let is_near = turn.remembers(at.seq) && turn.seq() - at.seq <= MOST_BEHIND;
        Ok(is_near && !turn.erased_after(at.seq).await?)
    }

    async fn resume(&mut self, at: feed::Position) -> Result<(), Fault> {
        self.position = Position::at(at.seq);
        self.socket.send(self.welcome(true)).await?;
        loop {
            let mut turn = self.feed.turn(self.seat).await?;
            let changed = turn.changed_after(self.position.passed(), MOST_CHANGES).await?;
            let Changed::Since { seq, head, rows } = changed else {
                drop(turn);
                return self.resync().await;
            };
            let mut frames = match self.pick(&Batch::of(self.position.passed(), seq, rows)) {
                Taken::Nothing => vec![],
                Taken::Delta(frame) => vec![frame],
                Taken::Gap => {
                    drop(turn);
                    return self.resync().await;
                }
            };
            if seq == head && self.view.shows_gateways() {
                frames.extend(snapshot::histories(self.app, &mut turn).await?);
            }
            let set = turn.ends_with(frames).await;
            self.send_all(set).await?;
            if seq == head {
                return Ok(());
            }
        }
    }

    async fn go_on(&mut self) -> Result<Never, Fault> {
        loop {
            tokio::select! {
                request = self.socket.next() => {
                    self.unheard = 0;
                    match request? {
                        None => {}
                        Some(Request::Open { .. }) => return Err(NOT_UNDERSTOOD.into()),
                        Some(Request::Watch(window)) => self.watch(window).await?,
                        Some(Request::Unwatch(id)) => self.view.unwatch(id),
                    }
                }
                batch = self.live.recv() => match batch {
                    Ok(batch) => self.take(&batch).await?,
                    Err(RecvError::Lagged(_)) => self.resync().await?,
                    Err(RecvError::Closed) => return Err(Over::Close(close::GOING_AWAY).into()),
                },
                word = self.words.recv() => match word {
                    Ok(word) if self.view.shows_gateways() => self.socket.send(word).await?,
                    // The next word says anew what was missed.
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return Err(Over::Close(close::GOING_AWAY).into()),
                },
                _ = self.heads.tick() => self.head().await?,
            }
        }
    }

    /// What of the batch this client is told.
    fn pick(&mut self, batch: &Batch) -> Taken {
        let view = &self.view;
        if batch.erased && batch.seq > self.position.passed() {
            return Taken::Gap;
        }
        self.position.take(batch, |change| view.concerns(change))
    }

    async fn take(&mut self, batch: &Batch) -> Result<(), Fault> {
        match self.pick(batch) {
            Taken::Nothing => Ok(()),
            Taken::Delta(frame) => Ok(self.socket.send(frame).await?),
            Taken::Gap => self.resync().await,
        }
    }

    /// What has changed up to the snapshot is told before it, so that its sequence is this connection's.
    async fn watch(&mut self, window: Window) -> Result<(), Fault> {
        let id = window.id;
        self.view.unwatch(id);
        let mut frames = vec![];
        let mut turn = self.feed.turn(self.seat).await?;
        let is_there = self.follow(&mut turn, &mut frames).await?;
        let refused = match self.view.watch(window) {
            Ok(window) if is_there => {
                frames.extend(snapshot::one(self.app, &mut turn, window).await?);
                None
            }
            Ok(_) => None,
            Err(code) => Some(code),
        };
        let set = turn.ends_with(frames).await;
        self.send_all(set).await?;
        match refused {
            Some(code) => self.refuse(id, code).await,
            None if is_there => Ok(()),
            None => self.resync().await,
        }
    }

    /// Up to the moment, if that is near; false when too much has happened, or something is gone.
    async fn follow(&mut self, moment: &mut Moment, frames: &mut Vec<Vec<u8>>) -> Result<bool, Fault> {
        let view = &self.view;
        for _ in 0..CATCH_UP {
            let at = self.position.passed();
            if at >= moment.seq() {
                break;
            }
            let Changed::Since { seq, rows, .. } = moment.changed_after(at, MOST_CHANGES).await? else {
                return Ok(false);
            };
            let batch = Batch::of(at, seq, rows);
            if batch.erased {
                return Ok(false);
            }
            if let Taken::Delta(frame) = self.position.take(&batch, |change| view.concerns(change)) {
                frames.push(frame);
            }
        }
        frames.extend(self.position.tell());
        Ok(self.position.passed() == moment.seq())
    }

    /// Everything anew: this client has missed something, or must forget something.
    async fn resync(&mut self) -> Result<(), Fault> {
        // What still stands in the ring is in the snapshots too.
        self.live = self.feed.live.subscribe();
        self.socket.send(postcard::encode(&Frame::Resync)).await?;
        let (seq, mut set) = read_all(self.app, self.seat, &self.view).await?;
        if let Some(frame) = self.position.jump(seq) {
            set = set.after(frame);
        }
        self.send_all(set).await
    }

    fn welcome(&self, resumed: bool) -> Vec<u8> {
        let me = self.permit.me();
        let at = feed::Position { log: self.feed.log, seq: self.position.told() };
        postcard::encode(&Frame::Welcome { me, at, now: clock::now(), resumed })
    }

    async fn refuse(&mut self, window: WindowId, code: &'static str) -> Result<(), Fault> {
        let refused = Frame::Refused { window, code: code.to_owned() };
        Ok(self.socket.send(postcard::encode(&refused)).await?)
    }

    async fn head(&mut self) -> Result<(), Fault> {
        self.unheard += 1;
        if self.unheard > SILENT_HEADS {
            return Err(Over::Gone.into());
        }
        if self.unheard.is_multiple_of(PING_EVERY) {
            self.socket.ping().await?;
        }
        if let Some(frame) = self.position.tell() {
            self.socket.send(frame).await?;
        }
        let seq = self.position.told();
        let log_head = (*self.app.log_head.borrow()).max(seq);
        Ok(self.socket.send(postcard::encode(&Frame::Head { seq, log_head, now: clock::now() })).await?)
    }

    async fn send_all(&mut self, set: Set<'_>) -> Result<(), Fault> {
        let (frames, _room) = set.open();
        Ok(self.socket.send_all(frames).await?)
    }
}

/// Every window's snapshot, and the sequence of all of them.
async fn read_all<'a>(app: &'a App, seat: &'a Seat, view: &View) -> Result<(u64, Set<'a>), QueryError> {
    let mut turn = app.feed.turn(seat).await?;
    let frames = snapshot::all(app, &mut turn, view).await?;
    let seq = turn.seq();
    Ok((seq, turn.ends_with(frames).await))
}

#[cfg(test)]
mod tests {
    use super::{super::seats::Seats, *};
    use crate::config;
    use futures_util::FutureExt as _;
    use tokio_tungstenite::{WebSocketStream, tungstenite::protocol::Role};
    use viworks_domain::ids::OperatorId;

    #[tokio::test(start_paused = true)]
    async fn a_seat_is_free_when_its_goodbye_has_been_said() {
        let seats = Seats::new(&config::Limits {
            sign_ins_per_minute: 1,
            enrolments_per_minute: 1,
            answers_per_minute: 1,
            feeds: 1,
            feeds_per_operator: 1,
        });
        let (ours, _theirs) = tokio::io::duplex(1024);
        let socket = Socket(WebSocketStream::from_raw_socket(ours, Role::Server, None).await);
        let seat = seats.take(OperatorId([1; 16]));
        let leaving = leave(seat, socket, Over::Close(close::GOING_AWAY));
        tokio::pin!(leaving);
        // The other end has not answered yet.
        assert!(leaving.as_mut().now_or_never().is_none());
        assert!(seats.empty().now_or_never().is_none());
        leaving.await;
        seats.empty().await;
    }
}
