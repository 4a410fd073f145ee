//! Conditions with their values: one text for both databases, and nothing of a request in it.

use crate::error::QueryError;
use sqlx::{
    Any, AnyConnection,
    any::{AnyArguments, AnyRow},
    query::Query,
};

/// Longer than any name that there can be; databases have limits of their own on patterns.
const LONGEST_TEXT: usize = 256;

/// What a row must be, all of it.
#[derive(Debug, Default)]
pub struct Wanted {
    conditions: Vec<String>,
    values: Vec<Value>,
    /// No row can be like this: the database need not be asked.
    is_nothing: bool,
}

#[derive(Debug)]
enum Value {
    Text(String),
    Number(i64),
}

impl Wanted {
    /// `column = value`, where there is one to ask for.
    pub fn is(&mut self, column: &str, value: Option<impl ToString>) {
        let Some(value) = value.map(|value| value.to_string()) else { return };
        // No stored text has one, and PostgreSQL takes none.
        if value.contains('\0') {
            return self.nothing();
        }
        let place = self.text(value);
        self.conditions.push(format!("{column} = {place}"));
    }

    /// One of these; of none, nothing.
    pub fn is_one_of(&mut self, column: &str, values: impl IntoIterator<Item = impl ToString>) {
        let places: Vec<_> = values.into_iter().map(|value| self.text(value.to_string())).collect();
        if places.is_empty() {
            return self.nothing();
        }
        self.conditions.push(format!("{column} IN ({})", places.join(", ")));
    }

    /// As [`Wanted::is_one_of`].
    pub fn is_one_number_of(&mut self, column: &str, values: impl IntoIterator<Item = i64>) {
        let places: Vec<_> = values.into_iter().map(|value| self.number(value)).collect();
        if places.is_empty() {
            return self.nothing();
        }
        self.conditions.push(format!("{column} IN ({})", places.join(", ")));
    }

    /// The column is a JSON list of ids, and this one is among them.
    pub fn lists(&mut self, column: &str, id: Option<impl ToString>) {
        let Some(id) = id else { return };
        // Base32: nothing in it that a pattern knows.
        let place = self.text(format!("%\"{}\"%", id.to_string()));
        self.conditions.push(format!("{column} LIKE {place}"));
    }

    /// The name has the text in it; ASCII letters in any case. `condition` has `{}` for `search LIKE ..`.
    pub fn is_named(&mut self, condition: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        if text.len() > LONGEST_TEXT || text.contains('\0') {
            return self.nothing();
        }
        let place = self.text(format!("%{}%", escaped(&text.to_ascii_lowercase())));
        let like = format!("search LIKE {place} ESCAPE '\\'");
        self.conditions.push(condition.replace("{}", &like));
    }

    pub fn flag(&mut self, column: &str, value: Option<bool>) {
        let Some(value) = value else { return };
        let place = self.number(i64::from(value));
        self.conditions.push(format!("{column} = {place}"));
    }

    /// What comes after the row that the page before ended with, newest first.
    pub fn before<T: Into<Place>>(&mut self, number: &str, then: &str, cursor: Option<(i64, T)>) {
        let Some((at, last)) = cursor else { return };
        let at = self.number(at);
        let last = match last.into() {
            Place::Text(text) => self.text(text),
            Place::Number(number) => self.number(number),
        };
        self.conditions.push(format!("({number} < {at} OR ({number} = {at} AND {then} < {last}))"));
    }

    /// A condition of our own, without values.
    pub fn also(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    const fn nothing(&mut self) {
        self.is_nothing = true;
    }

    fn text(&mut self, value: String) -> String {
        self.values.push(Value::Text(value));
        format!("${}", self.values.len())
    }

    fn number(&mut self, value: i64) -> String {
        self.values.push(Value::Number(value));
        format!("${}", self.values.len())
    }

    /// Everything that is wanted, in that order; with a limit, one more: it says whether there is a next page.
    pub async fn rows(
        mut self,
        connection: &mut AnyConnection,
        select: &str,
        order: &str,
        limit: Option<u32>,
    ) -> Result<Vec<AnyRow>, QueryError> {
        if self.is_nothing {
            return Ok(vec![]);
        }
        let limit = limit.map(|limit| format!(" LIMIT {}", self.number(i64::from(limit) + 1)));
        let conditions = match self.conditions.as_slice() {
            [] => String::new(),
            conditions => format!(" WHERE {}", conditions.join(" AND ")),
        };
        let sql = format!("{select}{conditions} ORDER BY {order}{}", limit.unwrap_or_default());
        let mut query: Query<'_, Any, AnyArguments> = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in self.values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        Ok(query.fetch_all(connection).await?)
    }
}

/// The second half of a cursor.
#[derive(Debug)]
pub enum Place {
    Text(String),
    Number(i64),
}

impl From<&str> for Place {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Place {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 2);
    for character in text.chars() {
        if matches!(character, '%' | '_' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
