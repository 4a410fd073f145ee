//! A policy of one user's own: what a policy says, with countries or hours of their own in it. It is made when
//! the user is, under ids that derive from the same request: asked again, it is the same policy.
//!
//! It is drafted, then assigned to a user who is there, then activated. Wherever this ends in the middle, no policy
//! is in force without its user, and asking again does the rest.

use super::guard::{ManagePolicies, Permit};
use crate::{
    app::{App, Asker},
    error::{ApiError, Rejection},
};
use data_encoding::HEXLOWER;
use viworks_api::user::{CreateRequest, Instead};
use viworks_domain::{
    command::WireCommand,
    decision::{Refusal as _, Refused},
    ids::{Digest, PolicyId, UserId},
    policy::{Command, Country, Document, Phase, Policy, Refusal},
    user::User,
};

/// A policy's name has at most so many bytes.
const LONGEST_NAME: usize = 64;

pub struct OwnPolicy {
    id: PolicyId,
    /// What it is made from.
    base: PolicyId,
    instead: Instead,
    /// Of what was asked.
    digest: Digest,
    /// Its own commands: another request under the same key never touches this policy.
    asker: Asker,
}

impl OwnPolicy {
    /// # Errors
    /// There is not one policy to make it from.
    pub fn new(
        app: &App,
        creation: &Asker,
        digest: Digest,
        _: &Permit<ManagePolicies>,
        request: &CreateRequest,
        instead: Instead,
    ) -> Result<Self, ApiError> {
        let [base] = *request.policies.as_slice() else {
            return Err(Rejection::Malformed("instead: name exactly one policy that it is instead of").into());
        };
        let asker = asker_of(creation, digest);
        let id = PolicyId(app.keys.new_id(asker.command()));
        Ok(Self { id, base, instead, digest, asker })
    }

    /// The policy to assign: a draft, which admits nobody, or the one that it was to be made from if nothing
    /// differs.
    ///
    /// # Errors
    /// That one is not in force, or what is wanted instead cannot be meant.
    pub async fn draft(&self, app: &App, username: &str) -> Result<PolicyId, ApiError> {
        let base = app.fold::<Policy>(self.base).await?;
        let document = match (base.state.phase, &base.state.document) {
            (Phase::Active, Some(document)) => document,
            // Made from these it would let in whom they do not.
            (Phase::Draft, _) => {
                return Err(
                    Rejection::Malformed("policies: this one decides nothing yet; activate it").into()
                );
            }
            (Phase::Retired, _) => return Err(ApiError::Refused(Refusal::Retired.stored())),
            (Phase::Absent | Phase::Active, _) => return Err(ApiError::Refused(Refusal::NotFound.stored())),
        };
        let own = own(document, &self.instead, username)?;
        if (&own.countries, &own.windows) == (&document.countries, &document.windows) {
            return Ok(self.base);
        }
        // Of what was asked: the base may have changed since this was drafted.
        let draft = WireCommand::Policy(Command::Draft { document: own });
        app.ask(&self.asker, self.id, draft, Some(self.digest)).await?;
        Ok(self.id)
    }

    /// Once its user is there: it decides for them from now on.
    ///
    /// # Errors
    /// The bus is away; asking for the user again does it then.
    pub async fn activate(&self, app: &App, user: UserId) -> Result<(), ApiError> {
        if !app.fold::<User>(user).await?.state.policies.contains(&self.id) {
            return Ok(());
        }
        let activate = WireCommand::Policy(Command::Activate);
        match app.ask(&self.asker.also("activate"), self.id, activate, None).await {
            Ok(_) => Ok(()),
            // It decides already, or somebody has decided otherwise since.
            Err(ApiError::Refused(refused)) if is_done(&refused) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn is_done(refused: &Refused) -> bool {
    [Refusal::Unchanged, Refusal::Retired].iter().any(|done| *refused == done.stored())
}

/// Who asks for the policy that comes with this creation.
pub fn asker_of(creation: &Asker, digest: Digest) -> Asker {
    creation.also(&format!("policy/{}", HEXLOWER.encode(&digest.0)))
}

fn own(base: &Document, instead: &Instead, username: &str) -> Result<Document, ApiError> {
    let mut own = base.clone();
    own.name = name(&base.name, username);
    if let Some(allowed) = &instead.allowed_countries {
        if allowed.iter().any(|country| base.countries.deny.contains(country)) {
            return Err(Rejection::Malformed("allowed_countries: the policy denies one of these").into());
        }
        own.countries.allow = without_repeats(allowed);
    }
    if let Some(windows) = &instead.windows {
        own.windows.clone_from(windows);
    }
    own.validate().map_err(|wrong| ApiError::Unreadable(wrong.to_string()))?;
    Ok(own)
}

fn without_repeats(countries: &[Country]) -> Vec<Country> {
    let mut seen = vec![];
    for country in countries {
        if !seen.contains(country) {
            seen.push(*country);
        }
    }
    seen
}

/// `office for ada`; a long policy name makes room for whose it is.
fn name(policy: &str, username: &str) -> String {
    let whose = format!(" for {username}");
    let room = LONGEST_NAME.saturating_sub(whose.len());
    let cut = (0..=room.min(policy.len())).rev().find(|at| policy.is_char_boundary(*at)).unwrap_or(0);
    let mut name = format!("{}{whose}", policy[..cut].trim_end()).trim_start().to_owned();
    // User names are ASCII.
    name.truncate(LONGEST_NAME);
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::policy::{CountryRule, PostureRule, Weekday, Window};

    fn office() -> Document {
        Document {
            name: "office".into(),
            time_zone: "Australia/Sydney".into(),
            windows: vec![window(540, 1020)],
            not_after: None,
            countries: CountryRule { allow: countries(&["AU"]), deny: countries(&["NZ"]) },
            posture: PostureRule::default(),
            resources: vec![],
            image: "page".into(),
            max_minutes: 60,
            lease_seconds: 300,
            concurrent_sessions: 1,
        }
    }

    fn window(from_minute: u16, to_minute: u16) -> Window {
        Window { days: vec![Weekday::Mon], from_minute, to_minute }
    }

    fn countries(codes: &[&str]) -> Vec<Country> {
        codes.iter().map(|code| code.parse().expect("a country")).collect()
    }

    #[test]
    fn what_is_not_given_stays_as_the_policy_has_it() {
        let hours = Instead { windows: Some(vec![window(0, 60)]), ..Instead::default() };
        let made = own(&office(), &hours, "ada").expect("a document");
        let wanted = Document { name: "office for ada".into(), windows: vec![window(0, 60)], ..office() };
        assert_eq!(made, wanted);

        let places =
            Instead { allowed_countries: Some(countries(&["DE", "DE", "FR"])), ..Instead::default() };
        let made = own(&office(), &places, "ada").expect("a document");
        assert_eq!(made.countries, CountryRule { allow: countries(&["DE", "FR"]), deny: countries(&["NZ"]) });
        assert_eq!(made.windows, office().windows);

        let anywhere_any_time = Instead { allowed_countries: Some(vec![]), windows: Some(vec![]) };
        let made = own(&office(), &anywhere_any_time, "ada").expect("a document");
        assert!(made.countries.allow.is_empty() && made.windows.is_empty());
        assert_eq!(made.countries.deny, countries(&["NZ"]), "what the policy denies stays denied");
    }

    #[test]
    fn what_cannot_be_meant_says_which_field_it_is() {
        let denied = Instead { allowed_countries: Some(countries(&["NZ"])), ..Instead::default() };
        let backwards = Instead { windows: Some(vec![window(60, 0)]), ..Instead::default() };
        for (instead, field) in [(denied, "allowed_countries:"), (backwards, "windows:")] {
            let said = match own(&office(), &instead, "ada").expect_err("refused") {
                ApiError::Rejected(Rejection::Malformed(text)) => text.to_owned(),
                ApiError::Unreadable(text) => text,
                other => panic!("{other:?}"),
            };
            assert!(said.starts_with(field), "{said}");
        }
    }

    #[test]
    fn its_name_says_whose_it_is_and_has_64_bytes_at_most() {
        assert_eq!(name("office", "ada"), "office for ada");
        let long = "Büro ".repeat(20);
        for user in ["ada".to_owned(), "u".repeat(58), "u".repeat(59), "u".repeat(60), "u".repeat(64)] {
            let name = name(&long, &user);
            assert!((1..=64).contains(&name.len()), "{name}");
            assert!(name.contains(&user[..user.len().min(60)]), "{name}");
            assert!(!name.starts_with(' ') && !name.contains("  "), "{name:?}");
        }
    }
}
