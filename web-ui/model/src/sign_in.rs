//! Who is signed in here, as far as the page knows; the server knows better and says so at every turn.

use crate::request::Failure;
use viworks_api::operator::Me;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// Not asked yet.
    #[default]
    Unknown,
    /// Asked, and nobody has answered: this person may well be signed in.
    Unanswered,
    Nobody,
    In(Me),
    /// The sign-in has ended by itself or from elsewhere. What the person was doing stays where it is, behind the
    /// sign-in page.
    Ended(Me),
}

/// Who it is, and which sign-in of this page that is: an answer may come when another one has begun.
#[derive(Debug, Default)]
pub struct SignIn {
    who: Who,
    nth: u32,
}

/// What becomes of what the page holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Held {
    Stays,
    /// It is another person's.
    Goes,
}

impl SignIn {
    pub const fn who(&self) -> &Who {
        &self.who
    }

    pub const fn nth(&self) -> u32 {
        self.nth
    }

    pub const fn me(&self) -> Option<&Me> {
        match &self.who {
            Who::In(me) | Who::Ended(me) => Some(me),
            Who::Unknown | Who::Unanswered | Who::Nobody => None,
        }
    }

    /// The page has asked who it is, and was not told. Only the server's own word that it is nobody asks a person to
    /// sign in.
    pub fn not_told(&mut self, why: &Failure) {
        if matches!(self.who, Who::Unknown | Who::Unanswered) {
            self.who = if why.is_signed_out() { Who::Nobody } else { Who::Unanswered };
        }
    }

    pub fn enter(&mut self, me: Me) -> Held {
        let is_theirs = self.me().is_some_and(|before| before.operator == me.operator);
        self.who = Who::In(me);
        self.nth += 1;
        if is_theirs { Held::Stays } else { Held::Goes }
    }

    /// The feed says whose it is. Another operator than the page knows has signed in in another tab, which has the
    /// same cookie: all that is done here is done as that one.
    pub fn welcome(&mut self, me: &Me) -> Held {
        match &mut self.who {
            Who::In(known) if known.operator == me.operator => {
                // The role, or what it may do, may have changed.
                *known = me.clone();
                Held::Stays
            }
            Who::In(_) => self.enter(me.clone()),
            Who::Unknown | Who::Unanswered | Who::Nobody | Who::Ended(_) => Held::Stays,
        }
    }

    /// A question that was asked in that sign-in was answered with that nobody is signed in. Whether that is so now.
    pub const fn is_ended_by(&self, asked_in: u32) -> bool {
        self.nth == asked_in
    }

    pub fn end(&mut self) {
        self.who = match std::mem::take(&mut self.who) {
            Who::In(me) | Who::Ended(me) => Who::Ended(me),
            Who::Unknown | Who::Unanswered | Who::Nobody => Who::Nobody,
        };
    }

    /// By hand: nothing waits for whoever comes next.
    pub fn leave(&mut self) {
        self.who = Who::Nobody;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_api::{
        operator::Permission,
        problem::{Problem, code},
    };
    use viworks_domain::{
        Millis,
        ids::{CorrelationId, OperatorId},
        permission::Role,
    };

    fn operator(n: u8) -> Me {
        Me {
            operator: OperatorId([n; 16]),
            name: format!("operator{n}"),
            role: Role::Owner,
            may: vec![],
            expires_at: Millis(u64::MAX),
        }
    }

    fn problem(code: &str, status: u16) -> Failure {
        Failure::Problem(Box::new(Problem {
            kind: String::new(),
            title: String::new(),
            status,
            detail: None,
            code: code.into(),
            correlation: CorrelationId([0; 16]),
        }))
    }

    #[test]
    fn what_somebody_was_doing_is_there_when_they_are_back_and_never_for_another() {
        let mut page = SignIn::default();
        assert_eq!(page.enter(operator(1)), Held::Goes);
        page.end();
        assert_eq!(page.who(), &Who::Ended(operator(1)));
        assert_eq!(page.enter(operator(1)), Held::Stays);
        page.end();
        assert_eq!(page.enter(operator(2)), Held::Goes);
        page.leave();
        assert_eq!(page.enter(operator(2)), Held::Goes);
    }

    #[test]
    fn a_feed_of_another_operator_makes_the_page_theirs() {
        let mut page = SignIn::default();
        assert_eq!(page.enter(operator(2)), Held::Goes);
        assert_eq!(page.welcome(&operator(1)), Held::Goes);
        assert_eq!(page.who(), &Who::In(operator(1)));
    }

    #[test]
    fn a_welcome_says_what_one_may_now_and_signs_nobody_in() {
        let mut page = SignIn::default();
        let promoted = Me { may: vec![Permission::ManageUsers], ..operator(1) };
        assert_eq!(page.enter(operator(1)), Held::Goes);
        assert_eq!(page.welcome(&promoted), Held::Stays);
        assert_eq!(page.me(), Some(&promoted));
        page.end();
        assert_eq!(page.welcome(&operator(2)), Held::Stays);
        assert_eq!(page.who(), &Who::Ended(promoted));
    }

    #[test]
    fn an_answer_to_an_earlier_sign_in_does_not_end_this_one() {
        let mut page = SignIn::default();
        assert_eq!(page.enter(operator(1)), Held::Goes);
        let asked_in = page.nth();
        assert!(page.is_ended_by(asked_in));
        page.end();
        assert_eq!(page.enter(operator(1)), Held::Stays);
        assert!(!page.is_ended_by(asked_in));
        assert!(page.is_ended_by(page.nth()));
    }

    #[test]
    fn only_the_servers_word_that_it_is_nobody_asks_for_a_sign_in() {
        for failure in [
            Failure::Unreachable,
            Failure::NotUnderstood,
            problem(code::UNAVAILABLE, 503),
            problem(code::TOO_MANY, 429),
        ] {
            let mut page = SignIn::default();
            page.not_told(&failure);
            assert_eq!(page.who(), &Who::Unanswered, "{failure:?}");
            page.not_told(&problem(code::NOT_SIGNED_IN, 401));
            assert_eq!(page.who(), &Who::Nobody);
        }
    }
}
