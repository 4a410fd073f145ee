//! What people write by hand for the page: `assets/` as it is, `style/` as one sheet.

use crate::failure::{Failure, Result};
use std::{collections::BTreeMap, fs, path::Path};

pub const PAGE: &str = "index.html";
pub const BOOT: &str = "boot.js";
pub const STYLE: &str = "style.css";

/// File name to content.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(pub BTreeMap<String, Vec<u8>>);

/// Fetches the page each second and loads it anew when it has become another one.
const RELOAD: &str = include_str!("reload.js");

pub fn read(assets: &Path, style: &Path) -> Result<Sources> {
    let mut sources = Sources(files(assets)?);
    let sheets = files(style)?.into_iter().filter(|(name, _)| name.ends_with(".css"));
    if sources.0.insert(STYLE.to_owned(), one_sheet(sheets)).is_some() {
        return Err(Failure::Twice(STYLE.to_owned()));
    }
    for needed in [PAGE, BOOT] {
        if !sources.0.contains_key(needed) {
            return Err(Failure::Missing(needed));
        }
    }
    Ok(sources)
}

impl Sources {
    pub fn reload_on_change(&mut self) -> Result {
        let boot = self.0.get_mut(BOOT).ok_or(Failure::Missing(BOOT))?;
        boot.push(b'\n');
        boot.extend_from_slice(RELOAD.as_bytes());
        Ok(())
    }
}

/// In the order of their names: what comes later wins over what came before it.
fn one_sheet(sheets: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut all = Vec::new();
    for (name, text) in sheets {
        all.extend_from_slice(format!("/* {name} */\n").as_bytes());
        all.extend_from_slice(text.trim_ascii());
        all.push(b'\n');
    }
    all
}

/// Names that begin with a dot are an editor's or the system's.
fn files(dir: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let entries = fs::read_dir(dir).map_err(Failure::file("list", dir))?;
    let mut found = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(Failure::file("list", dir))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') || name.ends_with('~') || path.is_dir() {
            continue;
        }
        found.insert(name, fs::read(&path).map_err(Failure::file("read", &path))?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (path, text) in files {
            let path = dir.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        dir
    }

    #[test]
    fn style_sheets_become_one_in_the_order_of_their_names() {
        let dir = tree(&[
            ("assets/index.html", "page"),
            ("assets/boot.js", "boot"),
            ("style/20-table.css", "b { }\n\n"),
            ("style/00-base.css", "a { }\n"),
            ("style/.20-table.css.swp", "an editor's"),
            ("style/notes.txt", "no style"),
        ]);
        let sources = read(&dir.path().join("assets"), &dir.path().join("style")).expect("read");
        let sheet = String::from_utf8(sources.0[STYLE].clone()).expect("text");
        assert_eq!(sheet, "/* 00-base.css */\na { }\n/* 20-table.css */\nb { }\n");
    }

    #[test]
    fn a_page_without_its_boot_script_is_refused() {
        let dir = tree(&[("assets/index.html", "page"), ("style/a.css", "")]);
        let refused = read(&dir.path().join("assets"), &dir.path().join("style"));
        assert!(matches!(refused, Err(Failure::Missing(BOOT))));
    }

    #[test]
    fn only_a_watched_page_reloads_itself() {
        let mut sources = Sources([(BOOT.to_owned(), b"start()".to_vec())].into());
        sources.reload_on_change().expect("there is a boot script");
        let boot = String::from_utf8(sources.0[BOOT].clone()).expect("text");
        assert!(boot.starts_with("start()\n") && boot.contains("location.reload()"), "{boot}");
    }
}
