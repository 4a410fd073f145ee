//! Who may ask for what: operators by role, the control plane's own parts by origin. Fail-closed tables.

use crate::{
    actor::{Actor, Origin},
    command::WireCommand,
};
use crate::{device, directory, gateway, operator, policy, session, user};
use serde::{Deserialize, Serialize};

/// Section 12's roles; this version knows the two that first light needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Owner,
    Viewer,
}

impl Role {
    /// Whether an operator of this role may send this command. The worker asks, with the role it folded.
    pub const fn may(self, command: &WireCommand) -> bool {
        match self {
            Self::Owner => is_for_operators(command),
            // Signing oneself out is everybody's.
            Self::Viewer => matches!(command, WireCommand::Operator(operator::Command::SignOut { .. })),
        }
    }
}

const fn is_for_operators(command: &WireCommand) -> bool {
    use WireCommand::{Device, Directory, Gateway, Operator, Policy, Session, User};
    match command {
        Directory(_) => false,
        User(c) => matches!(
            c,
            user::Command::Create { .. }
                | user::Command::RetryStep { .. }
                | user::Command::SetPassword { .. }
                | user::Command::AssignPolicies { .. }
                | user::Command::AssignGateways { .. }
                | user::Command::AddDevice { .. }
                | user::Command::Suspend
                | user::Command::Resume
                | user::Command::Delete
                | user::Command::Erase
        ),
        Device(c) => matches!(c, device::Command::Offer { .. } | device::Command::Revoke),
        Policy(c) => matches!(
            c,
            policy::Command::Draft { .. }
                | policy::Command::Change { .. }
                | policy::Command::Activate
                | policy::Command::Retire
        ),
        Gateway(c) => {
            matches!(c, gateway::Command::Invite { .. } | gateway::Command::Drain | gateway::Command::Retire)
        }
        Session(c) => matches!(c, session::WireCommand::RequestEnd { .. }),
        Operator(c) => matches!(
            c,
            operator::Command::Invite { .. }
                | operator::Command::SetPassword { .. }
                | operator::Command::ChangeRole { .. }
                | operator::Command::SignOut { .. }
                | operator::Command::Disable
        ),
    }
}

/// Whether accepting this may let somebody in, or keep them in: a worker whose clock cannot be trusted leaves it
/// to another. What narrows, ends or only records goes on.
pub const fn widens(command: &WireCommand) -> bool {
    use WireCommand::{Device, Directory, Gateway, Operator, Policy, Session, User};
    match command {
        Directory(c) => !matches!(c, directory::Command::Release { .. }),
        User(c) => !matches!(
            c,
            user::Command::RecordStep { .. }
                | user::Command::RecordFailedLogin { .. }
                | user::Command::Suspend
                | user::Command::Delete
                | user::Command::Erase
        ),
        Device(c) => !matches!(c, device::Command::Revoke),
        Policy(c) => !matches!(c, policy::Command::Draft { .. } | policy::Command::Retire),
        Gateway(c) => matches!(c, gateway::Command::Invite { .. } | gateway::Command::Enrol { .. }),
        Operator(c) => !matches!(
            c,
            operator::Command::RecordFailedSignIn { .. }
                | operator::Command::SignOut { .. }
                | operator::Command::Disable
        ),
        Session(c) => {
            let renews =
                matches!(c, session::WireCommand::Deadline { kind: session::DeadlineKind::Lease, .. });
            renews || (c.is_for_api() && !matches!(c, session::WireCommand::RequestEnd { .. }))
        }
    }
}

/// Whether this part of the control plane may send this command at all.
pub const fn origin_may_send(origin: Origin, command: &WireCommand) -> bool {
    use WireCommand::{Device, Directory, Gateway, Operator, Policy, Session, User};
    match (origin, command) {
        (Origin::Api, Directory(_)) => false,
        (Origin::Api, User(c)) => {
            !matches!(c, user::Command::RecordStep { .. } | user::Command::RefundAttempt { .. })
        }
        (Origin::Api, Gateway(c)) => !matches!(
            c,
            gateway::Command::SeeIncarnation { .. }
                | gateway::Command::AcceptReport { .. }
                | gateway::Command::RecordHealth { .. }
        ),
        (Origin::Api, Session(c)) => c.is_for_api(),
        (Origin::Api, Device(_) | Policy(_) | Operator(_)) => true,

        (Origin::Process, Directory(_)) => true,
        (Origin::Process, User(c)) => {
            matches!(c, user::Command::RecordStep { .. } | user::Command::RefundAttempt { .. })
        }
        (Origin::Process, Session(c)) => c.is_for_processes(),
        (Origin::Process, Device(_) | Policy(_) | Gateway(_) | Operator(_)) => false,

        (Origin::Intake, User(c)) => matches!(c, user::Command::RecordStep { .. }),
        (Origin::Intake, Gateway(c)) => matches!(
            c,
            gateway::Command::SeeIncarnation { .. }
                | gateway::Command::AcceptReport { .. }
                | gateway::Command::RecordHealth { .. }
        ),
        (Origin::Intake, Session(c)) => c.is_for_intake(),
        (Origin::Intake, Directory(_) | Device(_) | Policy(_) | Operator(_)) => false,
    }
}

/// Whether somebody of this kind may ask for this command through the API. Operators' roles are folded by the
/// worker and asked with [`Role::may`]; whether it is *their* session or device, the aggregate decides.
pub const fn actor_may_ask(actor: &Actor, command: &WireCommand) -> bool {
    use WireCommand::{Device, Gateway, Operator, Session, User};
    use session::WireCommand as S;
    match actor {
        // Their role decides.
        Actor::Operator { .. } => true,
        Actor::User { .. } => match command {
            User(c) => matches!(c, user::Command::ReserveAttempt { .. } | user::Command::RecordLogin { .. }),
            Session(c) => matches!(
                c,
                S::Open { .. }
                    | S::Answer { .. }
                    | S::IssueBootstrap(_)
                    | S::RequestEnd { reason: session::EndReason::SignedOut }
            ),
            _ => false,
        },
        Actor::Device { .. } => matches!(
            command,
            Session(
                S::RecordPosture { .. }
                    | S::IssueCode { .. }
                    | S::RequestEnd { reason: session::EndReason::DeniedOnPhone }
            )
        ),
        Actor::Stranger => matches!(
            command,
            User(user::Command::RecordFailedLogin { .. })
                | Device(device::Command::Enrol { .. })
                | Gateway(gateway::Command::Enrol { .. })
                | Operator(operator::Command::SignIn { .. } | operator::Command::RecordFailedSignIn { .. })
        ),
        Actor::Machine => matches!(
            command,
            Operator(
                operator::Command::Invite { .. }
                    | operator::Command::SetPassword { .. }
                    | operator::Command::ChangeRole { .. }
            )
        ),
        // Gateways and processes do not come through the API.
        Actor::Gateway { .. } | Actor::Process { .. } => false,
    }
}

#[cfg(test)]
mod tests;
