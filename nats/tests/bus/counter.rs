//! An aggregate small enough to see through: how often a name was claimed. It stands where the directory does,
//! and uses its events.

use serde::{Deserialize, Serialize};
use viworks_domain::{
    Aggregate, Millis,
    directory::{Claimed, Event, Refusal, Released},
    event::AggregateKind,
    ids::UserId,
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    pub claims: u64,
    pub last: Option<UserId>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    Claim(UserId),
    /// Refused unless the last claim was this user's.
    Release(UserId),
}

impl Aggregate for Counter {
    const KIND: AggregateKind = AggregateKind::Directory;
    type Command = Act;
    type Event = Event;
    type Refusal = Refusal;

    fn decide(&self, act: &Act, _: Millis) -> Result<Vec<Event>, Refusal> {
        match act {
            Act::Claim(user) => Ok(vec![Claimed { user: *user }.into()]),
            Act::Release(user) if self.last == Some(*user) => Ok(vec![Released { user: *user }.into()]),
            Act::Release(_) => Err(Refusal::NotYours),
        }
    }

    fn apply(&mut self, event: &Event, _: Millis) {
        match event {
            Event::Claimed(Claimed { user }) => {
                self.claims += 1;
                self.last = Some(*user);
            }
            Event::Released(_) => self.last = None,
            Event::ClaimRefused(_) => {}
        }
    }
}
