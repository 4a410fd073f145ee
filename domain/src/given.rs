//! Given these events, when that is asked, then exactly these events or that refusal.

use crate::{Aggregate, Millis, event::Event};
use std::fmt::Debug;

/// The fold of what has happened. Every event also survives being stored.
pub struct Given<A> {
    pub state: A,
    now: Millis,
}

pub struct When<E, R> {
    result: Result<Vec<E>, R>,
}

/// All given events happened at `Millis(1_000)`; commands are decided at the same moment unless [`Given::at`]
/// says otherwise.
pub const START: Millis = Millis(1_000);

pub fn given<A: Aggregate>(events: impl IntoIterator<Item = A::Event>) -> Given<A> {
    Given { state: A::default(), now: START }.and(events)
}

impl<A: Aggregate> Given<A> {
    pub fn and(mut self, events: impl IntoIterator<Item = A::Event>) -> Self {
        for event in events {
            let stored = event.store();
            let loaded = A::Event::load(&stored).expect("what was stored loads");
            assert_eq!(loaded, event, "an event is what it was before it was stored");
            self.state.apply(&loaded, self.now);
        }
        self
    }

    pub fn at(mut self, now: Millis) -> Self {
        self.now = now;
        self
    }

    /// Decides without folding the outcome.
    pub fn when(&self, command: A::Command) -> When<A::Event, A::Refusal> {
        When { result: self.state.decide(&command, self.now) }
    }

    /// Decides, expects acceptance, and folds what was decided.
    pub fn done(self, command: A::Command) -> Self {
        let events = self.state.decide(&command, self.now).expect("accepted");
        self.and(events)
    }
}

impl<E: Debug + PartialEq, R: Debug + PartialEq> When<E, R> {
    #[track_caller]
    pub fn then(self, events: impl IntoIterator<Item = E>) {
        assert_eq!(self.result, Ok(events.into_iter().collect()));
    }

    #[track_caller]
    pub fn then_nothing(self) {
        assert_eq!(self.result, Ok(vec![]));
    }

    #[track_caller]
    pub fn then_refused(self, refusal: R) {
        assert_eq!(self.result, Err(refusal));
    }

    /// For events whose verdicts are not this test's subject.
    #[track_caller]
    pub fn events(self) -> Vec<E> {
        self.result.expect("accepted")
    }
}
