//! Embeds the console that `cargo xtask web build` left in `<workspace>/target/console`: a table of its files,
//! each with its compressed forms. Without one the table is empty, and the pages say how to get it.

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// A console that is being built is complete again at once.
const TRIES: u32 = 5;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let console = workspace.join("target/console");
    // Cargo runs a script again each time as long as what it watches is missing. Where the directory cannot be
    // made, nothing can put a console into it either.
    if fs::create_dir_all(&console).is_ok() {
        println!("cargo::rerun-if-changed={}", console.display());
    }
    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("console.rs"), table(&copied(&console, &out)?)?)?;
    Ok(())
}

/// Path -> copy. What is compiled is as it was at one moment: the console may be built anew meanwhile.
fn copied(console: &Path, out: &Path) -> Result<BTreeMap<String, PathBuf>, Box<dyn Error>> {
    let mut tries = 0;
    let files = loop {
        let mut files = BTreeMap::new();
        if !console.join("index.html").is_file() {
            break files;
        }
        match collect(console, "", &mut files) {
            Ok(()) => break files,
            Err(error) if error.kind() == ErrorKind::NotFound && tries < TRIES => tries += 1,
            Err(error) => return Err(error.into()),
        }
    };
    let copies = out.join("console");
    if copies.exists() {
        fs::remove_dir_all(&copies)?;
    }
    fs::create_dir_all(&copies)?;
    let mut copied = BTreeMap::new();
    for (n, (path, bytes)) in files.into_iter().enumerate() {
        let copy = copies.join(n.to_string());
        fs::write(&copy, bytes)?;
        copied.insert(path, copy);
    }
    Ok(copied)
}

/// Every file below the directory, under the path that browsers ask for.
fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, Vec<u8>>) -> Result<(), io::Error> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}/{name}");
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, files)?;
        } else {
            files.insert(path, fs::read(entry.path())?);
        }
    }
    Ok(())
}

fn table(files: &BTreeMap<String, PathBuf>) -> Result<String, Box<dyn Error>> {
    let embedded = |path: &Path| format!("include_bytes!({:?})", path.display().to_string());
    let mut text = String::from("&[\n");
    for (path, plain) in files {
        if path.ends_with(".br") || path.ends_with(".gz") {
            continue;
        }
        let packed = |ending| match files.get(&format!("{path}{ending}")) {
            Some(packed) => format!("Some({})", embedded(packed)),
            None => "None".to_owned(),
        };
        writeln!(
            text,
            "    Embedded {{ path: {path:?}, plain: {}, brotli: {}, gzip: {} }},",
            embedded(plain),
            packed(".br"),
            packed(".gz"),
        )?;
    }
    text.push_str("]\n");
    Ok(text)
}
