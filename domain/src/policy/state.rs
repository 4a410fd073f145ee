//! The policy's fold and its rules.

use super::{Activated, Changed, Command, Document, Drafted, Event, PolicyRef, Refusal, Retired};
use crate::{Aggregate, Millis, event::AggregateKind, ids::PolicyId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    #[default]
    Absent,
    Draft,
    Active,
    Retired,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    pub phase: Phase,
    /// 0 before the first draft.
    pub version: u32,
    /// The newest version.
    pub document: Option<Document>,
}

impl Policy {
    /// What counts now: the newest version of an active policy. A draft and a retired policy admit nobody.
    pub fn active(&self, id: PolicyId) -> Option<(PolicyRef, &Document)> {
        let document = self.document.as_ref().filter(|_| self.phase == Phase::Active)?;
        Some((PolicyRef { id, version: self.version }, document))
    }
}

impl Aggregate for Policy {
    const KIND: AggregateKind = AggregateKind::Policy;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: &Command, _now: Millis) -> Result<Vec<Event>, Refusal> {
        use Command as C;
        use Phase as P;
        match (self.phase, command) {
            (P::Absent, C::Draft { document }) => {
                valid(document)?;
                Ok(vec![Drafted { document: document.clone() }.into()])
            }
            (P::Absent, _) => Err(Refusal::NotFound),
            (_, C::Draft { .. }) => Err(Refusal::AlreadyExists),

            (P::Draft | P::Active, C::Change { document }) => {
                valid(document)?;
                if self.document.as_ref() == Some(document) {
                    return Err(Refusal::Unchanged);
                }
                let version = self.version.saturating_add(1);
                Ok(vec![Changed { version, document: document.clone() }.into()])
            }
            (P::Draft, C::Activate) => Ok(vec![Activated { version: self.version }.into()]),
            (P::Active, C::Activate) => Err(Refusal::Unchanged),
            (P::Draft | P::Active, C::Retire) => Ok(vec![Retired {}.into()]),

            (P::Retired, _) => Err(Refusal::Retired),
        }
    }

    fn apply(&mut self, event: &Event, _at: Millis) {
        match event {
            Event::Drafted(e) => {
                self.phase = Phase::Draft;
                self.version = 1;
                self.document = Some(e.document.clone());
            }
            Event::Changed(e) => {
                self.version = e.version;
                self.document = Some(e.document.clone());
            }
            Event::Activated(_) => self.phase = Phase::Active,
            Event::Retired(_) => self.phase = Phase::Retired,
        }
    }
}

fn valid(document: &Document) -> Result<(), Refusal> {
    document.validate().map_err(|_| Refusal::InvalidDocument)
}
