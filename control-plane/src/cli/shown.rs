//! What a command prints: JSON for programs, text and tables for people.

use super::failure::Failure;
use serde::Serialize;
use serde_json::{Value, json};
use std::{fmt::Write as _, io::Write as _, process::ExitCode};

/// One answer in both forms.
#[derive(Debug)]
pub struct Shown {
    json: Value,
    text: String,
}

impl Shown {
    pub fn new(value: &impl Serialize, text: impl Into<String>) -> Self {
        Self { json: serde_json::to_value(value).unwrap_or(Value::Null), text: text.into() }
    }

    /// Only text: completions, and nothing.
    pub fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { json: Value::Null, text }
    }
}

pub fn print(shown: &Shown, json: bool) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let written = if json && !shown.json.is_null() {
        writeln!(out, "{:#}", shown.json)
    } else if shown.text.is_empty() {
        Ok(())
    } else {
        writeln!(out, "{}", shown.text.trim_end())
    };
    // Whoever read us has read enough (`| head`).
    let _ = written.and_then(|()| out.flush());
    ExitCode::SUCCESS
}

#[expect(clippy::print_stderr, reason = "the command line's failures")]
pub fn failed(failure: &Failure, json: bool) -> ExitCode {
    if let Failure::Unsound(_, found) = failure {
        print(found, json);
    }
    if json {
        let failure = json!({
            "error": failure.to_string(),
            "code": failure.code(),
            "advice": failure.advice(),
            "causes": failure.causes(),
            "correlation": failure.correlation(),
        });
        eprintln!("{failure}");
    } else {
        eprintln!("viworks: {failure}");
        for cause in failure.causes() {
            eprintln!("  because: {cause}");
        }
        if let Some(advice) = failure.advice() {
            eprintln!("  {advice}");
        }
        if let Some(correlation) = failure.correlation() {
            eprintln!("  correlation: {correlation}");
        }
    }
    ExitCode::from(failure.exit_code())
}

/// Columns as wide as their widest cell; the last one takes what is left.
pub fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() {
        return "nothing to show\n".to_owned();
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| printable(cell).chars().count());
        cells.chain([head[column].chars().count()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let mut text = String::new();
    let mut line = |cells: &mut dyn Iterator<Item = &str>| {
        let mut out = String::new();
        for (cell, width) in cells.zip(&widths) {
            let _ = write!(out, "{cell:<width$}  ");
        }
        text.push_str(out.trim_end());
        text.push('\n');
    };
    line(&mut head.iter().copied());
    for row in rows {
        line(&mut row.iter().map(|cell| printable(cell)));
    }
    text
}

/// Names come from elsewhere; a terminal obeys control characters.
fn printable(cell: &str) -> &str {
    if cell.chars().any(char::is_control) { "(unprintable)" } else { cell }
}

/// `key: value` lines, aligned.
pub fn fields(pairs: &[(&str, String)]) -> String {
    let width = pairs.iter().map(|(key, _)| key.len()).max().unwrap_or(0) + 2;
    let mut text = String::new();
    for (key, value) in pairs {
        let _ = writeln!(text, "{:<width$}{}", format!("{key}:"), printable(value));
    }
    text
}

/// A value that is a word in JSON, as that word.
pub fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => word,
        Ok(Value::Null) | Err(_) => "-".to_owned(),
        Ok(other) => other.to_string(),
    }
}

pub fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

/// `1.5 GiB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut value = n as f64;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{n} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_control_characters_stay_out() {
        let rows = [vec!["a".into(), "long cell".into()], vec!["\u{1b}[31mred".into(), "b".into()]];
        let text = table(&["ID", "NAME"], &rows);
        assert_eq!(text, "ID             NAME\na              long cell\n(unprintable)  b\n");
    }

    #[test]
    fn nothing_says_so() {
        assert_eq!(table(&["ID"], &[]), "nothing to show\n");
    }

    #[test]
    fn sizes_are_readable() {
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(3 << 30), "3.0 GiB");
    }
}
