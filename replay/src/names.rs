//! What ids are called: a fold of every name that stands open in the log, and of those a key opens.

use crate::personal::PersonalKeys;
use serde::Serialize;
use std::{collections::HashMap, fmt};
use viworks_domain::{
    actor::Actor,
    decision::RecordedEvent,
    event::{AggregateKind, AggregateRef, AnyEvent},
    gateway,
    ids::UserId,
    operator, policy, user,
};

#[derive(Debug, Default)]
pub struct Names {
    known: HashMap<AggregateRef, String>,
}

/// Who caused something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Who {
    pub kind: &'static str,
    /// The id, or the process's name; none for the machine and for strangers.
    pub id: Option<String>,
    pub name: Option<String>,
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name.as_ref().or(self.id.as_ref()) {
            Some(known) => f.pad(&format!("{} {known}", self.kind)),
            None => f.pad(self.kind),
        }
    }
}

impl Names {
    pub fn learn(&mut self, event: &RecordedEvent<'_>, keys: &PersonalKeys) {
        let aggregate = event.decision.aggregate;
        let name = match &event.event {
            AnyEvent::User(user::Event::Created(e)) => {
                keys.open(UserId(aggregate.id), &e.profile).map(|profile| profile.username)
            }
            AnyEvent::Gateway(gateway::Event::Invited(e)) => Some(e.name.clone()),
            AnyEvent::Operator(operator::Event::Invited(e)) => Some(e.name.clone()),
            AnyEvent::Policy(policy::Event::Drafted(e)) => Some(e.document.name.clone()),
            AnyEvent::Policy(policy::Event::Changed(e)) => Some(e.document.name.clone()),
            AnyEvent::User(user::Event::Erased(_)) => {
                self.known.remove(&aggregate);
                None
            }
            AnyEvent::Directory(_)
            | AnyEvent::User(_)
            | AnyEvent::Device(_)
            | AnyEvent::Policy(_)
            | AnyEvent::Gateway(_)
            | AnyEvent::Session(_)
            | AnyEvent::Operator(_) => None,
        };
        if let Some(name) = name {
            self.known.insert(aggregate, name);
        }
    }

    pub fn name(&self, of: impl Into<AggregateRef>) -> Option<&str> {
        self.known.get(&of.into()).map(String::as_str)
    }

    pub fn who(&self, actor: &Actor) -> Who {
        let of = |aggregate: AggregateRef| Who {
            kind: aggregate.kind.as_str(),
            id: Some(aggregate.id_text()),
            name: self.name(aggregate).map(str::to_owned),
        };
        let nobody = |kind| Who { kind, id: None, name: None };
        match actor {
            Actor::Operator { id, .. } => of((*id).into()),
            Actor::User { id } => of((*id).into()),
            Actor::Device { id } => of((*id).into()),
            Actor::Gateway { id } => of((*id).into()),
            Actor::Process { name } => {
                Who { kind: "process", id: Some(name.as_str().to_owned()), name: None }
            }
            Actor::Machine => nobody("machine"),
            Actor::Stranger => nobody("stranger"),
        }
    }
}

/// The aggregate that an actor is, when it is one.
pub fn aggregate_of(actor: &Actor) -> Option<AggregateRef> {
    match actor {
        Actor::Operator { id, .. } => Some((*id).into()),
        Actor::User { id } => Some((*id).into()),
        Actor::Device { id } => Some((*id).into()),
        Actor::Gateway { id } => Some((*id).into()),
        Actor::Process { .. } | Actor::Machine | Actor::Stranger => None,
    }
}

/// Every kind of aggregate that an id could be of.
pub fn candidates(id: [u8; 16]) -> impl Iterator<Item = AggregateRef> {
    AggregateKind::ALL.into_iter().map(move |kind| AggregateRef { kind, id })
}
