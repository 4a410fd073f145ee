//! `cargo xtask figures`: how large things are.

use crate::{failure::Result, tidy::Tree, web, workspace};
use std::{collections::BTreeMap, fs};

const BINARIES: [&str; 6] = [
    "viworks",
    "viworks-agent",
    "viworks-connect",
    "viworks-tunneld",
    "viworks-authenticator",
    "viworks-replay",
];
const PROFILES: [&str; 3] = ["debug", "release", "small"];

pub fn run() -> Result {
    let tree = Tree::read()?;
    let mut crates: BTreeMap<&str, (usize, usize, usize)> = BTreeMap::new();
    let mut longest = ("", 0);
    for (path, text) in tree.rust("") {
        let lines = text.lines().count();
        let owner = path.split('/').next().unwrap_or(path);
        let (files, all, tests) = crates.entry(owner).or_default();
        *files += 1;
        *all += lines;
        *tests += if crate::tidy::is_test_file(path) { lines } else { 0 };
        if lines > longest.1 {
            longest = (path, lines);
        }
    }
    println!("{:<16} {:>6} {:>8} {:>20}", "crate", "files", "lines", "of it in test files");
    for (name, (files, lines, tests)) in &crates {
        println!("{name:<16} {files:>6} {lines:>8} {tests:>20}");
    }
    println!("longest file: {} ({} lines)\n", longest.0, longest.1);
    for profile in PROFILES {
        for name in BINARIES {
            let path = workspace::built().with_file_name(profile).join(name);
            if let Ok(meta) = fs::metadata(&path) {
                println!("{profile:<8} {name:<24} {:>12} bytes", meta.len());
            }
        }
    }
    for (name, [raw, gzip, brotli]) in web::sizes() {
        println!("console  {name:<44} {raw:>8} bytes, {gzip:>8} with gzip, {brotli:>8} with brotli");
    }
    Ok(())
}
