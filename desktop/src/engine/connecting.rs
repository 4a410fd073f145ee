//! The way in: bootstrap, knock until it is answered, pinned TLS, VPN; and from the start when it breaks.

use super::{
    Down, Effect, Engine, Failure, Otherwise, Shown, State, StepName, Ticket, Turn, Why, session::fatal,
};
use std::{
    net::{Ipv4Addr, SocketAddrV4},
    time::Duration,
};
use viworks_domain::{Millis, spa::Knock};

/// The first retransmission: longer than a round trip across a continent, and then twice as long each time.
const FIRST_GAP: Duration = Duration::from_millis(100);
const LONGEST_GAP: Duration = Duration::from_secs(1);
/// How long one bootstrap is knocked for; an agent that was restarted meanwhile knows nothing of it.
const KNOCKING: Duration = Duration::from_secs(5);
const TLS_TIME: Duration = Duration::from_secs(8);
const VPN_TIME: Duration = Duration::from_secs(15);
/// Attempts before a first tunnel: with the rests between them, about a minute and a half.
const FIRST_ATTEMPTS: u32 = 10;
const SHORTEST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(30);
/// The server counts bootstraps over ten minutes: one told to wait waits.
const TOLD_TO_WAIT: Duration = Duration::from_secs(60);

pub(super) enum Step {
    Asking,
    Knocking(Knocking),
    Tls { ticket: Box<Ticket>, until: Millis },
    Vpn { ticket: Box<Ticket>, until: Millis },
    Resting { until: Millis },
}

pub(super) struct Knocking {
    ticket: Box<Ticket>,
    /// Every one may be the one that is answered.
    sent: Vec<Knock>,
    next: Millis,
    gap: Duration,
    until: Millis,
}

impl Step {
    pub(super) fn wake(&self) -> Option<Millis> {
        match self {
            Self::Asking => None,
            Self::Knocking(knocking) => Some(knocking.next.min(knocking.until)),
            Self::Tls { until, .. } | Self::Vpn { until, .. } | Self::Resting { until } => Some(*until),
        }
    }
}

impl Engine {
    /// A fresh attempt, from the start: nothing of an earlier bootstrap is used again.
    pub(super) fn ask_bootstrap(&mut self, turn: &mut Turn) {
        self.attempt += 1;
        self.state = State::Connecting(Step::Asking);
        self.show_step(StepName::Bootstrap, turn);
        turn.push(Effect::AskBootstrap { key: turn.random });
    }

    pub(super) fn bootstrapped(&mut self, ticket: Box<Ticket>, turn: &mut Turn) {
        if !matches!(self.state, State::Connecting(Step::Asking)) {
            return;
        }
        self.clock = ticket.clock;
        self.ends_no_later_than(ticket.ends_at);
        self.show_step(StepName::Spa, turn);
        let until = turn.now.plus(KNOCKING).min(ticket.clock.here(ticket.use_before));
        let knocking = Knocking { ticket, sent: vec![], next: turn.now, gap: FIRST_GAP, until };
        // The first knock goes out in this turn: it is due.
        self.state = State::Connecting(Step::Knocking(knocking));
    }

    pub(super) fn bootstrap_failed(&mut self, failure: Failure, turn: &mut Turn) {
        if !matches!(self.state, State::Connecting(Step::Asking)) {
            return;
        }
        match failure {
            Failure::Unreachable => self.attempt_failed(turn),
            // The gateway is away, or not heard of yet.
            Failure::Refused(refusal) if refusal.status == 409 => self.attempt_failed(turn),
            Failure::Refused(refusal) if refusal.status == 429 => {
                self.rest(turn.now.plus(TOLD_TO_WAIT), turn);
            }
            // Most likely over: the stage says why.
            Failure::Refused(refusal) => self.await_reason(Otherwise::End(Why::Refused(refusal)), turn),
            other => self.finish(fatal(other), turn),
        }
    }

    pub(super) fn packet(&mut self, packet: &[u8], turn: &mut Turn) {
        let State::Connecting(Step::Knocking(knocking)) = &self.state else { return };
        if !knocking.sent.iter().any(|knock| knocking.ticket.is_answered(knock, packet)) {
            return;
        }
        self.step(turn, |ticket, now| Step::Tls { ticket, until: now.plus(TLS_TIME) });
        let n = self.attempt;
        let State::Connecting(Step::Tls { ticket, .. }) = &self.state else { return };
        let effect = Effect::ConnectTls {
            n,
            to: SocketAddrV4::new(ticket.gateway_address, ticket.tls_port),
            gateway_key: ticket.gateway_key,
            certificate: ticket.certificate.clone(),
        };
        self.show_step(StepName::Tls, turn);
        turn.push(effect);
    }

    pub(super) fn tls_up(&mut self, n: u32, turn: &mut Turn) {
        if n != self.attempt || !matches!(self.state, State::Connecting(Step::Tls { .. })) {
            return;
        }
        self.step(turn, |ticket, now| Step::Vpn { ticket, until: now.plus(VPN_TIME) });
        let State::Connecting(Step::Vpn { ticket, .. }) = &self.state else { return };
        let effect =
            Effect::StartTunnel { n, ca: ticket.gateway_ca.clone(), certificate: ticket.certificate.clone() };
        self.show_step(StepName::Vpn, turn);
        turn.push(effect);
    }

    pub(super) fn tls_failed(&mut self, n: u32, turn: &mut Turn) {
        if n == self.attempt && matches!(self.state, State::Connecting(Step::Tls { .. } | Step::Vpn { .. })) {
            self.attempt_failed(turn);
        }
    }

    pub(super) fn tunnel_up(&mut self, n: u32, address: Ipv4Addr, turn: &mut Turn) {
        if n != self.attempt {
            return;
        }
        match std::mem::replace(&mut self.state, State::Connected) {
            // Another address than the one promised would be another session's.
            State::Connecting(Step::Vpn { ticket, .. }) if ticket.address == address => {
                self.failures = 0;
                self.was_connected = true;
                turn.show(Shown::Connected {
                    address,
                    page: ticket.page.clone(),
                    resources: ticket.resources.clone(),
                    ends_at: self.ends_at.unwrap_or(ticket.ends_at),
                });
            }
            State::Connecting(Step::Vpn { .. }) => self.finish(Why::Broken, turn),
            other => self.state = other,
        }
    }

    pub(super) fn tunnel_down(&mut self, n: u32, how: Down, turn: &mut Turn) {
        let stood = matches!(self.state, State::Connected);
        let on_the_way = matches!(self.state, State::Connecting(Step::Vpn { .. } | Step::Tls { .. }));
        if n != self.attempt || !(stood || on_the_way) {
            return;
        }
        match how {
            Down::Helper(trouble) => self.finish(Why::Helper(trouble), turn),
            Down::Halted(said) => {
                self.await_reason(Otherwise::Reconnect { said, server_is_away: false }, turn);
            }
            Down::Broken => {
                if stood {
                    turn.show(Shown::Reconnecting);
                }
                self.attempt_failed(turn);
            }
        }
    }

    pub(super) fn step_due(&mut self, turn: &mut Turn) {
        let State::Connecting(step) = &mut self.state else { return };
        match step {
            Step::Asking => {}
            Step::Knocking(knocking) if turn.now >= knocking.until => self.attempt_failed(turn),
            Step::Knocking(knocking) => {
                if turn.now >= knocking.next {
                    knocking.knock(turn);
                }
            }
            Step::Tls { until, .. } | Step::Vpn { until, .. } => {
                if turn.now >= *until {
                    self.attempt_failed(turn);
                }
            }
            Step::Resting { until } => {
                if turn.now >= *until {
                    self.ask_bootstrap(turn);
                }
            }
        }
    }

    fn attempt_failed(&mut self, turn: &mut Turn) {
        self.failures += 1;
        if !self.was_connected && self.failures >= FIRST_ATTEMPTS {
            self.finish(Why::GatewayUnreachable, turn);
        } else {
            let rest = SHORTEST_REST.saturating_mul(1 << (self.failures - 1).min(6)).min(LONGEST_REST);
            self.rest(turn.now.plus(rest), turn);
        }
    }

    fn rest(&mut self, until: Millis, turn: &mut Turn) {
        turn.push(Effect::CutTunnel);
        self.state = State::Connecting(Step::Resting { until });
        self.show_step(StepName::Rest, turn);
    }

    /// Hands the ticket from step to step.
    fn step(&mut self, turn: &Turn, next: impl FnOnce(Box<Ticket>, Millis) -> Step) {
        let state = std::mem::replace(&mut self.state, State::Connecting(Step::Asking));
        self.state = match state {
            State::Connecting(
                Step::Knocking(Knocking { ticket, .. }) | Step::Tls { ticket, .. } | Step::Vpn { ticket, .. },
            ) => State::Connecting(next(ticket, turn.now)),
            other => other,
        };
    }

    fn show_step(&self, step: StepName, turn: &mut Turn) {
        turn.show(Shown::Connecting { step, attempt: self.attempt });
    }
}

impl Knocking {
    fn knock(&mut self, turn: &mut Turn) {
        let knock = self.ticket.knock(turn.now, turn.random);
        turn.push(Effect::Knock {
            to: SocketAddrV4::new(self.ticket.gateway_address, self.ticket.spa_port),
            packet: self.ticket.packet(&knock),
        });
        self.sent.push(knock);
        self.next = turn.now.plus(self.gap);
        self.gap = (self.gap * 2).min(LONGEST_GAP);
    }
}
