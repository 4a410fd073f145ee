//! The socket under [`viworks_web_model::feed::Feed`]: connects, reads, retries, and hands what came to the open
//! windows once per frame that the browser draws.

use crate::{clock, entropy, http, live::Watched, session};
use leptos::prelude::*;
use std::{cell::RefCell, collections::HashMap, rc::Rc, time::Duration};
use viworks_api::{
    feed::{Change, Frame, Notice, PATH, Query, Rows, SUBPROTOCOL, Sample, Window, WindowId, close},
    gateway::GatewayTelemetry,
    operator::Me,
};
use viworks_domain::{Millis, ids::GatewayId};
use viworks_web_model::{
    feed::{Feed as Machine, Mark, Next, is_answer},
    list::Row,
};
use wasm_bindgen::{JsCast as _, prelude::Closure};
use web_sys::{BinaryType, CloseEvent, MessageEvent, WebSocket};

/// A hidden page draws no frames; what comes is taken in this often instead.
const HIDDEN: Duration = Duration::from_millis(500);
/// Frames that wait for one to be drawn. Browsers stretch a hidden page's timers to minutes, and its queue must not
/// grow as long; more than this is taken in at once.
const MOST_QUEUED: usize = 256;
/// Drawn samples of a gateway's machine: five minutes at one every two seconds.
const SAMPLES: usize = 150;

/// One open window's rows, whatever their kind.
pub trait Sink {
    fn snapshot(&self, rows: &Rows, next: Option<&str>);
    /// A row as it was at `seq`.
    fn take(&self, seq: u64, change: &Change);
    fn refused(&self, code: &str);
    /// The end of a batch: what has gathered is shown.
    fn flush(&self);
}

/// Copied freely; there is one.
#[derive(Clone, Copy)]
pub struct Feed {
    inner: StoredValue<Rc<RefCell<Inner>>, LocalStorage>,
    mark: RwSignal<Mark>,
    /// The server's clock, every second.
    now: RwSignal<Millis>,
    gateways: RwSignal<HashMap<GatewayId, Machines>>,
    notices: RwSignal<Vec<Notice>>,
}

/// What a gateway says of itself, and the last minutes of its machine, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machines {
    pub telemetry: Option<GatewayTelemetry>,
    pub samples: Vec<Sample>,
}

struct Inner {
    machine: Machine,
    sinks: HashMap<WindowId, Rc<dyn Sink>>,
    socket: Option<Socket>,
    /// Heard and not shown yet. The machine's position is past them already, so a lost connection does not lose them.
    queue: Vec<Frame>,
    is_scheduled: bool,
    /// Signed in: the feed is to be open.
    wanted: bool,
    /// The socket that is there has been open.
    was_open: bool,
    /// Counts sockets, so that a late event of an old one changes nothing.
    generation: u64,
}

/// The socket with what it calls; all go together.
struct Socket {
    web: WebSocket,
    _on_open: Closure<dyn FnMut()>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.web.set_onopen(None);
        self.web.set_onmessage(None);
        self.web.set_onclose(None);
        // Closing a closed socket does nothing.
        let _ = self.web.close();
    }
}

impl Feed {
    pub fn new() -> Self {
        let inner = Inner {
            machine: Machine::default(),
            sinks: HashMap::new(),
            socket: None,
            queue: Vec::new(),
            is_scheduled: false,
            wanted: false,
            was_open: false,
            generation: 0,
        };
        let feed = Self {
            inner: StoredValue::new_local(Rc::new(RefCell::new(inner))),
            mark: RwSignal::new(Mark::Connecting),
            now: RwSignal::new(clock::now()),
            gateways: RwSignal::new(HashMap::new()),
            notices: RwSignal::new(Vec::new()),
        };
        let tick = gloo_timers::callback::Interval::new(1_000, move || feed.tick());
        // The feed lives as long as the page.
        tick.forget();
        // A frame that was asked for before the page was hidden is drawn only when it is seen again.
        let _ = window_event_listener_untyped("visibilitychange", move |_| feed.apply());
        feed
    }

    pub fn mark(self) -> Signal<Mark> {
        self.mark.into()
    }

    /// The server's time, once a second: for countdowns.
    pub fn now(self) -> Signal<Millis> {
        self.now.into()
    }

    /// What a gateway says of itself; tracked by gateway views, every two seconds.
    pub fn machines(self, gateway: GatewayId) -> Machines {
        self.gateways.with(|all| all.get(&gateway).cloned().unwrap_or_default())
    }

    /// What has been noticed since this was last asked.
    pub fn take_notices(self) -> Vec<Notice> {
        if self.notices.with(Vec::is_empty) {
            return Vec::new();
        }
        self.notices.try_update_untracked(std::mem::take).unwrap_or_default()
    }

    /// Returns once what was decided at `seq` is in every open window: people read their own writes. Gives up
    /// quietly after a while; the mark then says that the screens are late.
    pub async fn reached(self, seq: u64) {
        for _ in 0..300 {
            if self.with(|inner| inner.machine.has_reached(seq)).unwrap_or(true) {
                // Heard; what waits to be drawn is taken in now.
                return self.apply();
            }
            gloo_timers::future::TimeoutFuture::new(20).await;
        }
    }

    /// Opens a window for as long as the calling component lives; asks anew whenever the question changes or
    /// is to be asked again.
    pub fn watch<R: Row>(self, query: impl Fn() -> Query + Send + Sync + 'static, limit: u32) -> Watched<R> {
        let id = self.with(|inner| inner.machine.new_window()).unwrap_or_default();
        let query = Memo::new(move |_| query());
        let watched = Watched::<R>::new(query.get_untracked());
        let sink: Rc<dyn Sink> = Rc::new(watched);
        self.with(|inner| inner.sinks.insert(id, sink));
        self.ask(Window { id, query: query.get_untracked(), limit });
        Effect::watch(
            move || (query.get(), watched.again()),
            move |(query, _), _, _| {
                watched.ask(query.clone());
                self.ask(Window { id, query: query.clone(), limit });
            },
            false,
        );
        on_cleanup(move || {
            self.with(|inner| {
                inner.sinks.remove(&id);
                if let Some(message) = inner.machine.unwatch(id) {
                    inner.say(&message);
                }
            });
        });
        watched
    }

    fn ask(self, window: Window) {
        self.with(|inner| {
            inner.queue.retain(|frame| !is_answer(frame, window.id));
            if let Some(message) = inner.machine.watch(window) {
                inner.say(&message);
            }
        });
        self.show_mark();
    }

    pub fn start(self) {
        let idle = self.with(|inner| !std::mem::replace(&mut inner.wanted, true) || inner.socket.is_none());
        if idle == Some(true) {
            self.connect();
        }
    }

    pub fn stop(self) {
        self.with(|inner| {
            inner.wanted = false;
            inner.socket = None;
            inner.machine.closed(close::SIGNED_OUT, clock::now(), 0.0);
        });
        self.show_mark();
    }

    pub fn forget(self) {
        self.with(|inner| {
            inner.machine.forget();
            inner.queue.clear();
        });
        self.gateways.set(HashMap::new());
        self.show_mark();
    }

    /// Tries at once instead of when the pause is over.
    pub fn retry_now(self) {
        if self.with(|inner| inner.wanted && inner.socket.is_none()) == Some(true) {
            self.connect();
        }
    }

    fn with<T>(self, act: impl FnOnce(&mut Inner) -> T) -> Option<T> {
        let inner = self.inner.try_get_value()?;
        let mut inner = inner.try_borrow_mut().ok()?;
        Some(act(&mut inner))
    }

    fn show_mark(self) {
        if let Some(mark) = self.with(|inner| inner.machine.mark())
            && self.mark.get_untracked() != mark
        {
            self.mark.set(mark);
        }
    }

    fn tick(self) {
        let now = clock::now();
        if let Some(theirs) = self.with(|inner| inner.machine.server_time(now)) {
            self.now.set(theirs);
        }
        if self.with(|inner| inner.machine.is_silent(now)) == Some(true) {
            self.lost(0);
        }
    }

    fn connect(self) {
        let Some(generation) = self.with(|inner| {
            inner.socket = None;
            inner.was_open = false;
            inner.generation += 1;
            inner.generation
        }) else {
            return;
        };
        let on_open = Closure::<dyn FnMut()>::new(move || {
            self.with(|inner| {
                if inner.generation == generation {
                    inner.was_open = true;
                    let opening = inner.machine.connected(clock::now());
                    inner.say(&opening);
                }
            });
            self.show_mark();
        });
        let on_message =
            Closure::<dyn FnMut(_)>::new(move |event: MessageEvent| self.hear(generation, &event));
        let on_close = Closure::<dyn FnMut(_)>::new(move |event: CloseEvent| {
            if self.with(|inner| inner.generation) == Some(generation) {
                self.lost(event.code());
            }
        });
        match WebSocket::new_with_str(&address(), SUBPROTOCOL) {
            Ok(web) => {
                web.set_binary_type(BinaryType::Arraybuffer);
                web.set_onopen(Some(on_open.as_ref().unchecked_ref()));
                web.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
                web.set_onclose(Some(on_close.as_ref().unchecked_ref()));
                let socket = Socket { web, _on_open: on_open, _on_message: on_message, _on_close: on_close };
                self.with(|inner| inner.socket = Some(socket));
            }
            Err(_) => self.lost(0),
        }
    }

    fn hear(self, generation: u64, event: &MessageEvent) {
        let Ok(buffer) = event.data().dyn_into::<js_sys::ArrayBuffer>() else { return self.lost(0) };
        let bytes = js_sys::Uint8Array::new(&buffer).to_vec();
        let now = clock::now();
        let heard = self.with(|inner| {
            if inner.generation != generation {
                return Ok(());
            }
            let frame = inner.machine.message(&bytes, now)?;
            inner.queue.extend(frame);
            Ok::<_, viworks_web_model::feed::Broken>(())
        });
        match heard {
            Some(Ok(())) => self.schedule(),
            Some(Err(broken)) => self.lost(broken.code()),
            None => {}
        }
    }

    /// Once per drawn frame, or by a timer while nobody looks.
    fn schedule(self) {
        let state = self.with(|inner| {
            let waits = !inner.queue.is_empty() && !inner.is_scheduled;
            inner.is_scheduled |= waits;
            (waits, inner.queue.len() > MOST_QUEUED)
        });
        let Some((waits, is_long)) = state else { return };
        if is_long {
            return self.apply();
        }
        if !waits {
            return;
        }
        if document().hidden() {
            gloo_timers::callback::Timeout::new(HIDDEN.as_millis() as u32, move || self.apply()).forget();
        } else {
            request_animation_frame(move || self.apply());
        }
    }

    fn apply(self) {
        let Some((queue, sinks)) = self.with(|inner| {
            inner.is_scheduled = false;
            (std::mem::take(&mut inner.queue), inner.sinks.clone())
        }) else {
            return;
        };
        if queue.is_empty() {
            return;
        }
        for frame in &queue {
            self.show(frame, &sinks);
        }
        for sink in sinks.values() {
            sink.flush();
        }
        self.show_mark();
    }

    fn show(self, frame: &Frame, sinks: &HashMap<WindowId, Rc<dyn Sink>>) {
        match frame {
            Frame::Welcome { me, .. } => session::update(me),
            Frame::Snapshot { window, rows, next, .. } => {
                if let Some(sink) = sinks.get(window) {
                    sink.snapshot(rows, next.as_deref());
                }
            }
            Frame::Delta { seq, changes, .. } => {
                for change in changes {
                    if let Change::Notice(notice) = change {
                        self.notices.update(|notices| notices.push(notice.clone()));
                    }
                    for sink in sinks.values() {
                        sink.take(*seq, change);
                    }
                }
            }
            Frame::Telemetry { gateway, telemetry } => self.gateways.update(|all| {
                let known = all.entry(*gateway).or_default();
                if let Some(machine) = telemetry.machine {
                    known.samples.push(Sample { at: telemetry.at, machine });
                    let surplus = known.samples.len().saturating_sub(SAMPLES);
                    known.samples.drain(..surplus);
                }
                known.telemetry = Some(telemetry.clone());
            }),
            Frame::History { gateway, samples } => self.gateways.update(|all| {
                all.entry(*gateway).or_default().samples = samples.clone();
            }),
            Frame::Refused { window, code } => {
                if let Some(sink) = sinks.get(window) {
                    sink.refused(code);
                }
            }
            Frame::Head { .. } | Frame::Resync => {}
        }
    }

    /// The connection is gone, or of no use any more.
    fn lost(self, code: u16) {
        let Some(next) = self.with(|inner| {
            inner.socket = None;
            inner.wanted.then(|| inner.machine.closed(code, clock::now(), entropy::fraction()))
        }) else {
            return;
        };
        self.show_mark();
        match next {
            Some(Next::Retry(pause)) => {
                let generation = self.with(|inner| inner.generation);
                gloo_timers::callback::Timeout::new(pause.as_millis() as u32, move || {
                    if self.with(|inner| inner.generation) == generation {
                        self.retry_now();
                    }
                })
                .forget();
                // A browser does not say why a socket was refused; a question over HTTP does, and an answer that
                // nobody is signed in shows the sign-in page.
                if self.with(|inner| inner.was_open) == Some(false) {
                    leptos::task::spawn_local(async {
                        let _ = http::get::<Me>("/v1/operator/me").await;
                    });
                }
            }
            Some(Next::SignIn) => session::ended(),
            // The mark says so. Nobody loses what they type to a reload that they did not ask for.
            Some(Next::Reload) | None => {}
        }
    }
}

impl Inner {
    fn say(&self, message: &[u8]) {
        if let Some(socket) = &self.socket {
            // A socket that cannot send is closing, and its end is handled as such.
            let _ = socket.web.send_with_u8_array(message);
        }
    }
}

fn address() -> String {
    let host = window().location().host().unwrap_or_default();
    format!("wss://{host}{PATH}")
}

pub fn expect() -> Feed {
    expect_context::<Feed>()
}
