//! `cargo xtask golden`: writes the bytes of every version anew, by the test that holds them.

use crate::{
    exec,
    failure::{Failure, Result},
    report, workspace,
};
use std::{collections::BTreeMap, fs, path::Path};

const TEST: &str = "golden::what_is_written_today_is_what_was_written_then";
const FOLDER: &str = "domain/golden";

pub fn run() -> Result {
    let folder = workspace::root().join(FOLDER);
    let before = bytes(&folder)?;
    let mut cargo = exec::cargo();
    cargo.args([
        "test",
        "--quiet",
        "--locked",
        "--package",
        "viworks-domain",
        "--lib",
        "--",
        "--exact",
        TEST,
    ]);
    exec::interactive(cargo.env("UPDATE_GOLDEN", "1"))?;
    let lines = changes(&before, &bytes(&folder)?);
    for line in &lines {
        report::note(line);
    }
    if lines.is_empty() {
        report::note("nothing changed");
    } else {
        report::note(
            "what is new is frozen with this commit; what changed must never have been stored anywhere",
        );
    }
    Ok(())
}

type Files = BTreeMap<String, Vec<u8>>;

fn bytes(folder: &Path) -> Result<Files> {
    let mut found = Files::new();
    let entries = fs::read_dir(folder).map_err(|error| Failure::file("list", folder, &error))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(bytes(&path)?);
        } else {
            let read = fs::read(&path).map_err(|error| Failure::file("read", &path, &error))?;
            let place = path.strip_prefix(workspace::root()).unwrap_or(&path);
            found.insert(place.to_string_lossy().into_owned(), read);
        }
    }
    Ok(found)
}

fn changes(before: &Files, after: &Files) -> Vec<String> {
    let how = |place: &String, now: &Vec<u8>| match before.get(place) {
        None => Some(format!("new      {place}")),
        Some(then) if then != now => Some(format!("changed  {place}")),
        Some(_) => None,
    };
    after.iter().filter_map(|(place, now)| how(place, now)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_and_what_changed_is_named_and_the_rest_is_not() {
        let files = |all: &[(&str, u8)]| -> Files {
            all.iter().map(|(place, byte)| ((*place).to_owned(), vec![*byte])).collect()
        };
        let lines = changes(&files(&[("a", 1), ("b", 1)]), &files(&[("a", 1), ("b", 2), ("c", 3)]));
        assert_eq!(lines, ["changed  b", "new      c"]);
    }
}
