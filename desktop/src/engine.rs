//! From a password to a tunnel and to its end: Login -> waiting for the phone -> enter code -> connecting {SPA,
//! TLS, VPN} -> connected -> ended.
//!
//! Pure: time and random bytes are arguments, everything else is an input or an effect, so the terminal, the
//! window and the simulation run the same rules. A tunnel that breaks is rebuilt with a new bootstrap for as
//! long as the session lasts; what ends the session ends the engine, once, with the reason and nothing kept.

mod effect;
mod input;
mod ticket;
mod why;

mod connecting;
mod session;
#[cfg(test)]
mod tests;

pub use effect::{ActKey, Effect, Shown, StepName};
pub use input::{Down, Failure, HelperTrouble, Input, Refusal};
pub use ticket::{BadTicket, ServerClock, Ticket};
pub use why::Why;

use connecting::Step;
use std::time::Duration;
use viworks_domain::{Millis, otp::Digits};

/// How long one long poll waits: below the server's bound, above a phone's fetching.
const POLL_WAIT: Duration = Duration::from_secs(25);
/// Between tries while the server is away.
const AGAIN: Duration = Duration::from_secs(1);
/// Tries of the first request before we say that nobody is there: a wrong address should be told soon.
const FIRST_TRIES: u32 = 3;
/// How long the reason of an end may take to arrive after the end itself.
const REASON_WAIT: Duration = Duration::from_secs(3);
/// How long the server may take to hear that we sign out: a session it does not know to be over may keep its
/// person from the next one. Signing out a second time does not wait.
const SIGN_OUT_WAIT: Duration = Duration::from_secs(15);
/// The gateway cuts at `ends_at`; when it says nothing at all, we end by ourselves this much later.
const END_GRACE: Duration = Duration::from_secs(2);

/// Everything between the person, the API, the gateway and the helper, without any of them.
pub struct Engine {
    state: State,
    /// The last sequence seen: what the next poll is to be newer than.
    seq: u64,
    poll: Poll,
    /// Digits typed before they could be sent.
    held: Option<Digits>,
    clock: ServerClock,
    /// By the server's clock; only ever closer.
    ends_at: Option<Millis>,
    /// Names attempts, so that what belongs to an earlier one is not taken for this one's.
    attempt: u32,
    /// Attempts that failed since the last tunnel stood.
    failures: u32,
    was_connected: bool,
}

enum State {
    Login,
    SigningIn {
        tries: u32,
        again: Option<Millis>,
    },
    WaitingForPhone,
    EnterCode {
        answering: Option<Answering>,
    },
    Connecting(Step),
    Connected,
    /// The tunnel is gone by somebody's word: the reason is on its way, or it was not the session's end.
    Closing {
        until: Millis,
        otherwise: Otherwise,
    },
    SigningOut {
        key: ActKey,
        until: Millis,
        again: Option<Millis>,
    },
    Ended(Why),
}

struct Answering {
    key: ActKey,
    digits: Digits,
    again: Option<Millis>,
}

/// What a cut means when the server names no reason in time.
enum Otherwise {
    /// Connect anew, unless the server cannot be asked.
    Reconnect {
        said: String,
        server_is_away: bool,
    },
    End(Why),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Poll {
    Off,
    Out { since: Millis },
    At(Millis),
}

/// What one input leads to, gathered.
struct Turn {
    now: Millis,
    random: [u8; 16],
    effects: Vec<Effect>,
}

impl Turn {
    fn push(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn show(&mut self, shown: Shown) {
        self.push(Effect::Show(shown));
    }
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            state: State::Login,
            seq: 0,
            poll: Poll::Off,
            held: None,
            clock: ServerClock::default(),
            ends_at: None,
            attempt: 0,
            failures: 0,
            was_connected: false,
        }
    }
}

impl Engine {
    /// One input at `now`, with 16 fresh random bytes. The effects are to be done in their order.
    pub fn handle(&mut self, input: Input, now: Millis, random: [u8; 16]) -> Vec<Effect> {
        if self.ended().is_some() {
            return vec![];
        }
        let mut turn = Turn { now, random, effects: vec![] };
        match input {
            Input::SignIn => self.sign_in(&mut turn),
            Input::Opened(view) => self.opened(view, &mut turn),
            Input::OpenFailed(failure) => self.open_failed(failure, &mut turn),
            Input::Seen(view) => self.seen(view, &mut turn),
            Input::PollFailed(failure) => self.poll_failed(failure, &mut turn),
            Input::Code(digits) => self.code(digits, &mut turn),
            Input::Answered(answer) => self.answered(answer, &mut turn),
            Input::AnswerFailed(failure) => self.answer_failed(failure, &mut turn),
            Input::Bootstrapped(ticket) => self.bootstrapped(ticket, &mut turn),
            Input::BootstrapFailed(failure) => self.bootstrap_failed(failure, &mut turn),
            Input::Packet(packet) => self.packet(&packet, &mut turn),
            Input::TlsUp { n } => self.tls_up(n, &mut turn),
            Input::TlsFailed { n } => self.tls_failed(n, &mut turn),
            Input::TunnelUp { n, address } => self.tunnel_up(n, address, &mut turn),
            Input::TunnelDown { n, how } => self.tunnel_down(n, how, &mut turn),
            Input::SignOut => self.sign_out(&mut turn),
            Input::SignedOut => self.signed_out(true, &mut turn),
            Input::SignOutFailed(failure) => self.sign_out_failed(failure, &mut turn),
            Input::Wake => {}
        }
        self.due(&mut turn);
        turn.effects
    }

    /// When [`Input::Wake`] is wanted, at the latest.
    pub fn next_wake(&self) -> Option<Millis> {
        let poll = if let Poll::At(at) = self.poll { Some(at) } else { None };
        let state = match &self.state {
            State::Login | State::WaitingForPhone | State::Ended(_) => None,
            State::SigningIn { again, .. } => *again,
            State::EnterCode { answering } => answering.as_ref().and_then(|a| a.again),
            State::Connecting(step) => [step.wake(), self.local_end()].into_iter().flatten().min(),
            State::Connected => self.local_end(),
            State::Closing { until, .. } => Some(*until),
            State::SigningOut { until, again, .. } => Some(again.map_or(*until, |at| at.min(*until))),
        };
        [poll, state].into_iter().flatten().min()
    }

    /// Why it is over, once it is.
    pub const fn ended(&self) -> Option<&Why> {
        if let State::Ended(why) = &self.state { Some(why) } else { None }
    }

    /// Whether a code typed now would be used.
    pub const fn wants_code(&self) -> bool {
        matches!(self.state, State::WaitingForPhone | State::EnterCode { .. })
    }

    pub const fn is_connected(&self) -> bool {
        matches!(self.state, State::Connected)
    }

    /// Whatever had its time at `now`.
    fn due(&mut self, turn: &mut Turn) {
        let now = turn.now;
        if let Poll::At(at) = self.poll
            && now >= at
        {
            self.poll_now(turn);
        }
        let time_is_up = self.local_end().is_some_and(|end| now >= end);
        match &mut self.state {
            State::SigningIn { again, .. } if again.is_some_and(|at| now >= at) => {
                *again = None;
                // Another session: the server makes a new token for each, and the first one expires unused.
                turn.push(Effect::OpenSession { key: turn.random });
            }
            State::EnterCode { answering: Some(answering) }
                if answering.again.is_some_and(|at| now >= at) =>
            {
                answering.again = None;
                let (key, digits) = (answering.key, answering.digits.clone());
                turn.push(Effect::Answer { key, digits });
            }
            State::Connecting(_) | State::Connected if time_is_up => self.finish(Why::TimeUp, turn),
            State::Connecting(_) => self.step_due(turn),
            State::Closing { until, .. } if now >= *until => self.reason_is_late(turn),
            State::SigningOut { until, .. } if now >= *until => self.signed_out(false, turn),
            State::SigningOut { key, again, .. } if again.is_some_and(|at| now >= at) => {
                *again = None;
                let key = *key;
                turn.push(Effect::SignOut { key });
            }
            _ => {}
        }
    }

    /// By the clock here, with the grace.
    fn local_end(&self) -> Option<Millis> {
        self.ends_at.map(|end| self.clock.here(end).plus(END_GRACE))
    }

    fn ends_no_later_than(&mut self, at: Millis) {
        self.ends_at = Some(self.ends_at.map_or(at, |known| known.min(at)));
    }

    fn finish(&mut self, why: Why, turn: &mut Turn) {
        turn.push(Effect::CutTunnel);
        turn.push(Effect::Wipe);
        turn.show(Shown::Ended(why.clone()));
        self.poll = Poll::Off;
        self.held = None;
        self.state = State::Ended(why);
    }
}
