//! Reading Rust text without being fooled by comments, strings and tests. Not a parser: it knows just enough
//! of the language's surface to blank out what is not code.

/// What to keep of a file; the rest becomes spaces, so that line numbers stand.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Code,
    CodeAndStrings,
}

/// The lines of `text` with comments (and, with [`Keep::Code`], the insides of strings) blanked out.
pub fn lines(text: &str, keep: Keep) -> Vec<String> {
    blank(text, keep).lines().map(str::to_owned).collect()
}

/// The same, up to where the file's own tests begin.
pub fn lines_before_tests(text: &str, keep: Keep) -> Vec<String> {
    let mut all = lines(text, keep);
    if let Some(at) = all.iter().position(|line| line.trim_start().starts_with("#[cfg(test)]")) {
        // A test module declared above the code (`#[cfg(test)] mod tests;`) ends nothing.
        let declares = |line: Option<&String>| line.is_some_and(|line| line.trim_end().ends_with("tests;"));
        if !declares(all.get(at)) && !declares(all.get(at + 1)) {
            all.truncate(at);
        }
    }
    all
}

/// Whether the file is for testing or measuring and in nothing that ships.
pub fn is_test_file(path: &str) -> bool {
    const FOLDERS: [&str; 4] = ["/tests/", "/testing/", "/examples/", "/benches/"];
    const FILES: [&str; 3] = ["/tests.rs", "_tests.rs", "/testing.rs"];
    path.starts_with("e2e/")
        || FOLDERS.iter().any(|folder| path.contains(folder))
        || FILES.iter().any(|file| path.ends_with(file))
}

fn blank(text: &str, keep: Keep) -> String {
    let bytes = text.as_bytes();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        if let Some((length, kind)) = piece(rest, at > 0 && is_word(bytes[at - 1])) {
            let shown = match kind {
                Kind::Comment => false,
                Kind::Text => keep == Keep::CodeAndStrings,
            };
            for letter in rest[..length].chars() {
                out.push(if shown || letter == '\n' { letter } else { ' ' });
            }
            at += length;
        } else if let Some(letter) = rest.chars().next() {
            out.push(letter);
            at += letter.len_utf8();
        }
    }
    out
}

enum Kind {
    Comment,
    Text,
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// The length of the comment, string or character literal that `rest` begins with.
fn piece(rest: &str, inside_word: bool) -> Option<(usize, Kind)> {
    if rest.starts_with("//") {
        return Some((rest.find('\n').unwrap_or(rest.len()), Kind::Comment));
    }
    if rest.starts_with("/*") {
        return Some((block_comment(rest), Kind::Comment));
    }
    if rest.starts_with('"') {
        return Some((quoted(rest, 1), Kind::Text));
    }
    if !inside_word {
        if rest.starts_with("b\"") || rest.starts_with("c\"") {
            return Some((quoted(rest, 2), Kind::Text));
        }
        for prefix in ["r", "br", "cr"] {
            if let Some(length) = rest.strip_prefix(prefix).and_then(raw) {
                return Some((prefix.len() + length, Kind::Text));
            }
        }
    }
    if rest.starts_with('\'') { character(rest).map(|length| (length, Kind::Text)) } else { None }
}

fn block_comment(rest: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

fn quoted(rest: &str, from: usize) -> usize {
    let bytes = rest.as_bytes();
    let mut at = from;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// After the `r`: `#*"..."#*`.
fn raw(rest: &str) -> Option<usize> {
    let hashes = rest.bytes().take_while(|byte| *byte == b'#').count();
    if rest.as_bytes().get(hashes) != Some(&b'"') {
        return None;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = hashes + 1;
    Some(rest[body..].find(&end).map_or(rest.len(), |at| body + at + end.len()))
}

/// `'x'` or `'\n'`, and not a lifetime.
fn character(rest: &str) -> Option<usize> {
    let mut letters = rest.char_indices().skip(1);
    let (_, first) = letters.next()?;
    if first == '\\' {
        let (at, _) = letters.skip(1).find(|(_, letter)| *letter == '\'')?;
        return Some(at + 1);
    }
    let (at, second) = letters.next()?;
    (second == '\'').then_some(at + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_are_blanked_and_lines_stay_where_they_are() {
        let text = "let a = \"sh\"; // async fn\n/* async\n fn /* x */ */ let b = 'c';\nlet c = r#\"a\"b\"#;";
        let code = lines(text, Keep::Code);
        assert_eq!(code.len(), 4);
        assert!(!code.concat().contains("async"));
        assert!(!code.concat().contains("sh"));
        assert!(code[2].contains("let b ="));
        assert!(code[3].ends_with(';') && !code[3].contains("a\"b"));
        assert!(lines(text, Keep::CodeAndStrings)[0].contains("\"sh\""));
    }

    #[test]
    fn lifetimes_are_not_mistaken_for_characters() {
        let text = "fn f<'a>(x: &'a str) -> &'a str { x } let q = '\\''; let n = \"after\";";
        assert!(lines(text, Keep::Code)[0].contains("let q ="));
        assert!(lines(text, Keep::Code)[0].contains("let n ="));
        assert!(!lines(text, Keep::Code)[0].contains("after"));
    }

    #[test]
    fn a_files_own_tests_are_left_out_but_a_declared_test_module_ends_nothing() {
        let own = "fn a() {}\n#[cfg(test)]\nmod tests {\n  Instant::now()\n}";
        assert_eq!(lines_before_tests(own, Keep::Code).len(), 1);
        let declared = "#[cfg(test)]\nmod tests;\nfn a() { Instant::now() }";
        assert_eq!(lines_before_tests(declared, Keep::Code).len(), 3);
    }
}
