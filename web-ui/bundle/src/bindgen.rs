//! wasm-bindgen, as a library: from what cargo linked to a module and its JavaScript, for browsers.

use crate::failure::{Failure, Result};
use std::{collections::BTreeMap, fs, path::Path};
use wasm_bindgen_cli_support::Bindgen;

/// The stem of what comes out: `console.js` imports `console.wasm`'s functions, and is given its address.
const STEM: &str = "console";

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Linked {
    pub js: String,
    pub wasm: Vec<u8>,
    /// JavaScript that crates bring with them: the path by which `js` imports it, and its text.
    pub snippets: BTreeMap<String, String>,
}

/// The names of functions: a fifth of the size, and of use in a browser's tools alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    Kept,
    Dropped,
}

impl Names {
    pub const fn kept_if(kept: bool) -> Self {
        if kept { Self::Kept } else { Self::Dropped }
    }
}

pub fn link(wasm: &Path, names: Names) -> Result<Linked> {
    let bytes = fs::read(wasm).map_err(Failure::file("read", wasm))?;
    let refuse = |said: String| Failure::Wasm { path: wasm.to_path_buf(), said };
    let mut bindgen = Bindgen::new();
    bindgen
        .input_bytes(STEM, bytes)
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(names == Names::Dropped)
        .remove_producers_section(true);
    let mut output = bindgen
        .web(true)
        .and_then(|bindgen| bindgen.generate_output())
        .map_err(|error| refuse(format!("{error:#}")))?;

    if let Some(package) = output.npm_dependencies().keys().min() {
        return Err(Failure::JavaScriptPackage(package.clone()));
    }
    let mut snippets = BTreeMap::new();
    for (crate_id, texts) in output.snippets() {
        for (n, text) in texts.iter().enumerate() {
            snippets.insert(format!("./snippets/{crate_id}/inline{n}.js"), text.clone());
        }
    }
    for (path, text) in output.local_modules() {
        snippets.insert(format!("./snippets/{path}"), text.clone());
    }
    let js = output.js().to_owned();
    Ok(Linked { js, wasm: output.wasm_mut().emit_wasm(), snippets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_wasm_is_refused_by_name() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("console.wasm");
        fs::write(&path, "not wasm").expect("written");
        let refused = link(&path, Names::Dropped).expect_err("refused").to_string();
        assert!(refused.contains("console.wasm"), "{refused}");
    }
}
