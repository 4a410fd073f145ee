//! The gateway's fold and its rules.

use super::{
    Command, Draining, Endpoint, Enrolled, Event, Health, HealthChanged, INVITATION_LIFETIME, Identity,
    IncarnationSeen, Invited, Refusal, ReportAccepted, Retired,
};
use crate::{
    Aggregate, Millis,
    event::AggregateKind,
    ids::{Digest, Incarnation},
};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Absent,
    Invited,
    Enrolled,
    /// Keeps what it has, takes nothing new.
    Draining,
    Retired,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gateway {
    pub phase: Phase,
    pub name: String,
    pub endpoint: Option<Endpoint>,
    invitation: Option<Invitation>,
    /// Present from `enrolled` on.
    pub identity: Option<Identity>,
    /// Its present start, once it has spoken.
    pub incarnation: Option<Incarnation>,
    /// The highest report number taken in; 0 before the first.
    pub report_n: u64,
    /// None before its first word.
    pub health: Option<Health>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Invitation {
    secret: Digest,
    expires_at: Millis,
}

impl Gateway {
    /// Whether its reports are taken and orders are sent to it.
    pub fn is_enrolled(&self) -> bool {
        matches!(self.phase, Phase::Enrolled | Phase::Draining)
    }

    /// Whether new sessions may be placed on it.
    pub fn takes_sessions(&self) -> bool {
        self.phase == Phase::Enrolled && !matches!(self.health, None | Some(Health::Down))
    }

    /// Whether this one-use secret would still enrol somebody; the route asks before it mints anything.
    pub fn invites(&self, secret: &Digest, now: Millis) -> bool {
        self.phase == Phase::Invited
            && self.invitation.is_some_and(|known| known.fits(secret) && now < known.expires_at)
    }
}

impl Aggregate for Gateway {
    const KIND: AggregateKind = AggregateKind::Gateway;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: &Command, now: Millis) -> Result<Vec<Event>, Refusal> {
        use Command as C;
        use Phase as P;
        match (self.phase, command) {
            (P::Absent | P::Invited, C::Invite { name, endpoint, secret }) => {
                if name.trim().is_empty() || name.len() > 64 {
                    return Err(Refusal::InvalidName);
                }
                Ok(vec![
                    Invited {
                        name: name.clone(),
                        endpoint: *endpoint,
                        secret: *secret,
                        expires_at: now.plus(INVITATION_LIFETIME),
                    }
                    .into(),
                ])
            }
            (P::Enrolled | P::Draining, C::Invite { .. }) => Err(Refusal::AlreadyExists),
            (P::Retired, _) => Err(Refusal::Retired),
            (P::Absent, _) => Err(Refusal::NotFound),

            (P::Invited | P::Enrolled | P::Draining, C::Enrol { secret, identity }) => {
                self.enrol(secret, identity, now)
            }
            (P::Invited | P::Enrolled | P::Draining, C::Retire) => Ok(vec![Retired {}.into()]),
            (P::Invited, _) => Err(Refusal::NotEnrolled),

            (P::Enrolled | P::Draining, C::SeeIncarnation { incarnation }) => {
                changed(self.incarnation != Some(*incarnation))?;
                Ok(vec![IncarnationSeen { incarnation: *incarnation }.into()])
            }
            (P::Enrolled | P::Draining, C::AcceptReport { report_n }) => {
                changed(*report_n > self.report_n)?;
                Ok(vec![ReportAccepted { report_n: *report_n }.into()])
            }
            (P::Enrolled | P::Draining, C::RecordHealth { health }) => {
                changed(self.health != Some(*health))?;
                Ok(vec![HealthChanged { health: *health }.into()])
            }
            (P::Enrolled, C::Drain) => Ok(vec![Draining {}.into()]),
            (P::Draining, C::Drain) => Err(Refusal::Unchanged),
        }
    }

    fn apply(&mut self, event: &Event, _at: Millis) {
        match event {
            Event::Invited(e) => {
                self.phase = Phase::Invited;
                self.name.clone_from(&e.name);
                self.endpoint = Some(e.endpoint);
                self.invitation = Some(Invitation { secret: e.secret, expires_at: e.expires_at });
            }
            Event::Enrolled(e) => {
                self.phase = Phase::Enrolled;
                self.identity = Some(e.identity.clone());
            }
            Event::IncarnationSeen(e) => self.incarnation = Some(e.incarnation),
            Event::ReportAccepted(e) => self.report_n = e.report_n,
            Event::HealthChanged(e) => self.health = Some(e.health),
            Event::Draining(_) => self.phase = Phase::Draining,
            Event::Retired(_) => {
                self.phase = Phase::Retired;
                self.invitation = None;
            }
        }
    }
}

impl Gateway {
    /// The same machine asking again (its answer was lost) changes nothing: it gets what it was given. Other
    /// keys under a used token mean that the token was copied: the gateway is retired, and an admin invites a
    /// new one.
    fn enrol(&self, secret: &Digest, identity: &Identity, now: Millis) -> Result<Vec<Event>, Refusal> {
        let known = self.invitation.filter(|known| known.fits(secret)).ok_or(Refusal::TokenUnusable)?;
        match &self.identity {
            Some(first) if !first.same_machine(identity) => Ok(vec![Retired {}.into()]),
            Some(_) => Ok(vec![]),
            None if now >= known.expires_at => Err(Refusal::TokenUnusable),
            None => Ok(vec![Enrolled { identity: identity.clone() }.into()]),
        }
    }
}

impl Identity {
    /// Every key that the gateway itself made; the account is minted by the control plane.
    pub fn same_machine(&self, other: &Self) -> bool {
        self.bus_user == other.bus_user
            && self.opening_key == other.opening_key
            && self.report_key == other.report_key
            && self.server_key == other.server_key
    }
}

impl Invitation {
    fn fits(&self, secret: &Digest) -> bool {
        self.secret.0.ct_eq(&secret.0).into()
    }
}

const fn changed(changed: bool) -> Result<(), Refusal> {
    if changed { Ok(()) } else { Err(Refusal::Unchanged) }
}
