//! The client's end of the live feed, as a state machine: bytes in, what to show and what to send out.
//!
//! It resumes only from what it holds completely. A gap, a frame that cannot be read or a long silence break the
//! connection, never the rows: what is on the screen stays, and the mark says how old it is.

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};
use viworks_api::{
    feed::{Frame, HEAD_EVERY, Position, Request, Window, WindowId, close},
    operator::Me,
};
use viworks_domain::{Millis, bytes};

/// Three missed heads: the connection is gone, whatever the socket says.
pub const SILENCE: Duration = Duration::from_millis(HEAD_EVERY.as_millis() as u64 * 3);
/// While something is to be read for this client: the server says nothing before its turn has come, nor while one
/// long message is on its way, for which it allows twenty seconds.
pub const SILENCE_WHILE_READING: Duration = Duration::from_secs(30);
/// The first try again comes within this, the later ones within twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The log is this far ahead of the screens when they are called late: what a moment's work leaves is no delay.
const BEHIND: u64 = 50;

/// What the console knows of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Never connected yet, or just signed in.
    Connecting,
    /// Everything up to `seq` is on the screen.
    Live { seq: u64 },
    /// Connected, but the screens do not have all that has happened.
    CatchingUp { seq: u64 },
    /// Not connected; what is shown is as of `seq`.
    Offline { seq: u64, since: Millis },
    /// Server and page speak of different things: only another page goes on from here.
    Outdated { seq: u64 },
}

impl Mark {
    pub const fn seq(self) -> u64 {
        match self {
            Self::Connecting => 0,
            Self::Live { seq }
            | Self::CatchingUp { seq }
            | Self::Offline { seq, .. }
            | Self::Outdated { seq } => seq,
        }
    }

    /// As the page's attribute has it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::Live { .. } => "live",
            Self::CatchingUp { .. } => "catching-up",
            Self::Offline { .. } => "offline",
            Self::Outdated { .. } => "outdated",
        }
    }
}

/// What to do after a connection has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Retry(Duration),
    /// The sign-in has ended; whatever the person was looking at stays in the address bar.
    SignIn,
    /// The server is of another version. Trying again would go on for ever; the person reloads when they are ready.
    Reload,
}

/// The connection is of no use any more: close it and open another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Not a frame of this protocol: another version of the server, most likely.
    NotUnderstood,
    /// A delta does not begin where the last one ended.
    Gap { expected: u64, found: u64 },
    /// Something came before the welcome.
    OutOfTurn,
}

impl Broken {
    /// What to tell [`Feed::closed`]: as if the server had said so itself.
    pub const fn code(self) -> u16 {
        match self {
            Self::NotUnderstood => close::NOT_UNDERSTOOD,
            Self::Gap { .. } | Self::OutOfTurn => 0,
        }
    }
}

#[derive(Debug, Default)]
pub struct Feed {
    windows: BTreeMap<WindowId, Window>,
    /// Asked, not answered, and how many questions: the last one counts, the answers come in the questions' order.
    pending: BTreeMap<WindowId, u32>,
    /// Windows of an opening that would resume. They are answered if it cannot.
    resuming: Vec<WindowId>,
    /// How far everything that is not pending is complete.
    position: Option<Position>,
    log_head: u64,
    me: Option<Me>,
    link: Link,
    /// Until the first head, which comes when everything that the opening asks for has been sent.
    is_opening: bool,
    /// Connections in a row that never got a welcome.
    failures: u32,
    /// On the page's clock.
    heard_at: Millis,
    /// The server's clock minus the page's, in milliseconds: countdowns are the server's.
    skew: i64,
    next_window: WindowId,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Link {
    #[default]
    Never,
    Opening,
    Open,
    Gone {
        since: Millis,
    },
    Outdated,
}

impl Feed {
    /// A number for a new window.
    pub const fn new_window(&mut self) -> WindowId {
        self.next_window += 1;
        self.next_window
    }

    /// The socket stands: what to say first.
    pub fn connected(&mut self, now: Millis) -> Vec<u8> {
        self.link = Link::Opening;
        self.is_opening = true;
        self.heard_at = now;
        let resume = self.position.filter(|_| self.pending.is_empty());
        self.resuming.clear();
        match resume {
            Some(_) => self.resuming.extend(self.windows.keys()),
            // Once each: what was asked of the connection before, this one does not answer.
            None => self.pending.extend(self.windows.keys().map(|id| (*id, 1))),
        }
        bytes::encode(&Request::Open { resume, windows: self.windows.values().cloned().collect() })
    }

    /// Opens a window or asks another question in it; what to send, when there is somebody to send it to.
    pub fn watch(&mut self, window: Window) -> Option<Vec<u8>> {
        *self.pending.entry(window.id).or_default() += 1;
        self.windows.insert(window.id, window.clone());
        self.can_speak().then(|| bytes::encode(&Request::Watch(window)))
    }

    pub fn unwatch(&mut self, id: WindowId) -> Option<Vec<u8>> {
        self.windows.remove(&id);
        self.pending.remove(&id);
        self.can_speak().then(|| bytes::encode(&Request::Unwatch(id)))
    }

    /// Takes in one message and gives it back for the screens; nothing when there is nothing new in it.
    ///
    /// # Errors
    /// [`Broken`]: close the connection and call [`Feed::closed`].
    pub fn message(&mut self, message: &[u8], now: Millis) -> Result<Option<Frame>, Broken> {
        let frame: Frame = bytes::decode(message).map_err(|_| Broken::NotUnderstood)?;
        if self.link == Link::Opening && !matches!(frame, Frame::Welcome { .. }) {
            return Err(Broken::OutOfTurn);
        }
        self.heard_at = now;
        match &frame {
            Frame::Welcome { me, at, now: theirs, resumed } => {
                self.link = Link::Open;
                self.failures = 0;
                self.me = Some(me.clone());
                self.hear_clock(*theirs, now);
                self.log_head = self.log_head.max(at.seq);
                if *resumed {
                    // The position stays: deltas begin where it ends.
                    return Ok(Some(frame));
                }
                self.position = Some(*at);
                self.log_head = at.seq;
                for id in std::mem::take(&mut self.resuming) {
                    if self.windows.contains_key(&id) {
                        *self.pending.entry(id).or_default() += 1;
                    }
                }
            }
            Frame::Snapshot { window, .. } | Frame::Refused { window, .. } => {
                return Ok(self.answered(*window).then_some(frame));
            }
            Frame::Delta { prev_seq, seq, .. } => {
                return self.delta(*prev_seq, *seq).map(|new| new.then_some(frame));
            }
            Frame::Head { seq, log_head, now: theirs } => {
                self.is_opening = false;
                self.hear_clock(*theirs, now);
                self.log_head = *log_head;
                self.advance(*seq);
            }
            // One more answer, or the one that is waited for: the server does not say, so no more are waited for.
            Frame::Resync => {
                for id in self.windows.keys() {
                    self.pending.entry(*id).or_insert(1);
                }
            }
            Frame::Telemetry { .. } | Frame::History { .. } => {}
        }
        Ok(Some(frame))
    }

    /// Whether the answer is to what the window was asked last.
    fn answered(&mut self, window: WindowId) -> bool {
        match self.pending.get_mut(&window) {
            Some(questions) if *questions > 1 => {
                *questions -= 1;
                false
            }
            _ => {
                self.pending.remove(&window);
                // It may have been closed meanwhile.
                self.windows.contains_key(&window)
            }
        }
    }

    /// Whether the delta says something new.
    fn delta(&mut self, prev_seq: u64, seq: u64) -> Result<bool, Broken> {
        let Some(position) = &self.position else { return Err(Broken::OutOfTurn) };
        if seq <= position.seq {
            return Ok(false);
        }
        if prev_seq > position.seq {
            return Err(Broken::Gap { expected: position.seq, found: prev_seq });
        }
        self.advance(seq);
        Ok(true)
    }

    fn advance(&mut self, seq: u64) {
        if let Some(position) = &mut self.position {
            position.seq = position.seq.max(seq);
            self.log_head = self.log_head.max(position.seq);
        }
    }

    fn hear_clock(&mut self, theirs: Millis, now: Millis) {
        self.skew = i64::try_from(theirs.0).unwrap_or(0) - i64::try_from(now.0).unwrap_or(0);
    }

    /// The socket is closed, for whatever reason; `random` in `0.0..1.0` spreads the returns of many.
    pub fn closed(&mut self, code: u16, now: Millis, random: f64) -> Next {
        if code == close::NOT_UNDERSTOOD {
            self.link = Link::Outdated;
            return Next::Reload;
        }
        if !matches!(self.link, Link::Gone { .. }) {
            self.link = Link::Gone { since: now };
        }
        if code == close::SIGNED_OUT {
            return Next::SignIn;
        }
        let longest = FIRST_PAUSE.saturating_mul(1 << self.failures.min(10)).min(LONGEST_PAUSE);
        self.failures += 1;
        Next::Retry(longest.mul_f64(random.clamp(0.0, 1.0)))
    }

    /// Somebody else has signed in: nothing of what was known is theirs.
    pub fn forget(&mut self) {
        let windows = std::mem::take(&mut self.windows);
        *self = Self {
            pending: windows.keys().map(|id| (*id, 1)).collect(),
            windows,
            next_window: self.next_window,
            ..Self::default()
        };
    }

    /// A connection that has said nothing for too long.
    pub fn is_silent(&self, now: Millis) -> bool {
        let is_read_for = self.is_opening || !self.pending.is_empty();
        let most = if is_read_for { SILENCE_WHILE_READING } else { SILENCE };
        self.can_speak() && now.since(self.heard_at) > most
    }

    /// The opening has been said; more may follow before it is answered.
    const fn can_speak(&self) -> bool {
        matches!(self.link, Link::Open | Link::Opening)
    }

    pub fn mark(&self) -> Mark {
        let seq = self.position.map_or(0, |position| position.seq);
        match self.link {
            Link::Gone { since } => Mark::Offline { seq, since },
            Link::Outdated => Mark::Outdated { seq },
            Link::Never | Link::Opening if self.position.is_none() => Mark::Connecting,
            Link::Never | Link::Opening => Mark::CatchingUp { seq },
            Link::Open if !self.pending.is_empty() || self.log_head > seq + BEHIND => {
                Mark::CatchingUp { seq }
            }
            Link::Open => Mark::Live { seq },
        }
    }

    pub const fn me(&self) -> Option<&Me> {
        self.me.as_ref()
    }

    /// The server's time, as well as it is known.
    pub fn server_time(&self, now: Millis) -> Millis {
        Millis(now.0.saturating_add_signed(self.skew))
    }

    /// Whether what was decided at `seq` is in every window.
    pub fn has_reached(&self, seq: u64) -> bool {
        self.pending.is_empty() && self.position.is_some_and(|position| position.seq >= seq)
    }
}

/// Whether the frame answers a question of this window. What has been heard and not been shown when another question
/// is asked is not its answer.
pub fn is_answer(frame: &Frame, to: WindowId) -> bool {
    matches!(frame, Frame::Snapshot { window, .. } | Frame::Refused { window, .. } if *window == to)
}
