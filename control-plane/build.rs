//! Embeds the console that `cargo xtask web build` left in `<workspace>/target/console`: a table of its files,
//! each with its compressed forms. Without one the table is empty, and the pages say how to get it.

#![expect(clippy::print_stdout, reason = "this is how a build script speaks with cargo")]

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let workspace = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("..");
    let console = workspace.join("target/console");
    // Cargo runs a script again each time as long as what it watches is missing. Where the directory cannot be
    // made, nothing can put a console into it either.
    if fs::create_dir_all(&console).is_ok() {
        println!("cargo::rerun-if-changed={}", console.display());
    }
    let mut files = BTreeMap::new();
    if console.join("index.html").is_file() {
        collect(&console.canonicalize()?, "", &mut files)?;
    }
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("console.rs"), table(&files)?)?;
    Ok(())
}

/// Every file below the directory, under the path that browsers ask for.
fn collect(dir: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> Result<(), Box<dyn Error>> {
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
            files.insert(path, entry.path());
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
