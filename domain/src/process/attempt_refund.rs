//! A right code gives back the attempt that was paid before it was judged.

use super::{Alarm, Effect, Process};
use crate::{
    Millis,
    actor::ProcessName,
    command::WireCommand,
    decision::RecordedEvent,
    event::AnyEvent,
    ids::{SessionId, UserId},
    session::Event as S,
    user,
};
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct AttemptRefund {
    /// Sessions that may still be verified.
    open: BTreeMap<SessionId, UserId>,
}

impl Process for AttemptRefund {
    const NAME: ProcessName = ProcessName::AttemptRefund;

    fn react(&mut self, event: &RecordedEvent<'_>) -> Vec<Effect> {
        let AnyEvent::Session(happened) = &event.event else { return vec![] };
        let session = SessionId(event.decision.aggregate.id);
        match happened {
            S::Opened(e) => {
                self.open.insert(session, e.user);
                vec![]
            }
            S::Verified(e) => self
                .open
                .remove(&session)
                .map(|user| Effect::Command {
                    aggregate: user.into(),
                    body: WireCommand::User(user::Command::RefundAttempt { attempt: e.attempt }),
                    correlation: event.decision.correlation,
                    not_after: None,
                })
                .into_iter()
                .collect(),
            S::Denied(_) | S::Expired(_) | S::Ending(_) | S::Ended(_) => {
                self.open.remove(&session);
                vec![]
            }
            S::PostureRecorded(_)
            | S::CodeIssued(_)
            | S::CodeExpired(_)
            | S::AnswerRefused(_)
            | S::BootstrapIssued(_)
            | S::Admitted(_)
            | S::AdmissionRefused(_)
            | S::BootstrapExpired(_)
            | S::BootstrapConsumed(_)
            | S::LayerChanged(_)
            | S::Connected(_)
            | S::LeaseRenewed(_)
            | S::EndMoved(_)
            | S::ReceiptRecorded(_)
            | S::ReceiptsOverdue(_)
            | S::TrafficCounted(_) => vec![],
        }
    }

    fn rang(&mut self, _: &Alarm, _: Millis) -> Vec<Effect> {
        vec![]
    }

    fn alarms(&self) -> Vec<Alarm> {
        vec![]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::story::{self, Story};

    #[test]
    fn a_verified_session_gives_its_users_attempt_back() {
        let mut story = Story::<AttemptRefund>::default();
        story.session(story::opened());
        let effects = story.session(story::verified(9_000_000));
        assert_eq!(
            effects,
            vec![story::command(
                story::USER.into(),
                WireCommand::User(user::Command::RefundAttempt { attempt: story::ATTEMPT }),
            )]
        );
    }

    #[test]
    fn a_wrong_answer_is_paid_for() {
        let mut story = Story::<AttemptRefund>::default();
        story.session(story::opened());
        assert_eq!(story.session(story::answer_refused()), vec![]);
        assert_eq!(story.session(crate::session::Expired {}), vec![]);
    }
}
