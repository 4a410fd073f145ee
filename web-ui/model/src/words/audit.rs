//! The audit's words: what kinds of entries there are, in the groups one looks for them, and who acted.

use viworks_domain::actor::{Actor, ProcessName};

/// A kind of entry: the wire's name and the screen's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    pub words: &'static str,
    pub group: Group,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group {
    SignIn,
    Connection,
    End,
    Users,
    Phones,
    Policies,
    Gateways,
    Operators,
    Refusals,
}

impl Group {
    pub const ALL: [Self; 9] = [
        Self::SignIn,
        Self::Connection,
        Self::End,
        Self::Users,
        Self::Phones,
        Self::Policies,
        Self::Gateways,
        Self::Operators,
        Self::Refusals,
    ];

    pub const fn words(self) -> &'static str {
        match self {
            Self::SignIn => "Signing in",
            Self::Connection => "Connections",
            Self::End => "Ends of sessions",
            Self::Users => "Users",
            Self::Phones => "Phones",
            Self::Policies => "Policies",
            Self::Gateways => "Gateways",
            Self::Operators => "Operators",
            Self::Refusals => "Refusals",
        }
    }

    /// Its kinds, in the order in which they happen.
    pub fn kinds(self) -> impl Iterator<Item = &'static Kind> {
        KINDS.iter().filter(move |kind| kind.group == self)
    }
}

const fn of(group: Group, name: &'static str, words: &'static str) -> Kind {
    Kind { name, words, group }
}

/// Every kind of entry that the timeline can hold.
pub const KINDS: &[Kind] = &[
    of(Group::SignIn, "user.login_succeeded", "Right password"),
    of(Group::SignIn, "user.login_failed", "Wrong password"),
    of(Group::SignIn, "session.opened", "Session opened"),
    of(Group::SignIn, "session.denied", "Denied by policy"),
    of(Group::SignIn, "session.posture_recorded", "Phone's report judged"),
    of(Group::SignIn, "session.code_issued", "Code issued"),
    of(Group::SignIn, "session.code_expired", "Code expired"),
    of(Group::SignIn, "user.attempt_reserved", "Answer announced"),
    of(Group::SignIn, "user.attempt_refunded", "Attempt given back"),
    of(Group::SignIn, "session.answer_refused", "Wrong code"),
    of(Group::SignIn, "session.verified", "Code right, session verified"),
    of(Group::Connection, "session.bootstrap_issued", "Way in handed out"),
    of(Group::Connection, "session.bootstrap_expired", "Way in expired unused"),
    of(Group::Connection, "session.admitted", "Gateway ready"),
    of(Group::Connection, "session.admission_refused", "Gateway refused"),
    of(Group::Connection, "session.bootstrap_consumed", "Way in used"),
    of(Group::Connection, "session.layer_changed", "Layer up or down"),
    of(Group::Connection, "session.connected", "Connected"),
    of(Group::Connection, "session.lease_renewed", "Lease renewed"),
    of(Group::Connection, "session.traffic_counted", "Traffic counted"),
    of(Group::End, "session.end_moved", "End moved closer"),
    of(Group::End, "session.ending", "Ending"),
    of(Group::End, "session.receipt_recorded", "Receipt"),
    of(Group::End, "session.receipts_overdue", "Receipts overdue"),
    of(Group::End, "session.ended", "Ended, confirmed"),
    of(Group::End, "session.expired", "Expired"),
    of(Group::Users, "user.created", "User created"),
    of(Group::Users, "directory.claimed", "Name entered"),
    of(Group::Users, "directory.claim_refused", "Name taken"),
    of(Group::Users, "directory.released", "Name released"),
    of(Group::Users, "user.step_finished", "Step done"),
    of(Group::Users, "user.step_failed", "Step failed"),
    of(Group::Users, "user.step_retried", "Step retried"),
    of(Group::Users, "user.password_set", "Password set"),
    of(Group::Users, "user.policies_assigned", "Policies assigned"),
    of(Group::Users, "user.gateways_assigned", "Gateways assigned"),
    of(Group::Users, "user.suspended", "User suspended"),
    of(Group::Users, "user.resumed", "User resumed"),
    of(Group::Users, "user.deletion_requested", "User being deleted"),
    of(Group::Users, "user.deleted", "User deleted"),
    of(Group::Users, "user.erased", "Personal data erased"),
    of(Group::Phones, "user.device_added", "Phone added"),
    of(Group::Phones, "device.offered", "Enrolment offered"),
    of(Group::Phones, "device.enrolled", "Phone enrolled"),
    of(Group::Phones, "device.posture_seen", "Phone reported"),
    of(Group::Phones, "device.revoked", "Phone revoked"),
    of(Group::Policies, "policy.drafted", "Policy drafted"),
    of(Group::Policies, "policy.changed", "Policy changed"),
    of(Group::Policies, "policy.activated", "Policy activated"),
    of(Group::Policies, "policy.retired", "Policy retired"),
    of(Group::Gateways, "gateway.invited", "Gateway invited"),
    of(Group::Gateways, "gateway.enrolled", "Gateway enrolled"),
    of(Group::Gateways, "gateway.incarnation_seen", "Gateway started"),
    of(Group::Gateways, "gateway.report_accepted", "Reports taken in"),
    of(Group::Gateways, "gateway.health_changed", "Health changed"),
    of(Group::Gateways, "gateway.draining", "Gateway draining"),
    of(Group::Gateways, "gateway.retired", "Gateway retired"),
    of(Group::Operators, "operator.invited", "Operator invited"),
    of(Group::Operators, "operator.password_set", "Operator's password set"),
    of(Group::Operators, "operator.role_changed", "Role changed"),
    of(Group::Operators, "operator.signed_in", "Operator signed in"),
    of(Group::Operators, "operator.sign_in_failed", "Operator's sign-in failed"),
    of(Group::Operators, "operator.signed_out", "Operator signed out"),
    of(Group::Operators, "operator.disabled", "Operator disabled"),
    of(Group::Refusals, "command.refused", "Refused"),
    of(Group::Refusals, "command.expired", "Expired before it was decided"),
];

/// None for a kind that only a newer server knows.
pub fn kind(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

/// Who acted, for everybody to read; an operator by name.
pub fn actor<'a>(actor: &Actor, operator: Option<&'a str>) -> &'a str {
    match actor {
        Actor::Operator { .. } => operator.unwrap_or("an operator"),
        Actor::User { .. } => "the user",
        Actor::Device { .. } => "the phone",
        Actor::Gateway { .. } => "the gateway",
        Actor::Process { name } => match name {
            ProcessName::Provisioning => "ViWorkS (provisioning)",
            ProcessName::SessionDeadlines => "ViWorkS (deadlines)",
            ProcessName::Enforcement => "ViWorkS (policy)",
            ProcessName::Teardown => "ViWorkS (teardown)",
            ProcessName::AttemptRefund => "ViWorkS (attempts)",
        },
        Actor::Machine => "the server's administrator",
        Actor::Stranger => "somebody not signed in",
    }
}

/// As the page's attribute has it.
pub const fn actor_word(actor: &Actor) -> &'static str {
    match actor {
        Actor::Operator { .. } => "operator",
        Actor::User { .. } => "user",
        Actor::Device { .. } => "device",
        Actor::Gateway { .. } => "gateway",
        Actor::Process { .. } => "process",
        Actor::Machine => "machine",
        Actor::Stranger => "stranger",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use viworks_domain::{device, directory, event::Event, gateway, operator, policy, session, user};

    fn written<E: Event>() -> impl Iterator<Item = &'static str> {
        E::WRITTEN.iter().map(|(_, _, name)| *name)
    }

    #[test]
    fn every_event_that_can_be_in_the_log_has_words_and_no_other() {
        let events = written::<directory::Event>()
            .chain(written::<user::Event>())
            .chain(written::<device::Event>())
            .chain(written::<policy::Event>())
            .chain(written::<gateway::Event>())
            .chain(written::<session::Event>())
            .chain(written::<operator::Event>());
        let expected = events.chain(["command.refused", "command.expired"]).collect::<BTreeSet<_>>();
        let named = KINDS.iter().map(|kind| kind.name).collect::<BTreeSet<_>>();
        assert_eq!(named, expected);
        assert_eq!(named.len(), KINDS.len(), "one name each");
    }

    #[test]
    fn no_two_kinds_are_called_the_same() {
        let words = KINDS.iter().map(|kind| kind.words).collect::<BTreeSet<_>>();
        assert_eq!(words.len(), KINDS.len());
    }

    #[test]
    fn every_group_has_kinds() {
        assert!(Group::ALL.iter().all(|group| group.kinds().next().is_some()));
    }
}
