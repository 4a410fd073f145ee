//! Who holds a name.

use super::{ClaimRefused, Claimed, Command, Event, Refusal, Released};
use crate::{Aggregate, Millis, event::AggregateKind, ids::UserId};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    pub holder: Option<UserId>,
}

impl Aggregate for Directory {
    const KIND: AggregateKind = AggregateKind::Directory;
    type Command = Command;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, command: &Command, _now: Millis) -> Result<Vec<Event>, Refusal> {
        match (self.holder, command) {
            (None, Command::Claim { user }) => Ok(vec![Claimed { user: *user }.into()]),
            (Some(holder), Command::Claim { user }) if holder == *user => Ok(vec![]),
            (Some(_), Command::Claim { user }) => Ok(vec![ClaimRefused { user: *user }.into()]),

            (Some(holder), Command::Release { user }) if holder == *user => {
                Ok(vec![Released { user: *user }.into()])
            }
            (_, Command::Release { .. }) => Err(Refusal::NotYours),
        }
    }

    fn apply(&mut self, event: &Event, _at: Millis) {
        match event {
            Event::Claimed(e) => self.holder = Some(e.user),
            Event::Released(_) => self.holder = None,
            Event::ClaimRefused(_) => {}
        }
    }
}
