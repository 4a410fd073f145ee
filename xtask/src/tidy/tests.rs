//! Each promise is broken here on purpose, and must be found broken; and kept, and found kept.

use super::{Tree, promises};
use std::collections::BTreeSet;

/// `(promise, file, text that breaks it, text that does not)`.
const SOURCES: &[(&str, &str, &str, &str)] = &[
    (
        "domain-is-synchronous",
        "domain/src/user.rs",
        "pub async fn decide() {}",
        "// never an async fn\npub fn decide() {}",
    ),
    (
        "domain-is-synchronous",
        "domain/src/enforcer.rs",
        "let bytes = read(path).await?;",
        "if self.awaits(|a| a.is_async_nats()) { self.awaited.remove(&ticket); }",
    ),
    (
        "stored-types-are-plain",
        "domain/src/event.rs",
        "#[serde(untagged)]\npub enum E {}",
        "let all = rows.flatten().count();\n// no untagged",
    ),
    ("frozen-history", "domain/src/history/v1.rs", "use crate::user::User;", "use crate::bytes;"),
    (
        "only-clocks-read-the-clock",
        "nats/src/worker.rs",
        "let now = std::time::Instant::now();",
        "let now = crate::clock::now();",
    ),
    (
        "only-clocks-read-the-clock",
        "gateway-agent/src/edge.rs",
        "use std::time::SystemTime;\nfn f() { SystemTime::now(); }",
        "fn f() {}\n#[cfg(test)]\nmod tests { fn g() { std::time::Instant::now(); } }",
    ),
    (
        "only-clocks-read-the-clock",
        "nats/src/pull.rs",
        "use tokio::time::sleep;\nuse std::time::Instant;\nfn f() { let at = Instant::now(); }",
        "use tokio::time::{\n    Instant, sleep,\n};\nfn f() { let until = Instant::now() + PATIENCE; }",
    ),
    (
        "only-clocks-read-the-clock",
        "nats/src/lane.rs",
        "use tokio::time::Instant;\nlet both = (Instant::now(), std::time::Instant::now());",
        "let life = interval_at(tokio::time::Instant::now() + SIGN_OF_LIFE, SIGN_OF_LIFE);",
    ),
    (
        "only-clocks-read-the-clock",
        "nats/src/store.rs",
        "let now = tokio::time::Instant::now() + jiff::Timestamp::now().duration();",
        "let now = tokio::time::Instant::now();",
    ),
    (
        "only-clocks-read-the-clock",
        "web-ui/src/feed.rs",
        "let now = js_sys::Date::now();",
        "let now = crate::clock::now();",
    ),
    (
        "pages-make-no-markup-of-text",
        "web-ui/src/views/users.rs",
        "view! { <p inner_html=name></p> }",
        "view! { <p style:height=height>{name}</p> }",
    ),
    (
        "pages-make-no-markup-of-text",
        "web-ui/src/kit/table.rs",
        "view! { <p class=\"a\" style=\"height: 3px\"></p> }",
        "view! { <p\n    style=(\"--few\", few)\n></p> }",
    ),
    (
        "only-entropy-draws",
        "control-plane/src/route.rs",
        "getrandom::fill(&mut key)?;",
        "entropy.fill(&mut key)?;",
    ),
    (
        "agent-runs-no-shell",
        "gateway-agent/src/runner.rs",
        "Command::new(\"/bin/sh\").arg(script)",
        "Command::new(&script.path).args(argv) // never \"/bin/sh\"",
    ),
    ("replay-only-reads", "replay/src/rebuild.rs", "js.publish(subject, bytes)", "stream.next()"),
    ("libraries-say-their-purpose", "api/src/lib.rs", "pub mod user;", "//! What for.\npub mod user;"),
    ("nothing-left-to-do", "desktop/src/engine.rs", "todo!()", "/* todo!() */ fn done() {}"),
    ("names-say-something", "desktop/src/utils.rs", "", ""),
];

#[test]
fn every_promise_about_sources_turns_red_when_broken_and_green_when_kept() {
    for (promise, path, broken, kept) in SOURCES {
        assert!(!findings(promise, &source(path, broken)).is_empty(), "{promise} did not notice: {broken}");
        if broken != kept {
            let found = findings(promise, &source(path, kept));
            assert!(found.is_empty(), "{promise} complained about: {kept}: {found:?}");
        }
    }
}

#[test]
fn a_clock_file_may_read_the_clock_and_an_entropy_file_may_draw() {
    let clock = source("nats/src/clock.rs", "pub fn now() -> Instant { Instant::now() }");
    assert!(findings("only-clocks-read-the-clock", &clock).is_empty());
    let entropy = source("nats/src/entropy.rs", "getrandom::fill(&mut bytes)");
    assert!(findings("only-entropy-draws", &entropy).is_empty());
}

#[test]
fn what_tests_and_measures_is_not_what_ships() {
    for path in
        ["nats/src/testing.rs", "nats/src/testing/server.rs", "nats/tests/bus.rs", "nats/examples/bench.rs"]
    {
        let reading = source(path, "let now = std::time::Instant::now();");
        assert!(findings("only-clocks-read-the-clock", &reading).is_empty(), "{path}");
    }
    let reading = source("nats/src/contesting.rs", "let now = std::time::Instant::now();");
    assert!(!findings("only-clocks-read-the-clock", &reading).is_empty());
}

#[test]
fn an_agent_may_know_the_api_and_nothing_behind_it() {
    let mut tree = Tree::default();
    let reached = BTreeSet::from(["viworks-api".to_owned(), "viworks-nats".to_owned()]);
    tree.reaches.insert("viworks-gateway-agent".to_owned(), reached);
    assert!(findings("dependencies-point-inward", &tree).is_empty());
}

#[test]
fn a_file_of_801_lines_is_too_long_and_one_of_800_is_not() {
    let promise = "files-fit-one-sitting";
    assert!(findings(promise, &source("nats/src/store.rs", &"\n".repeat(800))).is_empty());
    assert!(!findings(promise, &source("nats/src/store.rs", &"\n".repeat(801))).is_empty());
}

#[test]
fn a_forbidden_dependency_is_found_whoever_brings_it() {
    for (who, never) in super::dependencies::FORBIDDEN {
        for other in *never {
            let mut tree = Tree::default();
            tree.reaches.insert((*who).to_owned(), BTreeSet::from([(*other).to_owned()]));
            let found = findings("dependencies-point-inward", &tree);
            assert_eq!(found.len(), 1, "{who} may not reach {other}");
        }
    }
}

#[test]
fn a_test_that_the_architecture_names_must_be_there() {
    let mut tree = source("domain/src/user/tests.rs", "fn a_code_is_used_once() {}");
    let document = "Codes: `a_code_is_used_once`, `domain::user::tests::a_code_is_used_once`; `tidy: agent-runs-no-shell`; \
                    `some_name`.";
    tree.files.insert("ARCHITECTURE.md".to_owned(), document.to_owned());
    assert!(findings("named-tests-exist", &tree).is_empty());
    let document = "Codes: `a_code_is_never_reused`; `tidy: agent-runs-no-shells`.";
    tree.files.insert("ARCHITECTURE.md".to_owned(), document.to_owned());
    assert_eq!(findings("named-tests-exist", &tree).len(), 2);
}

#[test]
fn a_crate_with_an_empty_name_is_found() {
    let mut tree = Tree::default();
    tree.reaches.insert("viworks-common".to_owned(), BTreeSet::new());
    assert_eq!(findings("names-say-something", &tree).len(), 1);
}

#[test]
fn every_promise_has_a_name_of_its_own_and_is_broken_in_some_test_here() {
    let names: BTreeSet<&str> = promises::ALL.iter().map(|promise| promise.name).collect();
    assert_eq!(names.len(), promises::ALL.len());
    let elsewhere = ["dependencies-point-inward", "files-fit-one-sitting", "named-tests-exist"];
    for name in names {
        let broken = SOURCES.iter().any(|(promise, ..)| *promise == name) || elsewhere.contains(&name);
        assert!(broken, "no test breaks {name}");
    }
}

#[test]
fn the_workspace_itself_keeps_every_promise() {
    let tree = Tree::read().expect("the workspace is readable");
    for promise in promises::ALL {
        let found = (promise.check)(&tree);
        assert!(found.is_empty(), "{}: {found:#?}", promise.name);
    }
}

fn source(path: &str, text: &str) -> Tree {
    let mut tree = Tree::default();
    tree.files.insert(path.to_owned(), text.to_owned());
    tree
}

fn findings(name: &str, tree: &Tree) -> Vec<super::Finding> {
    let promise = promises::ALL.iter().find(|promise| promise.name == name).expect("a known promise");
    (promise.check)(tree)
}
