//! Checks on what sources say.

use super::{
    Finding, Tree,
    source::{Keep, is_test_file, lines, lines_before_tests},
};

/// More does not fit one sitting.
pub const LONGEST_FILE: usize = 800;

pub fn files_fit_one_sitting(tree: &Tree) -> Vec<Finding> {
    tree.rust("")
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, length)| *length > LONGEST_FILE)
        .map(|(path, length)| Finding { place: path.to_owned(), what: format!("{length} lines") })
        .collect()
}

pub fn domain_is_synchronous(tree: &Tree) -> Vec<Finding> {
    let words = ["async", ".await"];
    let found = grep(tree, "domain/src/", Scope::Everything, Keep::Code, &words);
    // `awaited` and `.awaits(` are names.
    found.into_iter().filter(|finding| words.iter().any(|word| has_word(&finding.what, word))).collect()
}

pub fn stored_types_are_plain(tree: &Tree) -> Vec<Finding> {
    let attributes = grep(tree, "domain/src/", Scope::Everything, Keep::Code, &["flatten", "untagged"]);
    // `Iterator::flatten` is no attribute.
    attributes.into_iter().filter(|finding| !finding.what.contains(".flatten()")).collect()
}

/// What `Instant::now` says is a reading of the clock, unless the `Instant` is tokio's: that one bounds a wait,
/// and is compared with nothing but tokio's timers.
pub fn only_clocks_read_the_clock(tree: &Tree) -> Vec<Finding> {
    let reads = [
        "Instant::now",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "Uuid::now_v7",
        "Date::now",
        "Date::new_0",
        "clock_gettime",
        "thread::sleep",
    ];
    let found = grep(tree, "", Scope::Product, Keep::Code, &reads);
    let reads_a_clock = |finding: &Finding| {
        let others = reads.iter().filter(|read| **read != "Instant::now");
        others.into_iter().any(|read| finding.what.contains(read)) || !bounds_a_wait(tree, finding)
    };
    without_file(found.into_iter().filter(reads_a_clock).collect(), "clock.rs")
}

/// Whether each `Instant` in the line is tokio's, by its path or by the file's import.
fn bounds_a_wait(tree: &Tree, finding: &Finding) -> bool {
    const TOKIOS: &str = "tokio::time::";
    let path = finding.place.rsplit_once(':').map_or("", |(path, _)| path);
    let text = tree.files.get(path).map_or("", String::as_str);
    let imported = lines(text, Keep::Code).concat().split(';').any(|item| {
        item.split_once("use tokio::time::").is_some_and(|(_, names)| has_word(names, "Instant"))
    });
    let mut instants = finding.what.match_indices("Instant::now").map(|(at, _)| &finding.what[..at]);
    instants.all(|before| before.ends_with(TOKIOS) || (imported && !before.ends_with("::")))
}

pub fn only_entropy_draws_random_bytes(tree: &Tree) -> Vec<Finding> {
    let draws = [
        "getrandom::fill",
        "getrandom::SysRng",
        "OsRng",
        "SysRng",
        "rand::random",
        "thread_rng",
        "SystemRandom",
        "Uuid::new_v4",
        "Math::random",
        "get_random_values",
    ];
    without_file(grep(tree, "", Scope::Product, Keep::Code, &draws), "entropy.rs")
}

pub fn the_agent_never_runs_a_shell(tree: &Tree) -> Vec<Finding> {
    let shells =
        ["\"sh\"", "\"bash\"", "\"/bin/sh\"", "\"/bin/bash\"", "\"dash\"", "\"-c\"", "libc::system("];
    grep(tree, "gateway-agent/src/", Scope::Product, Keep::CodeAndStrings, &shells)
}

pub fn replay_never_writes_to_the_bus(tree: &Tree) -> Vec<Finding> {
    let writes = [
        ".publish(",
        ".publish_with",
        ".publish_message(",
        ".send_publish(",
        ".append(",
        ".commit(",
        ".purge(",
        ".delete_message(",
        ".delete_stream(",
        ".create_stream(",
        ".update_stream(",
        ".create_or_update_stream(",
        ".get_or_create_stream(",
        ".double_ack(",
        "CommandBus",
    ];
    grep(tree, "replay/src/", Scope::Product, Keep::Code, &writes)
}

/// What a page's strict policy would stop in the browser, or would let somebody's name run as a script.
pub fn pages_make_no_markup_of_text(tree: &Tree) -> Vec<Finding> {
    let ways = [
        "inner_html",
        "outer_html",
        "insert_adjacent_html",
        " style=",
        "js_sys::eval",
        "js_sys::Function::new",
    ];
    let found = grep(tree, "web-ui/src/", Scope::Product, Keep::Code, &ways);
    // `style=(name, value)` sets one property, which the policy allows.
    found.into_iter().filter(|finding| !finding.what.contains("style=(")).collect()
}

pub fn libraries_open_with_their_purpose(tree: &Tree) -> Vec<Finding> {
    tree.rust("")
        .filter(|(path, _)| path.ends_with("src/lib.rs"))
        .filter(|(_, text)| !text.trim_start().starts_with("//!"))
        .map(|(path, _)| Finding {
            place: path.to_owned(),
            what: "does not open with what the crate is for and never does".to_owned(),
        })
        .collect()
}

pub fn nothing_is_left_to_do(tree: &Tree) -> Vec<Finding> {
    let marks = ["todo!(", "unimplemented!(", "dbg!("];
    grep(tree, "", Scope::Everything, Keep::Code, &marks)
}

pub fn upcasters_import_no_live_types(tree: &Tree) -> Vec<Finding> {
    let live = [
        "crate::event",
        "crate::user",
        "crate::session",
        "crate::gateway::",
        "crate::device",
        "crate::policy",
    ];
    grep(tree, "domain/src/history/v", Scope::Everything, Keep::Code, &live)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Everything,
    /// What ships: no test files, no test modules, no examples.
    Product,
}

fn grep(tree: &Tree, folder: &str, scope: Scope, keep: Keep, words: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in tree.rust(folder) {
        // This program lists the words that it looks for.
        if path.starts_with("xtask/src/tidy/") || (scope == Scope::Product && is_test_file(path)) {
            continue;
        }
        let text = match scope {
            Scope::Everything => lines(text, keep),
            Scope::Product => lines_before_tests(text, keep),
        };
        for (n, line) in text.iter().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                let place = format!("{path}:{}", n + 1);
                findings.push(Finding { place, what: line.trim().to_owned() });
            }
        }
    }
    findings
}

/// Whether `word` stands in `line` as a word of its own, not as the beginning or end of another.
fn has_word(line: &str, word: &str) -> bool {
    let is_word = |letter: char| letter.is_alphanumeric() || letter == '_';
    line.match_indices(word).any(|(at, _)| {
        let joined_before = word.starts_with(is_word) && line[..at].ends_with(is_word);
        let joined_after = line[at + word.len()..].starts_with(is_word);
        !joined_before && !joined_after
    })
}

fn without_file(findings: Vec<Finding>, allowed: &str) -> Vec<Finding> {
    let ending = format!("/{allowed}:");
    findings.into_iter().filter(|finding| !finding.place.contains(&ending)).collect()
}
