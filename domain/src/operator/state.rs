//! The operator's fold and its rules.

use super::{
    Command, Disabled, Event, Invited, PasswordSet, Prepared, Refusal, RoleChanged, SignInFailed, SignedIn,
    SignedOut,
};
use crate::{
    Aggregate, Millis, event::AggregateKind, ids::Digest, permission::Role, personal::Personal,
    user::PasswordHash,
};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    pub name: String,
    /// None before `invited`.
    pub role: Option<Role>,
    /// 0 until a password is set.
    pub credential_version: u32,
    pub password: Option<Personal<PasswordHash>>,
    pub disabled: bool,
    tokens: Vec<SignedIn>,
    /// Consecutive wrong passwords; they throttle, they never lock.
    pub failed_sign_ins: u32,
    pub last_failed_sign_in: Option<Millis>,
}

impl Operator {
    /// The role that this token carries now: none when it is unknown, signed out, past its time, or its
    /// operator is disabled.
    pub fn role_of(&self, token: &Digest, now: Millis) -> Option<Role> {
        let live = self.live(now).any(|known| crate::otp::fits(&known.token, token));
        self.role.filter(|_| live && !self.disabled)
    }

    /// The role that a command on this operator's behalf has.
    pub fn standing_role(&self) -> Option<Role> {
        self.role.filter(|_| !self.disabled)
    }

    /// Sign-ins that still count.
    pub fn live(&self, now: Millis) -> impl Iterator<Item = &SignedIn> + '_ {
        self.tokens.iter().filter(move |known| now < known.expires_at)
    }
}

impl Aggregate for Operator {
    const KIND: AggregateKind = AggregateKind::Operator;
    type Command = Prepared;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, prepared: &Prepared, now: Millis) -> Result<Vec<Event>, Refusal> {
        use Command as C;
        match (self.role, &prepared.command) {
            (None, C::Invite { name, role }) => {
                if name.trim().is_empty() || name.len() > 64 {
                    return Err(Refusal::InvalidName);
                }
                Ok(vec![Invited { name: name.clone(), role: *role }.into()])
            }
            (None, _) => Err(Refusal::NotFound),
            (Some(_), C::Invite { .. }) => Err(Refusal::AlreadyExists),

            // What was tried is recorded whether or not the operator may still sign in.
            (Some(_), C::RecordFailedSignIn { source }) => Ok(vec![SignInFailed { source: *source }.into()]),

            (Some(_), C::Disable) if self.disabled => Err(Refusal::Unchanged),
            (Some(_), _) if self.disabled => Err(Refusal::Disabled),
            (Some(_), C::Disable) => Ok(vec![Disabled {}.into()]),

            (Some(_), C::SetPassword { password }) => Ok(vec![
                PasswordSet {
                    credential_version: self.credential_version.saturating_add(1),
                    password: password.clone(),
                }
                .into(),
            ]),
            (Some(present), C::ChangeRole { role }) => {
                if present == *role {
                    return Err(Refusal::Unchanged);
                }
                Ok(vec![RoleChanged { role: *role }.into()])
            }
            (Some(_), C::SignIn { credential_version, token }) => {
                if *credential_version != self.credential_version || self.password.is_none() {
                    return Err(Refusal::StaleCredential);
                }
                Ok(vec![SignedIn { token: *token, expires_at: now.plus(prepared.sign_in_lasts) }.into()])
            }
            (Some(_), C::SignOut { token }) => {
                if self.live(now).any(|known| known.token == *token) {
                    Ok(vec![SignedOut { token: *token }.into()])
                } else {
                    Err(Refusal::NotSignedIn)
                }
            }
        }
    }

    fn apply(&mut self, event: &Event, at: Millis) {
        match event {
            Event::Invited(e) => {
                self.name.clone_from(&e.name);
                self.role = Some(e.role);
            }
            Event::PasswordSet(e) => {
                self.credential_version = e.credential_version;
                self.password = Some(e.password.clone());
                // Whoever knew the old one is out.
                self.tokens.clear();
                self.failed_sign_ins = 0;
            }
            Event::RoleChanged(e) => self.role = Some(e.role),
            Event::SignedIn(e) => {
                self.tokens.retain(|known| at < known.expires_at);
                self.tokens.push(e.clone());
                self.failed_sign_ins = 0;
            }
            Event::SignInFailed(_) => {
                self.failed_sign_ins = self.failed_sign_ins.saturating_add(1);
                self.last_failed_sign_in = Some(at);
            }
            Event::SignedOut(e) => self.tokens.retain(|known| known.token != e.token),
            Event::Disabled(_) => {
                self.disabled = true;
                self.tokens.clear();
            }
        }
    }
}
