//! The form that makes a user: what was typed, what is wrong with it, and the request that it becomes.
//!
//! The server judges all of it again. What is said here is only said sooner.

mod hours;
#[cfg(test)]
mod tests;

pub use hours::{Hours, WEEK};

use crate::{
    countries, password,
    request::{Failure, IdempotencyKey},
    words::{self, Tone},
};
use std::{collections::BTreeSet, fmt};
use viworks_api::{
    policy::{PolicyState, PolicySummary},
    problem::{Problem, code},
    user::{CreateRequest, Instead},
};
use viworks_domain::{
    ids::{GatewayId, PolicyId},
    policy::Country,
};

/// The server's rule.
const LONGEST_NAME: usize = 64;
/// As many countries are called by name within a sentence; of more, only how many more.
const NAMED: usize = 3;

/// Where a message stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    Username,
    Password,
    Policy,
    Countries,
    /// All windows together.
    Windows,
    /// One of them.
    Hours(usize),
    Gateways,
}

/// A field and what to do about it.
pub type Wrong = (Field, String);

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Draft {
    pub username: String,
    pub password: String,
    pub policy: Option<PolicyId>,
    /// None: as the policy has it. Empty: all that the policy does not deny.
    pub countries: Option<BTreeSet<Country>>,
    /// None: as the policy has it. Empty: any time.
    pub hours: Option<Vec<Hours>>,
    pub gateways: BTreeSet<GatewayId>,
}

/// What there is to choose from at the moment of asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices {
    pub policies: Vec<PolicySummary>,
    pub gateways: Vec<GatewayId>,
    /// Whether this operator may give a user other countries and hours than the policy.
    pub may_differ: bool,
}

impl Choices {
    pub fn has_policies(&self) -> bool {
        self.policies.iter().any(|policy| policy.state == PolicyState::Active)
    }

    pub fn policy(&self, id: Option<PolicyId>) -> Option<&PolicySummary> {
        self.policies.iter().find(|policy| Some(policy.id) == id && policy.state == PolicyState::Active)
    }
}

impl fmt::Debug for Draft {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("username", &self.username)
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

impl Draft {
    /// What there is only one of is chosen already.
    pub fn new(choices: &Choices) -> Self {
        let mut active = choices.policies.iter().filter(|policy| policy.state == PolicyState::Active);
        let policy = match (active.next(), active.next()) {
            (Some(only), None) => Some(only.id),
            _ => None,
        };
        let gateways = match choices.gateways.as_slice() {
            [only] => BTreeSet::from([*only]),
            _ => BTreeSet::new(),
        };
        Self { policy, gateways, ..Self::default() }
    }

    /// Whether closing the form would lose something that somebody has typed.
    pub fn is_touched(&self) -> bool {
        !self.username.is_empty()
            || !self.password.is_empty()
            || self.countries.is_some()
            || self.hours.is_some()
    }

    /// The user of this draft is made: nothing of it is needed any more, the password first of all. What was typed
    /// since it was sent is another user's and stays. Whether it was this draft.
    pub fn made(&mut self, sent: &Self) -> bool {
        let is_sent = self == sent;
        if is_sent {
            *self = Self::default();
        }
        is_sent
    }

    /// # Errors
    /// Everything that is wrong, each beside its field.
    pub fn request(&self, choices: &Choices) -> Result<CreateRequest, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut say = |field: Field, text: &str| wrong.push((field, text.to_owned()));
        if let Some(text) = username_problem(self.username.trim()) {
            say(Field::Username, text);
        }
        if let Some(text) = password::problem(&self.password) {
            say(Field::Password, &text);
        }
        let policy = choices.policy(self.policy);
        if policy.is_none() && self.policy.is_some() {
            say(Field::Policy, "This policy is no longer in force. Choose another one.");
        } else if policy.is_none() && choices.has_policies() {
            say(Field::Policy, "Choose what this user may do.");
        }
        if !choices.gateways.is_empty() && self.gateways.is_empty() {
            say(Field::Gateways, "Choose at least one gateway.");
        }
        if self.gateways.iter().any(|gateway| !choices.gateways.contains(gateway)) {
            say(Field::Gateways, "A gateway that was chosen is no longer in use. Choose another one.");
        }
        let mut instead = None;
        if let (Some(policy), true) = (policy, choices.may_differ) {
            match self.instead(policy) {
                Ok(differing) => instead = differing,
                Err(more) => wrong.extend(more),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(CreateRequest {
            username: self.username.trim().to_owned(),
            password: self.password.clone(),
            policies: self.policy.into_iter().collect(),
            gateways: self.gateways.iter().copied().collect(),
            instead,
        })
    }

    /// What this user gets instead of what the policy says; none where it is the same.
    ///
    /// # Errors
    /// What the server would refuse.
    pub fn instead(&self, policy: &PolicySummary) -> Result<Option<Instead>, Vec<Wrong>> {
        let mut wrong = Vec::new();
        let mut instead = Instead::default();
        if let Some(chosen) = &self.countries {
            if chosen.iter().any(|country| policy.countries.deny.contains(country)) {
                wrong.push((
                    Field::Countries,
                    "The policy denies a country that is chosen here. Take it away, or choose another policy."
                        .into(),
                ));
            }
            if *chosen != policy.countries.allow.iter().copied().collect() {
                instead.allowed_countries = Some(chosen.iter().copied().collect());
            }
        }
        if let Some(hours) = &self.hours {
            match hours::windows(hours) {
                Ok(windows) if hours::same(&windows, &policy.windows) => {}
                Ok(windows) => instead.windows = Some(windows),
                Err(rows) => {
                    wrong.extend(rows.into_iter().map(|(row, text)| (Field::Hours(row), text.to_owned())));
                }
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok((instead != Instead::default()).then_some(instead))
    }

    /// The countries as they are chosen: this user's own, or the policy's.
    pub fn shown_countries(&self, policy: Option<&PolicySummary>) -> BTreeSet<Country> {
        self.countries.clone().unwrap_or_else(|| {
            policy.map(|policy| policy.countries.allow.iter().copied().collect()).unwrap_or_default()
        })
    }

    /// What these countries come to; a warning where taking the last one away has let in all the others.
    pub fn countries_told(&self, policy: Option<&PolicySummary>) -> (Tone, String) {
        let Some(policy) = policy else {
            return (Tone::Quiet, "As the policy says. Choose it first.".into());
        };
        let (allow, deny) = (&policy.countries.allow, &policy.countries.deny);
        let every = if deny.is_empty() {
            "Every country."
        } else {
            "Every country but those that the policy denies."
        };
        match &self.countries {
            Some(own) if !own.is_empty() => {
                (Tone::Quiet, "This user's own, in a policy made for them.".into())
            }
            Some(_) if !allow.is_empty() => {
                (Tone::Warn, format!("{every} The policy's own list ({}) no longer applies.", named(allow)))
            }
            None if !allow.is_empty() => (Tone::Quiet, "As the policy says.".into()),
            Some(_) | None => (Tone::Quiet, every.into()),
        }
    }

    /// The hours as they are chosen: this user's own, or the policy's.
    pub fn shown_hours(&self, policy: Option<&PolicySummary>) -> Vec<Hours> {
        self.hours.clone().unwrap_or_else(|| {
            policy.map(|policy| policy.windows.iter().map(Hours::of).collect()).unwrap_or_default()
        })
    }
}

/// "Australia, Japan, Peru and 4 more"
fn named(all: &[Country]) -> String {
    let names =
        all.iter().take(NAMED).map(|country| countries::name(*country)).collect::<Vec<_>>().join(", ");
    match all.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// What to do about a name that the server would not take.
pub fn username_problem(name: &str) -> Option<&'static str> {
    let Some(first) = name.bytes().next() else { return Some("Give a user name.") };
    if !first.is_ascii_alphanumeric() {
        return Some("Begin with a letter from A to Z or a digit.");
    }
    if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte)) {
        return Some("Use only letters from A to Z, digits, dots, underscores and hyphens.");
    }
    (name.len() > LONGEST_NAME).then_some("Give a shorter name: at most 64 characters.")
}

/// The field that the server's refusal is about, if it is about one, and what to say there.
pub fn of_problem(problem: &Problem) -> Option<Wrong> {
    let detail = problem.detail.as_deref().unwrap_or_default();
    let own = |text: &str| text.to_owned();
    let kind = problem.code.split('.').next().unwrap_or_default();
    match (problem.code.as_str(), kind) {
        ("user.name_taken", _) => {
            Some((Field::Username, own("Somebody else has this name. Choose another one.")))
        }
        (_, "policy") => {
            Some((Field::Policy, own("This policy cannot be given any more. Choose another one.")))
        }
        (_, "gateway") => {
            Some((Field::Gateways, own("A gateway that was chosen is no longer in use. Choose another one.")))
        }
        (code::MALFORMED, _) => {
            if detail.starts_with("give a password") {
                return Some((Field::Password, sentence(detail)));
            }
            let (name, text) = detail.split_once(':')?;
            let field = match name {
                "username" => Field::Username,
                "password" => Field::Password,
                "policies" | "instead" => Field::Policy,
                "allowed_countries" => Field::Countries,
                "windows" => Field::Windows,
                "gateways" => Field::Gateways,
                _ => return None,
            };
            Some((field, sentence(text)))
        }
        _ => None,
    }
}

/// First letter large, a full stop at the end.
fn sentence(text: &str) -> String {
    let text = text.trim().trim_end_matches('.');
    if text.is_empty() { String::new() } else { words::sentence(text) + "." }
}

/// What is known of one form, for whoever wants to close it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Typing,
    /// Asked, not answered: closing the form undoes nothing, and loses nothing.
    Sent,
    Made,
}

/// Whether somebody who closes the form is asked first.
pub fn asks_to_close(stage: Stage, draft: &Draft) -> bool {
    stage == Stage::Typing && draft.is_touched()
}

/// Under which names one form is sent. Sent again because no answer came, it is the same act; changed or refused,
/// it is another one.
#[derive(Default)]
pub struct Attempts {
    open: Option<(Draft, IdempotencyKey)>,
}

impl Attempts {
    pub fn key(&mut self, draft: &Draft, fresh: impl FnOnce() -> IdempotencyKey) -> IdempotencyKey {
        match &self.open {
            Some((before, key)) if before == draft => key.clone(),
            _ => {
                let key = fresh();
                self.open = Some((draft.clone(), key.clone()));
                key
            }
        }
    }

    /// What came of it. The name is used up by a decision, whichever it was.
    pub fn answered(&mut self, failure: Option<&Failure>) {
        if failure.is_none_or(is_decided) {
            self.open = None;
        }
    }
}

/// Whether the server has certainly not done it, and never will.
fn is_decided(failure: &Failure) -> bool {
    match failure {
        Failure::Problem(problem) => {
            problem.status < 500 && problem.code != code::TOO_MANY && !failure.is_signed_out()
        }
        Failure::Unreachable | Failure::NotUnderstood | Failure::StillPending => false,
    }
}
