//! Values as columns: TEXT and BIGINT, the same on both databases.

use crate::error::QueryError;
use serde::{Serialize, de::DeserializeOwned};
use sqlx::{Row as _, any::AnyRow};
use std::str::FromStr;
use viworks_domain::Millis;

/// Sequences and times stay below 2^63 for as long as anybody cares.
pub fn int(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub fn millis(at: Millis) -> i64 {
    int(at.0)
}

/// The snake-case word that serde knows a plain enum's value under.
pub fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        // Not a plain enum: whole, so that nothing is lost and reading it back fails loudly.
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

pub fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// One row, read by column name.
pub struct Columns<'a>(pub &'a AnyRow);

impl Columns<'_> {
    pub fn text(&self, column: &'static str) -> Result<String, QueryError> {
        Ok(self.0.try_get(column)?)
    }

    pub fn maybe_text(&self, column: &'static str) -> Result<Option<String>, QueryError> {
        Ok(self.0.try_get(column)?)
    }

    pub fn number(&self, column: &'static str) -> Result<u64, QueryError> {
        let value: i64 = self.0.try_get(column)?;
        u64::try_from(value).map_err(|_| QueryError::Corrupt { column })
    }

    pub fn flag(&self, column: &'static str) -> Result<bool, QueryError> {
        let value: i32 = self.0.try_get(column)?;
        Ok(value != 0)
    }

    pub fn small<T: TryFrom<u64>>(&self, column: &'static str) -> Result<T, QueryError> {
        T::try_from(self.number(column)?).map_err(|_| QueryError::Corrupt { column })
    }

    pub fn time(&self, column: &'static str) -> Result<Millis, QueryError> {
        self.number(column).map(Millis)
    }

    pub fn maybe_time(&self, column: &'static str) -> Result<Option<Millis>, QueryError> {
        let value: Option<i64> = self.0.try_get(column)?;
        value
            .map(|value| u64::try_from(value).map(Millis).map_err(|_| QueryError::Corrupt { column }))
            .transpose()
    }

    pub fn id<T: FromStr>(&self, column: &'static str) -> Result<T, QueryError> {
        parse(column, &self.text(column)?)
    }

    pub fn maybe_id<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, QueryError> {
        self.maybe_text(column)?.map(|text| parse(column, &text)).transpose()
    }

    pub fn word<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, QueryError> {
        from_word(column, self.text(column)?)
    }

    pub fn maybe_word<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, QueryError> {
        self.maybe_text(column)?.map(|text| from_word(column, text)).transpose()
    }

    pub fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, QueryError> {
        from_json(column, &self.text(column)?)
    }

    pub fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, QueryError> {
        self.maybe_text(column)?.map(|text| from_json(column, &text)).transpose()
    }
}

fn parse<T: FromStr>(column: &'static str, text: &str) -> Result<T, QueryError> {
    text.parse().map_err(|_| QueryError::Corrupt { column })
}

fn from_word<T: DeserializeOwned>(column: &'static str, text: String) -> Result<T, QueryError> {
    serde_json::from_value(serde_json::Value::String(text)).map_err(|_| QueryError::Corrupt { column })
}

fn from_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T, QueryError> {
    serde_json::from_str(text).map_err(|_| QueryError::Corrupt { column })
}
