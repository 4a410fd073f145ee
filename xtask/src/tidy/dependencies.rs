//! Checks on who may depend on whom.

use super::{Finding, Tree};

/// `(who, never reaches)`; transitive, so that no detour hides it.
pub const FORBIDDEN: &[(&str, &[&str])] = &[
    ("viworks-domain", &["tokio", "sqlx", "warp", "async-nats", "async-trait", "hyper", "reqwest"]),
    ("viworks-api", &["viworks-nats", "viworks-projections", "async-nats", "sqlx", "warp"]),
    ("viworks-nats", &["viworks-projections", "viworks-control-plane", "sqlx", "warp"]),
    ("viworks-projections", &["viworks-nats", "async-nats", "warp"]),
    ("viworks-web-ui", &["viworks-nats", "async-nats", "viworks-projections", "tokio", "reqwest", "rustls"]),
    // Its rules are tested without a browser.
    ("viworks-web-model", &["leptos", "web-sys", "js-sys", "wasm-bindgen", "tokio"]),
    ("viworks-desktop", &["viworks-nats", "async-nats", "viworks-projections", "viworks-control-plane"]),
    ("viworks-mobile-core", &["viworks-nats", "async-nats", "viworks-projections", "viworks-control-plane"]),
    // It may know `api`: it enrols and renews its bus credentials over HTTPS, with api's types and client.
    ("viworks-gateway-agent", &["viworks-projections", "viworks-control-plane", "warp", "sqlx", "cqrs-es"]),
    ("viworks-replay", &["viworks-control-plane", "warp"]),
    ("xtask", &["tokio", "viworks-domain"]),
];

pub fn point_inward(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (who, never) in FORBIDDEN {
        let Some(reached) = tree.reaches.get(*who) else { continue };
        for other in never.iter().filter(|other| reached.contains(**other)) {
            findings.push(Finding { place: (*who).to_owned(), what: format!("depends on {other}") });
        }
    }
    findings
}

/// Names that say nothing about what a thing does.
const EMPTY_WORDS: &[&str] = &["common", "util", "utils", "helper", "helpers", "misc", "shared", "manager"];

pub fn crates_are_named_for_what_they_do(tree: &Tree) -> Vec<Finding> {
    let says_nothing = |name: &str| name.split(['-', '_']).any(|word| EMPTY_WORDS.contains(&word));
    let crates = tree
        .reaches
        .keys()
        .filter(|name| says_nothing(name))
        .map(|name| Finding { place: name.clone(), what: "a crate's name says what it does".to_owned() });
    let modules = tree.rust("").filter_map(|(path, _)| {
        let stem = path.strip_suffix("/mod.rs").or_else(|| path.strip_suffix(".rs"))?;
        let name = stem.rsplit('/').next()?;
        EMPTY_WORDS
            .contains(&name)
            .then(|| Finding { place: path.to_owned(), what: "a module's name says what it does".to_owned() })
    });
    crates.chain(modules).collect()
}
