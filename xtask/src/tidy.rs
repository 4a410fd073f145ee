//! `cargo xtask tidy`: the absences that ARCHITECTURE.md promises, each checked by a small function over a
//! [`Tree`] (sources and dependency graph as plain data), so that each has a test in which it turns red.

mod architecture;
mod dependencies;
mod promises;
mod source;
mod sources;
#[cfg(test)]
mod tests;
mod tree;

use crate::{
    exec,
    failure::{Result, bail},
    report::{green, red},
};
pub use source::is_test_file;
pub use tree::Tree;

/// Something that is there and should not be.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    pub place: String,
    pub what: String,
}

/// One promise and how it is checked.
pub struct Promise {
    pub name: &'static str,
    pub says: &'static str,
    pub check: fn(&Tree) -> Vec<Finding>,
}

/// Every crate that the lock file names comes here. Who depends on whom is asked of all of them, and the first who
/// asks would wait for the network.
pub fn fetch() -> Result {
    exec::interactive(exec::cargo().args(["fetch", "--locked"]))
}

pub fn run() -> Result {
    fetch()?;
    let tree = Tree::read()?;
    let mut broken = 0;
    for promise in promises::ALL {
        let findings = (promise.check)(&tree);
        let mark = if findings.is_empty() { green("✓") } else { red("✗") };
        println!("  {mark} {:<28} {}", promise.name, promise.says);
        for finding in &findings {
            println!("      {}: {}", finding.place, finding.what);
        }
        broken += usize::from(!findings.is_empty());
    }
    if broken == 0 { Ok(()) } else { bail!("{broken} promises are broken") }
}
