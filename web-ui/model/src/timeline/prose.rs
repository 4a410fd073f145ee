//! An entry's sentence as a screen shows it: on the reader's clock, in words instead of names of the wire.

use crate::format;
use viworks_api::audit::AuditRow;
use viworks_domain::{Millis, decision::refusal_text};

/// `local`: a moment on the reader's clock. The server's sentences tell times in UTC.
pub fn summary(row: &AuditRow, local: fn(Millis) -> format::Local) -> String {
    if row.kind == "command.refused" {
        let code = row.details.0.get("code").and_then(serde_json::Value::as_str).unwrap_or_default();
        return refusal_text(code).map_or_else(|| "refused".to_owned(), |text| format!("refused: {text}"));
    }
    if row.kind == "session.traffic_counted" {
        let bytes = |name| row.details.0.get(name).and_then(serde_json::Value::as_u64).map(format::bytes);
        if let (Some(bytes_in), Some(bytes_out)) = (bytes("bytes_in"), bytes("bytes_out")) {
            return format!("{bytes_in} in, {bytes_out} out");
        }
    }
    // People's own words and names.
    let has_own_words = row.kind == "session.ending"
        || ["policy.", "gateway.", "operator."].iter().any(|about| row.kind.starts_with(about));
    let words = row.summary.split(' ').map(|word| {
        let (word, rest) = cut(word);
        let word = match utc(word) {
            Some(at) => local(at).short(),
            None if has_own_words => word.to_owned(),
            None => plain(word),
        };
        word + rest
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Words and what ends them: a comma, a bracket.
fn cut(word: &str) -> (&str, &str) {
    word.split_at(word.trim_end_matches([',', ')']).len())
}

/// `2026-11-21T23:46:45.123Z`
fn utc(word: &str) -> Option<Millis> {
    let is_like_one = word.len() >= 20 && word.ends_with('Z') && word.as_bytes().get(10) == Some(&b'T');
    is_like_one.then(|| format::parse_utc(word)).flatten()
}

/// `code_issued` as "code issued", `vpn` as "VPN".
fn plain(word: &str) -> String {
    match word {
        "spa" => "knock".into(),
        "tls" => "TLS".into(),
        "vpn" => "VPN".into(),
        _ if word.bytes().all(|b| b.is_ascii_lowercase() || b"_(".contains(&b)) => word.replace('_', " "),
        _ => word.to_owned(),
    }
}
