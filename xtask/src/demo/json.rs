//! Fields of what the product's programs print, with failures that show what was there instead.

use crate::failure::{Result, bail};
use serde_json::Value;

pub fn parse(line: &str, text: &str) -> Result<Value> {
    match serde_json::from_str(text) {
        Ok(value) => Ok(value),
        Err(error) => bail!("expected JSON from `{line}` ({error}); it printed: {}", text.trim()),
    }
}

/// The text at a path such as `session.state`.
pub fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str> {
    match at(value, path).as_str() {
        Some(text) => Ok(text),
        None => bail!("expected a text `{path}`; got {value}"),
    }
}

pub fn list<'a>(value: &'a Value, path: &str) -> Result<&'a [Value]> {
    match at(value, path).as_array() {
        Some(list) => Ok(list),
        None => bail!("expected a list `{path}`; got {value}"),
    }
}

/// What lies at the path; null when nothing does.
pub fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').filter(|key| !key.is_empty()).fold(value, |value, key| &value[key])
}

/// The rows of a page: `{"seq": .., "rows": [..]}`.
pub fn rows(value: &Value) -> Result<&[Value]> {
    list(value, "rows")
}

/// The row of a single answer: `{"seq": .., "row": {..}}`; an answer without one is the row.
pub fn row(value: &Value) -> &Value {
    if value["row"].is_object() { &value["row"] } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_path_leads_to_a_field_and_a_wrong_one_shows_what_was_there() {
        let value = json!({"session": {"state": "connected"}});
        assert_eq!(text(&value, "session.state").unwrap(), "connected");
        let failure = text(&value, "session.address").unwrap_err().to_string();
        assert!(failure.contains("session.address") && failure.contains("connected"));
    }

    #[test]
    fn a_row_may_stand_alone_or_beside_its_sequence() {
        assert_eq!(row(&json!({"seq": 4, "row": {"id": 1}}))["id"], 1);
        assert_eq!(row(&json!({"id": 1}))["id"], 1);
        assert!(rows(&json!({"seq": 4})).is_err());
    }
}
