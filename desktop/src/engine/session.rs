//! The session's side: sign-in, stages as the server tells them, codes, and the end.

use super::{
    AGAIN, Answering, Effect, Engine, FIRST_TRIES, Failure, Otherwise, POLL_WAIT, Poll, REASON_WAIT,
    SIGN_OUT_WAIT, Shown, State, Turn, Why,
};
use viworks_api::desktop::{AnswerResponse, DesktopStage, DesktopView};
use viworks_domain::otp::Digits;

impl Engine {
    pub(super) fn sign_in(&mut self, turn: &mut Turn) {
        if matches!(self.state, State::Login) {
            self.state = State::SigningIn { tries: 0, again: None };
            turn.show(Shown::SigningIn);
            turn.push(Effect::OpenSession { key: turn.random });
        }
    }

    pub(super) fn opened(&mut self, view: DesktopView, turn: &mut Turn) {
        if matches!(self.state, State::SigningIn { .. }) {
            self.seq = view.seq;
            self.stage(view.stage, turn);
            if self.ended().is_none() {
                self.poll_now(turn);
            }
        }
    }

    pub(super) fn open_failed(&mut self, failure: Failure, turn: &mut Turn) {
        let State::SigningIn { tries, again, .. } = &mut self.state else { return };
        *tries += 1;
        match failure {
            Failure::Unreachable if *tries < FIRST_TRIES => *again = Some(turn.now.plus(AGAIN)),
            Failure::Unreachable => self.finish(Why::ServerUnreachable, turn),
            other => self.finish(fatal(other), turn),
        }
    }

    pub(super) fn poll_now(&mut self, turn: &mut Turn) {
        if !matches!(self.poll, Poll::Out { .. }) {
            self.poll = Poll::Out { since: turn.now };
            turn.push(Effect::Poll { after: self.seq, wait: POLL_WAIT });
        }
    }

    pub(super) fn seen(&mut self, view: DesktopView, turn: &mut Turn) {
        let Poll::Out { since } = self.poll else { return };
        self.poll = Poll::Off;
        // A server that answers at once with nothing new is not asked in a circle.
        let next = if view.seq > self.seq { turn.now } else { since.plus(AGAIN) };
        if view.seq >= self.seq {
            self.seq = view.seq;
            if let State::Closing { otherwise: Otherwise::Reconnect { server_is_away, .. }, .. } =
                &mut self.state
            {
                *server_is_away = false;
            }
            self.stage(view.stage, turn);
        }
        self.poll_again(next);
    }

    pub(super) fn poll_failed(&mut self, failure: Failure, turn: &mut Turn) {
        if !matches!(self.poll, Poll::Out { .. }) {
            return;
        }
        self.poll = Poll::Off;
        if let State::Closing { otherwise: Otherwise::Reconnect { server_is_away, .. }, .. } = &mut self.state
        {
            *server_is_away = true;
        }
        match failure {
            // A tunnel that stands is worth more than an answer that is late or odd.
            Failure::Unreachable | Failure::Broken => {}
            Failure::NotTrusted => self.finish(Why::ServerNotTrusted, turn),
            // The token is worth nothing any more: the session is over, whatever stands of it here.
            Failure::Refused(refusal) => match &self.state {
                State::Closing { .. } => self.reason_is_late(turn),
                State::SigningOut { .. } => self.signed_out(true, turn),
                _ => self.finish(Why::Refused(refusal), turn),
            },
        }
        self.poll_again(turn.now.plus(AGAIN));
    }

    fn poll_again(&mut self, at: viworks_domain::Millis) {
        if self.ended().is_none() && self.poll == Poll::Off {
            self.poll = Poll::At(at);
        }
    }

    /// What the server says of the session, wherever we stand.
    pub(super) fn stage(&mut self, stage: DesktopStage, turn: &mut Turn) {
        match stage {
            DesktopStage::Ended { .. } | DesktopStage::Expired
                if matches!(self.state, State::SigningOut { .. }) =>
            {
                self.signed_out(true, turn);
            }
            DesktopStage::Ended { reason } => self.finish(Why::EndedByServer(reason), turn),
            DesktopStage::Denied { advice } => self.finish(Why::Denied { advice }, turn),
            DesktopStage::Expired => self.finish(Why::Expired, turn),
            DesktopStage::WaitingForPhone { answer_by } => {
                if matches!(self.state, State::SigningIn { .. }) {
                    self.state = State::WaitingForPhone;
                    turn.show(Shown::CodeRequired { answer_by });
                }
            }
            DesktopStage::CodeRequired { answer_by, wrong_answers_left } => {
                if matches!(self.state, State::SigningIn { .. }) {
                    turn.show(Shown::CodeRequired { answer_by });
                }
                if matches!(self.state, State::SigningIn { .. } | State::WaitingForPhone) {
                    self.state = State::EnterCode { answering: None };
                    turn.show(Shown::CodeOnPhone { left: wrong_answers_left });
                    self.answer_held(turn);
                }
            }
            DesktopStage::Verified { ends_at } | DesktopStage::Connected { ends_at, .. } => {
                self.ends_no_later_than(ends_at);
                if matches!(
                    self.state,
                    State::SigningIn { .. } | State::WaitingForPhone | State::EnterCode { .. }
                ) {
                    self.held = None;
                    self.ask_bootstrap(turn);
                }
            }
        }
    }

    pub(super) fn code(&mut self, digits: Digits, turn: &mut Turn) {
        if self.wants_code() {
            self.held = Some(digits);
            self.answer_held(turn);
        }
    }

    fn answer_held(&mut self, turn: &mut Turn) {
        let State::EnterCode { answering: answering @ None } = &mut self.state else { return };
        let Some(digits) = self.held.take() else { return };
        let key = turn.random;
        *answering = Some(Answering { key, digits: digits.clone(), again: None });
        turn.push(Effect::Answer { key, digits });
    }

    pub(super) fn answered(&mut self, answer: AnswerResponse, turn: &mut Turn) {
        let State::EnterCode { answering } = &mut self.state else { return };
        *answering = None;
        self.seq = self.seq.max(answer.seq);
        match answer.stage {
            DesktopStage::CodeRequired { wrong_answers_left: left, .. } if !answer.verified => {
                turn.show(Shown::CodeRefused { left });
                self.answer_held(turn);
            }
            DesktopStage::Expired if !answer.verified => self.finish(Why::TooManyWrongCodes, turn),
            stage => self.stage(stage, turn),
        }
    }

    pub(super) fn answer_failed(&mut self, failure: Failure, turn: &mut Turn) {
        let State::EnterCode { answering: Some(answering) } = &mut self.state else { return };
        match failure {
            // The same key again: the same answer, judged once.
            Failure::Unreachable => answering.again = Some(turn.now.plus(AGAIN)),
            Failure::Refused(refusal) if refusal.status == 409 => {
                self.state = State::WaitingForPhone;
            }
            Failure::Refused(refusal) if matches!(refusal.status, 404 | 410) => {
                self.finish(Why::Expired, turn);
            }
            other => self.finish(fatal(other), turn),
        }
    }

    pub(super) fn sign_out(&mut self, turn: &mut Turn) {
        match &self.state {
            State::Login | State::SigningIn { .. } => self.finish(Why::SignedOut { told: true }, turn),
            State::SigningOut { .. } => self.signed_out(false, turn),
            _ => {
                turn.push(Effect::CutTunnel);
                turn.show(Shown::SigningOut);
                let key = turn.random;
                turn.push(Effect::SignOut { key });
                self.state = State::SigningOut { key, until: turn.now.plus(SIGN_OUT_WAIT), again: None };
            }
        }
    }

    pub(super) fn sign_out_failed(&mut self, failure: Failure, turn: &mut Turn) {
        let State::SigningOut { again, .. } = &mut self.state else { return };
        match failure {
            Failure::Unreachable => *again = Some(turn.now.plus(AGAIN)),
            // Over already, however that came.
            Failure::Refused(refusal) => self.signed_out(matches!(refusal.status, 401 | 404 | 410), turn),
            Failure::NotTrusted | Failure::Broken => self.signed_out(false, turn),
        }
    }

    pub(super) fn signed_out(&mut self, told: bool, turn: &mut Turn) {
        if matches!(self.state, State::SigningOut { .. }) {
            self.finish(Why::SignedOut { told }, turn);
        }
    }

    /// The tunnel is gone by the gateway's or the server's word.
    pub(super) fn await_reason(&mut self, otherwise: Otherwise, turn: &mut Turn) {
        turn.push(Effect::CutTunnel);
        self.state = State::Closing { until: turn.now.plus(REASON_WAIT), otherwise };
        if let Poll::At(_) = self.poll {
            self.poll_now(turn);
        }
    }

    pub(super) fn reason_is_late(&mut self, turn: &mut Turn) {
        let State::Closing { otherwise, .. } = &mut self.state else { return };
        match otherwise {
            Otherwise::Reconnect { said, server_is_away: true } => {
                let said = std::mem::take(said);
                self.finish(Why::CutByGateway(said), turn);
            }
            Otherwise::Reconnect { .. } => {
                turn.show(Shown::Reconnecting);
                self.ask_bootstrap(turn);
            }
            Otherwise::End(why) => {
                let why = why.clone();
                self.finish(why, turn);
            }
        }
    }
}

/// Failures that asking again does not mend.
pub(super) fn fatal(failure: Failure) -> Why {
    match failure {
        Failure::Unreachable => Why::ServerUnreachable,
        Failure::NotTrusted => Why::ServerNotTrusted,
        Failure::Refused(refusal) => Why::Refused(refusal),
        Failure::Broken => Why::Broken,
    }
}
