//! Checks on ARCHITECTURE.md itself: a document that names a test which is not there promises nothing.

use super::{Finding, Tree, promises};

const DOCUMENT: &str = "ARCHITECTURE.md";

/// Tests are called by sentences, so a name in backticks with this many underscores is meant as one.
const SENTENCE: usize = 3;

pub fn named_tests_exist(tree: &Tree) -> Vec<Finding> {
    let Some(text) = tree.files.get(DOCUMENT) else { return Vec::new() };
    let mut findings = Vec::new();
    for (n, line) in text.lines().enumerate() {
        for name in in_backticks(line) {
            let missing = match name.strip_prefix("tidy: ") {
                Some(promise) => !promises::ALL.iter().any(|known| known.name == promise),
                None => is_sentence(name) && !is_a_test(tree, name),
            };
            if missing {
                let place = format!("{DOCUMENT}:{}", n + 1);
                findings.push(Finding { place, what: format!("there is no `{name}`") });
            }
        }
    }
    findings
}

fn in_backticks(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// `crate::module::a_test_is_a_sentence`, or its last part alone.
fn is_sentence(name: &str) -> bool {
    let last = last_part(name);
    let word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    last.bytes().all(word) && last.matches('_').count() >= SENTENCE
}

fn is_a_test(tree: &Tree, name: &str) -> bool {
    let declared = format!("fn {}(", last_part(name));
    tree.rust("").any(|(_, text)| text.contains(&declared))
}

fn last_part(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}
