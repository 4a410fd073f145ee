//! Personal data, for an auditor who was given users' data keys; everybody else sees ids.

use crate::failure::Failure;
use data_encoding::HEXLOWER_PERMISSIVE;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::HashMap, path::Path};
use viworks_domain::{
    ids::UserId,
    personal::{DataKey, Personal},
};
use viworks_projections::{KeyFault, PersonalReader};

#[derive(Clone, Debug, Default)]
pub struct PersonalKeys(HashMap<UserId, DataKey>);

impl PersonalKeys {
    pub fn load(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = crate::source::read_closed(path)?;
        let wanted = "lines of a user's id and 64 hexadecimal digits";
        Self::parse(&text).ok_or_else(|| Failure::BadFile { path: path.to_owned(), wanted })
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.map(|line| {
            let (user, key) = line.split_once(char::is_whitespace)?;
            let key = HEXLOWER_PERMISSIVE.decode(key.trim().as_bytes()).ok()?;
            Some((user.parse().ok()?, DataKey(key.try_into().ok()?)))
        });
        keys.collect::<Option<_>>().map(Self)
    }

    /// None without the user's key, and for a value that it does not open.
    pub fn open<T: Serialize + DeserializeOwned>(&self, user: UserId, value: &Personal<T>) -> Option<T> {
        value.open(user, self.0.get(&user)?).ok()
    }

    pub fn has(&self, user: UserId) -> bool {
        self.0.contains_key(&user)
    }
}

impl PersonalReader for PersonalKeys {
    async fn data_key(&self, user: UserId) -> Result<Option<DataKey>, KeyFault> {
        Ok(self.0.get(&user).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use viworks_domain::personal::Profile;

    const USER: UserId = UserId([3; 16]);

    #[test]
    fn a_value_opens_with_its_users_key_alone() {
        let profile = Profile { username: "ada".into() };
        let sealed = Personal::seal(&profile, USER, &DataKey([9; 32]), [1; 24]);
        let keys = |text: &str| PersonalKeys::parse(text).expect("parsed");
        let line = format!("# for the review\n{USER} {}\n", "09".repeat(32));
        assert_eq!(keys(&line).open(USER, &sealed), Some(profile));
        let other = format!("{} {}", UserId([4; 16]), "09".repeat(32));
        assert_eq!(keys(&other).open(USER, &sealed), None);
        assert_eq!(PersonalKeys::default().open(USER, &sealed), None);
    }

    #[test]
    fn half_a_line_is_refused() {
        for wrong in ["abc", &format!("{USER}"), &format!("{USER} 0909")] {
            assert!(PersonalKeys::parse(wrong).is_none(), "{wrong}");
        }
    }
}
