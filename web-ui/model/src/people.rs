//! Whose names are asked for: each once, a few at a time, when they come into sight.

use std::collections::{HashSet, VecDeque};
use viworks_domain::ids::UserId;

/// Asked at the same time.
const AT_ONCE: usize = 4;

#[derive(Debug, Default)]
pub struct Questions {
    /// Answered, or to be.
    known: HashSet<UserId>,
    waiting: VecDeque<UserId>,
    open: usize,
}

impl Questions {
    /// Somebody looks at this one.
    pub fn want(&mut self, id: UserId) {
        if self.known.insert(id) {
            self.waiting.push_back(id);
        }
    }

    /// Whom to ask for now; nobody while enough are asked for.
    pub fn to_ask(&mut self) -> Option<UserId> {
        let next = if self.open < AT_ONCE { self.waiting.pop_front() } else { None };
        self.open += usize::from(next.is_some());
        next
    }

    /// What was not answered is asked again when somebody next comes to look, not before: whatever has failed now
    /// would fail again at once.
    pub fn answered(&mut self, id: UserId, is_known: bool) {
        self.open = self.open.saturating_sub(1);
        if !is_known {
            self.known.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn user(n: u8) -> UserId {
        UserId([n; 16])
    }

    #[test]
    fn each_is_asked_for_once_and_a_few_at_a_time() {
        let mut questions = Questions::default();
        (0..10).chain(0..10).for_each(|n| questions.want(user(n)));
        let mut asked = Vec::new();
        while let Some(id) = questions.to_ask() {
            asked.push(id);
        }
        assert_eq!(asked.len(), AT_ONCE);
        while let Some(id) = asked.pop() {
            questions.answered(id, true);
            asked.extend(questions.to_ask());
        }
        assert_eq!(questions.to_ask(), None);
        questions.want(user(3));
        assert_eq!(questions.to_ask(), None);
    }

    #[test]
    fn a_question_that_failed_is_asked_again_when_somebody_looks_and_not_by_itself() {
        let mut questions = Questions::default();
        questions.want(user(1));
        assert_eq!(questions.to_ask(), Some(user(1)));
        questions.answered(user(1), false);
        assert_eq!(questions.to_ask(), None);
        questions.want(user(1));
        assert_eq!(questions.to_ask(), Some(user(1)));
    }
}
