//! The workspace as data: what its files say and who depends on whom.

use crate::{
    exec,
    failure::{Failure, Result},
    workspace,
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

#[derive(Default)]
pub struct Tree {
    /// Path from the top, with `/`, to text. Rust sources, manifests and Markdown.
    pub files: BTreeMap<String, String>,
    /// Workspace member to every crate it reaches by normal dependencies, at any distance.
    pub reaches: BTreeMap<String, BTreeSet<String>>,
}

impl Tree {
    pub fn read() -> Result<Self> {
        let top = workspace::root();
        let mut tree = Self::default();
        collect(&top, &top, &mut tree.files)?;
        for member in members(&top)? {
            // `cargo metadata` unifies features over all members; what one member alone reaches, `cargo tree`
            // knows.
            let tree_of = ["tree", "--package", &member, "--edges", "normal", "--prefix", "none"];
            let text = exec::succeed(cargo(&top).args(tree_of).args(["--format", "{p}", "--locked"]))?;
            tree.reaches.insert(member, reached(&text));
        }
        Ok(tree)
    }

    /// Rust files under `folder` (`"domain/"`), or all of them with `""`.
    pub fn rust<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.files
            .iter()
            .filter(move |(path, _)| path.starts_with(folder) && path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), text.as_str()))
    }
}

fn collect(top: &Path, dir: &Path, files: &mut BTreeMap<String, String>) -> Result {
    let entries = fs::read_dir(dir).map_err(|error| Failure::file("list", dir, &error))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && name != "node_modules" {
                collect(top, &path, files)?;
            }
        } else if [".rs", ".toml", ".md"].iter().any(|ending| name.ends_with(ending)) {
            let text = fs::read_to_string(&path).map_err(|error| Failure::file("read", &path, &error))?;
            let place = path.strip_prefix(top).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(place, text);
        }
    }
    Ok(())
}

fn cargo(top: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(top);
    command
}

fn members(top: &Path) -> Result<Vec<String>> {
    let text =
        exec::succeed(cargo(top).args(["metadata", "--format-version", "1", "--no-deps", "--locked"]))?;
    let metadata: Value = serde_json::from_str(&text)
        .map_err(|error| Failure::said(format!("`cargo metadata` printed no JSON: {error}")))?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages.filter_map(|package| package["name"].as_str()).map(str::to_owned).collect())
}

/// The crate names in what `cargo tree` prints, one per line before its version; the first is the crate itself.
fn reached(text: &str) -> BTreeSet<String> {
    text.lines().skip(1).filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_below_the_crate_itself_is_reached() {
        let text = "a v0.1.0 (/x/a)\nb v1.0.0\nc v2.3.4 (proc-macro)\nb v1.0.0 (*)\n";
        assert_eq!(reached(text), BTreeSet::from(["b".to_owned(), "c".to_owned()]));
    }
}
