//! Which files the bundle has: pure, from contents to named contents.
//!
//! Every file but the page carries the hash of its own content in its name, so that a browser may keep it for ever.
//! Files name each other as `{{name}}`; a file's hash covers the hashes of what it names.

use crate::{
    bindgen::Linked,
    failure::{Failure, Result},
    sources::{PAGE, Sources},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write as _};

const JS: &str = "console.js";
const WASM: &str = "console.wasm";

/// Path below the bundle's directory (with `/`) to content.
pub type Files = BTreeMap<String, Vec<u8>>;

pub fn lay_out(sources: Sources, linked: Linked) -> Result<Files> {
    let mut names = Namer { waiting: sources.0, ..Namer::default() };
    for (name, content) in [(JS, script(&linked, &mut names).into_bytes()), (WASM, linked.wasm)] {
        if names.waiting.insert(name.to_owned(), content).is_some() {
            return Err(Failure::Twice(name.to_owned()));
        }
    }
    let page = names.waiting.remove(PAGE).ok_or(Failure::Missing(PAGE))?;
    let page = names.fill_in(PAGE, page)?;
    nothing_inline(&page)?;
    // What the page does not lead to may still be asked for by the program.
    while let Some(name) = names.waiting.keys().next().cloned() {
        names.address(&name, PAGE)?;
    }
    names.files.insert(PAGE.to_owned(), page);
    Ok(names.files)
}

/// The JavaScript with its imports of other crates' JavaScript led to their hashed names.
fn script(linked: &Linked, names: &mut Namer) -> String {
    let mut js = linked.js.clone();
    for (imported, text) in &linked.snippets {
        let address = names.place("snippet.js", text.clone().into_bytes());
        js = js.replace(imported, &address);
    }
    js
}

#[derive(Default)]
struct Namer {
    waiting: BTreeMap<String, Vec<u8>>,
    /// What is being worked on: whoever comes back to one of these goes in a circle.
    open: Vec<String>,
    /// Name to address.
    named: BTreeMap<String, String>,
    files: Files,
}

impl Namer {
    /// The address of the file that is called `name` in the sources, for `file` which names it; it is placed if
    /// it was not.
    fn address(&mut self, name: &str, file: &str) -> Result<String> {
        if let Some(address) = self.named.get(name) {
            return Ok(address.clone());
        }
        let Some(content) = self.waiting.remove(name) else {
            return Err(if self.open.iter().any(|open| open == name) {
                Failure::Circle(name.to_owned())
            } else {
                Failure::Unknown { file: file.to_owned(), name: name.to_owned() }
            });
        };
        self.open.push(name.to_owned());
        let content = if is_text(name) { self.fill_in(name, content)? } else { content };
        let address = self.place(name, content);
        self.open.pop();
        self.named.insert(name.to_owned(), address.clone());
        Ok(address)
    }

    fn fill_in(&mut self, file: &str, content: Vec<u8>) -> Result<Vec<u8>> {
        let text = String::from_utf8(content).map_err(|_| Failure::NotText { file: file.to_owned() })?;
        let mut filled = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, name, after)) = next_name(rest) {
            filled.push_str(before);
            filled.push_str(&self.address(name, file)?);
            rest = after;
        }
        filled.push_str(rest);
        Ok(filled.into_bytes())
    }

    fn place(&mut self, name: &str, content: Vec<u8>) -> String {
        let path = format!("assets/{}", hashed(name, &content));
        let address = format!("/{path}");
        self.files.insert(path, content);
        address
    }
}

/// The first `{{name}}`, with what stands before and after it.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    let mut from = 0;
    while let Some(at) = text[from..].find("{{") {
        let begin = from + at + 2;
        let end = text[begin..].find("}}").map(|length| begin + length)?;
        let name = &text[begin..end];
        if !name.is_empty() && name.chars().all(letter) {
            return Some((&text[..begin - 2], name, &text[end + 2..]));
        }
        from = begin;
    }
    None
}

fn is_text(name: &str) -> bool {
    // wasm-bindgen's own file names nothing, and is not ours to read.
    name != JS && [".js", ".css", ".svg", ".webmanifest"].iter().any(|ending| name.ends_with(ending))
}

/// `boot.js` -> `boot-0123456789abcdef.js`. Sixty-four bits tell builds apart; nothing is trusted by them.
fn hashed(name: &str, content: &[u8]) -> String {
    let mut hash = String::new();
    for byte in &Sha256::digest(content)[..8] {
        // Writing to a String cannot fail.
        let _ = write!(hash, "{byte:02x}");
    }
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("{stem}-{hash}.{extension}"),
        None => format!("{name}-{hash}"),
    }
}

/// The policy would keep the browser from running it; better that no such page is made.
fn nothing_inline(page: &[u8]) -> Result {
    let text = String::from_utf8_lossy(page).to_ascii_lowercase();
    let forbidden = |what| Failure::Inline { file: PAGE.to_owned(), what };
    for tag in text.split('<').skip(1).filter_map(|tag| tag.split('>').next()) {
        let mut words = tag.split_ascii_whitespace();
        let element = words.next().unwrap_or_default();
        let attributes: Vec<&str> = words.map(|word| word.split('=').next().unwrap_or(word)).collect();
        if element == "script" && !attributes.contains(&"src") {
            return Err(forbidden("a script"));
        }
        if element == "style" || attributes.contains(&"style") {
            return Err(forbidden("a style"));
        }
        if attributes.iter().any(|name| name.starts_with("on")) && !element.starts_with('!') {
            return Err(forbidden("an event handler"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
