//! The bundle's directory, replaced as a whole: whoever reads it finds all of the old one or all of the new one.

use crate::{
    compress::Bundle,
    failure::{Failure, Result},
};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Replaced,
    /// Not a byte is different, so not a file was touched: nothing that is built from it is built again.
    Same,
}

pub fn replace(out: &Path, bundle: &Bundle) -> Result<Outcome> {
    let wanted = wanted(bundle);
    if is_there(out, &wanted) {
        return Ok(Outcome::Same);
    }
    let fresh = beside(out, "new");
    clear(&fresh)?;
    for (path, content) in &wanted {
        let path = fresh.join(path);
        let dir = path.parent().unwrap_or(&fresh);
        fs::create_dir_all(dir).map_err(Failure::file("make", dir))?;
        fs::write(&path, content).map_err(Failure::file("write", &path))?;
    }
    swap(&fresh, out).map_err(Failure::file("replace", out))?;
    // What was swapped out, if there was anything.
    clear(&fresh)?;
    Ok(Outcome::Replaced)
}

fn wanted(bundle: &Bundle) -> BTreeMap<String, &[u8]> {
    let forms = bundle.iter().flat_map(|(path, forms)| {
        [
            (path.clone(), &forms.raw[..]),
            (format!("{path}.gz"), &forms.gzip[..]),
            (format!("{path}.br"), &forms.brotli[..]),
        ]
    });
    forms.collect()
}

fn is_there(out: &Path, wanted: &BTreeMap<String, &[u8]>) -> bool {
    let mut found = 0;
    for dir in [out.to_path_buf(), out.join("assets")] {
        let entries = fs::read_dir(dir).into_iter().flatten().flatten();
        found += entries.filter(|entry| !entry.path().is_dir()).count();
    }
    found == wanted.len()
        && wanted.iter().all(|(path, content)| fs::read(out.join(path)).is_ok_and(|read| read == *content))
}

fn beside(out: &Path, what: &str) -> PathBuf {
    let name = out.file_name().unwrap_or_default().to_string_lossy();
    out.with_file_name(format!(".{name}-{what}-{}", std::process::id()))
}

fn clear(dir: &Path) -> Result {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::file("remove", dir)(error)),
        _ => Ok(()),
    }
}

fn swap(fresh: &Path, out: &Path) -> io::Result<()> {
    match renameat_with(CWD, fresh, CWD, out, RenameFlags::EXCHANGE) {
        Ok(()) => Ok(()),
        Err(Errno::NOENT) => fs::rename(fresh, out),
        // A file system that cannot exchange two names: out of the way first, then in.
        Err(Errno::INVAL | Errno::NOSYS) => {
            let old = beside(out, "old");
            fs::rename(out, &old)?;
            fs::rename(fresh, out)?;
            fs::rename(&old, fresh)
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        compress::{self, Effort},
        site::Files,
    };

    fn bundle(files: &[(&str, &str)]) -> Bundle {
        let files: Files =
            files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect();
        compress::all(files, Effort::Quick).expect("compressed")
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("listed").flatten();
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_new_bundle_takes_the_old_ones_place_and_leaves_nothing_of_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().join("console");
        let first = bundle(&[("index.html", "1"), ("assets/a-1.js", "1")]);
        assert_eq!(replace(&out, &first).expect("made"), Outcome::Replaced);
        let second = bundle(&[("index.html", "2"), ("assets/a-2.js", "2")]);
        assert_eq!(replace(&out, &second).expect("replaced"), Outcome::Replaced);
        assert_eq!(names(&out), ["assets", "index.html", "index.html.br", "index.html.gz"]);
        assert_eq!(names(&out.join("assets")), ["a-2.js", "a-2.js.br", "a-2.js.gz"]);
        assert_eq!(names(dir.path()), ["console"]);
    }

    #[test]
    fn the_same_bundle_again_touches_nothing() {
        let dir = tempfile::tempdir().expect("a directory");
        let out = dir.path().join("console");
        let files = [("index.html", "1"), ("assets/a-1.js", "1")];
        replace(&out, &bundle(&files)).expect("made");
        let written = |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).expect("a time");
        let before = written(&out.join("index.html"));
        assert_eq!(replace(&out, &bundle(&files)).expect("looked"), Outcome::Same);
        assert_eq!(written(&out.join("index.html")), before);
        fs::remove_file(out.join("assets/a-1.js.br")).expect("removed");
        assert_eq!(replace(&out, &bundle(&files)).expect("mended"), Outcome::Replaced);
    }
}
