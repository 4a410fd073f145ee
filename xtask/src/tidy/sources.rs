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
    grep(tree, "domain/src/", Scope::Everything, Keep::Code, &["async fn", "async move", ".await"])
}

pub fn stored_types_are_plain(tree: &Tree) -> Vec<Finding> {
    let attributes = grep(tree, "domain/src/", Scope::Everything, Keep::Code, &["flatten", "untagged"]);
    // `Iterator::flatten` is no attribute.
    attributes.into_iter().filter(|finding| !finding.what.contains(".flatten()")).collect()
}

pub fn only_clocks_read_the_clock(tree: &Tree) -> Vec<Finding> {
    let reads = [
        "Instant::now",
        "SystemTime::now",
        "Timestamp::now",
        "Zoned::now",
        "Uuid::now_v7",
        "clock_gettime",
        "thread::sleep",
    ];
    without_file(grep(tree, "", Scope::Product, Keep::Code, &reads), "clock.rs")
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
    /// What ships: no test files, no test modules.
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

fn without_file(findings: Vec<Finding>, allowed: &str) -> Vec<Finding> {
    let ending = format!("/{allowed}:");
    findings.into_iter().filter(|finding| !finding.place.contains(&ending)).collect()
}
